import type { Clock } from '../clock.ts';
import type { FlockPaths } from '../config/environment.ts';
import type { FlockFile } from '../config/flock-file.ts';
import { inMicros, inUsd } from '../cost.ts';
import type { FlockError } from '../errors.ts';
import type { Send } from '../http/exchange.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import type { KeyStore } from '../keys/store.ts';
import type { Provider } from '../oauth/providers.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';

/** The result of one check. The file also has the reports of findings, and what both halves of doctor share. */
export interface Finding {
  /** The id of the check, for programs. */
  check: string;
  /** The bot, file or provider it is about. */
  subject: string;
  /** What `subject` names: a bot can have the name of a file or a provider. */
  about: 'bot' | 'flock';
  result: Result;
  message: string;
  /** How to repair it. */
  hint?: string | undefined;
  /** What the check cost on X, or would cost there. US dollars. */
  cost: number;
}

type Result = 'ok' | 'warn' | 'bad' | 'skipped';

/** Groups findings for a report: first those of the flock, then those of each bot, by name. */
export function grouped(findings: readonly Finding[]): Finding[][] {
  const flock = findings.filter(({ about }) => about === 'flock');
  const bots = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.about === 'bot') bots.set(finding.subject, [...(bots.get(finding.subject) ?? []), finding]);
  }
  const byName = [...bots].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  return [flock, ...byName].filter((group) => group.length > 0);
}

const signs: Record<Result, string> = { ok: 'ok', warn: 'warn', bad: 'bad', skipped: 'skip' };

/** The lines of a finding: one for the result, and one for the hint if there is one. */
export function linesOf({ result, subject, message, hint }: Finding): string[] {
  const line = `${signs[result].padEnd(4)}  ${subject}: ${message}`;
  return hint === undefined ? [line] : [line, `hint: ${hint}`];
}

/** `12 checks: 10 ok, 1 warning, 1 bad.` */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (result: Result): number => findings.filter((finding) => finding.result === result).length;
  const [warnings, bad, skipped] = [count('warn'), count('bad'), count('skipped')];
  const parts = [
    `${count('ok')} ok`,
    ...(warnings > 0 ? [warnings === 1 ? '1 warning' : `${warnings} warnings`] : []),
    ...(bad > 0 ? [`${bad} bad`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  return `${findings.length === 1 ? '1 check' : `${findings.length} checks`}: ${parts.join(', ')}.`;
}

export const isHealthy = (findings: readonly Finding[]): boolean =>
  findings.every(({ result }) => result !== 'bad');

/** The report as JSON. */
export function reportOf(findings: readonly Finding[]): object {
  return {
    ok: isHealthy(findings),
    cost_usd: inUsd(findings.reduce((sum, { cost }) => sum + inMicros(cost), 0)),
    checks: grouped(findings)
      .flat()
      .map(({ check, subject, result, message, hint, cost }) => ({
        check,
        subject,
        result,
        message,
        ...(hint !== undefined && { hint }),
        cost_usd: cost,
      })),
  };
}

/** Makes the findings about one subject. */
export interface Subject {
  ok(check: string, message: string): Finding;
  warn(check: string, message: string, hint?: string): Finding;
  bad(check: string, message: string, hint?: string): Finding;
  skipped(check: string, message: string): Finding;
  /** An error as a bad finding. */
  thrown(check: string, error: FlockError): Finding;
}

export const aboutBot = (name: string): Subject => subject(name, 'bot');

/** @param name - of a file, a folder or a provider */
export const aboutFlock = (name: string): Subject => subject(name, 'flock');

/** A message without the provider's title at its start, because the report has the subject before the message. */
export const withoutTitle = (message: string, { title }: { title: string }): string =>
  message.startsWith(`${title} `) ? message.slice(title.length + 1) : message;

function subject(name: string, about: Finding['about']): Subject {
  const found = (result: Result) => (check: string, message: string, hint?: string) => ({
    check,
    subject: name,
    about,
    result,
    message,
    hint,
    cost: 0,
  });
  const bad = found('bad');
  return {
    ok: found('ok'),
    warn: found('warn'),
    bad,
    skipped: found('skipped'),
    thrown: (check, { message, hint }) => bad(check, message, hint),
  };
}

/** The flock to examine, and what the checks use. */
export interface Checkup {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  send: Send;
  /** @throws {FlockError} `usage` if there is no such provider */
  provider: (id: string, custom: FlockFile['providers']) => Provider;
  /** The bots to examine; empty for all. */
  chosen: ReadonlySet<BotName>;
  /** Completes a call of keymaker with the flags that doctor was called with: `reauth howl` gets the same `--root`. */
  keymaker: (call: string) => string;
}

/** A bundle that was read without a fault. */
export interface LoadedBundle {
  bot: BotName;
  file: string;
  bundle: KeyBundle;
}

/** What the online half takes from the offline half. */
export interface Known {
  flockFile: FlockFile;
  /** The app keys that are set now. */
  appKeys: TokenPair | undefined;
  /** All good bundles, chosen or not. */
  bundles: LoadedBundle[];
}

/** The id of the provider a bundle is for. */
export const providerIdOf = ({ bundle }: LoadedBundle): string => bundle.provider ?? 'x';

/** Whether a bot is to be examined. */
export const isChosen = ({ chosen }: Checkup, bot: BotName): boolean => chosen.size === 0 || chosen.has(bot);

/** App keys, the provider that they are for, and the bundles that have them. */
export interface AppPair {
  provider: string;
  appKeys: TokenPair;
  /** Whether they are the ones set now. */
  isSet: boolean;
  bundles: LoadedBundle[];
}

export function isSamePair(a: TokenPair, b: TokenPair): boolean {
  const [one, other] = [a.reveal(), b.reveal()];
  return one.token === other.token && one.secret === other.secret;
}

/**
 * The providers that the app keys set now are for, as the bundles made with them say. Without such bundles the keys are
 * for X, or for the provider of the first bundle if no bundle is for X.
 */
export function providersOf(appKeys: TokenPair, bundles: readonly LoadedBundle[]): Set<string> {
  const users = bundles.filter(({ bundle }) => isSamePair(bundle.appKeys, appKeys));
  if (users.length > 0) return new Set(users.map(providerIdOf));
  const ids = bundles.map(providerIdOf);
  return new Set([ids.includes('x') ? 'x' : (ids[0] ?? 'x')]);
}

/**
 * Lists each pair of app keys once for each provider, with those set now first.
 *
 * @param bundles - all bundles: they say which providers the app keys set now are for
 * @param chosen - the bundles to examine
 */
export function appPairs(
  set: TokenPair | undefined,
  bundles: readonly LoadedBundle[],
  chosen: readonly LoadedBundle[],
): AppPair[] {
  const pairs: AppPair[] = [];
  if (set) {
    for (const provider of providersOf(set, bundles))
      pairs.push({ provider, appKeys: set, isSet: true, bundles: [] });
  }
  const known = new Map(pairs.map((pair) => [keyOf(pair.provider, pair.appKeys), pair]));
  for (const one of chosen) {
    const provider = providerIdOf(one);
    const { appKeys } = one.bundle;
    const key = keyOf(provider, appKeys);
    const pair = known.get(key) ?? { provider, appKeys, isSet: false, bundles: [] };
    if (!known.has(key)) pairs.push(pair);
    known.set(key, pair);
    pair.bundles.push(one);
  }
  return pairs;
}

function keyOf(provider: string, appKeys: TokenPair): string {
  const { token, secret } = appKeys.reveal();
  return JSON.stringify([provider, token, secret]);
}

/** `howl`, `howl and prowl`, `howl and 3 more bots`. */
export function botNames(bundles: readonly Pick<LoadedBundle, 'bot'>[]): string {
  const [first, second] = bundles;
  if (bundles.length > 2) return `${first?.bot ?? ''} and ${bundles.length - 1} more bots`;
  return second ? `${first?.bot ?? ''} and ${second.bot}` : (first?.bot ?? '');
}
