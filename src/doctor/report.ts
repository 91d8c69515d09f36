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

/** Findings in the order they are read in: the flock's first, then bot by bot. */
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

/** One line a finding, and one for its repair. */
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

/** The report for programs. */
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

type Result = 'ok' | 'warn' | 'bad' | 'skipped';

/** What one check found. */
export interface Finding {
  /** The check's id, for programs. */
  check: string;
  /** The bot, file or provider it is about. */
  subject: string;
  /** A bot may have the name of a file or a provider. */
  about: 'bot' | 'flock';
  result: Result;
  message: string;
  /** The repair. */
  hint?: string | undefined;
  /** What the check cost, or would have cost, on X. Dollars. */
  cost: number;
}

/** Makes the findings about one subject. */
export interface Subject {
  ok(check: string, message: string): Finding;
  warn(check: string, message: string, hint?: string): Finding;
  bad(check: string, message: string, hint?: string): Finding;
  skipped(check: string, message: string): Finding;
  /** What was thrown, as a finding. */
  thrown(check: string, error: FlockError): Finding;
}

export const bot = (name: string): Subject => subject(name, 'bot');
/** @param name - of a file or a provider */
export const thing = (name: string): Subject => subject(name, 'flock');

/** What an error says of a provider, whose name stands before the finding already. */
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

/** A flock to be examined, and the means. */
export interface Checkup {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  send: Send;
  /** @throws {FlockError} `usage` where there is no such provider */
  provider: (id: string, custom: FlockFile['providers']) => Provider;
  /** The bots to examine; none for all of them. */
  chosen: ReadonlySet<BotName>;
  /** A call of keymaker that works where doctor was called: `reauth howl` with the same `--root`. */
  keymaker: (call: string) => string;
}

/** A bundle that can be read, and where it is. */
export interface Held {
  bot: BotName;
  file: string;
  bundle: KeyBundle;
}

/** What the offline half learnt that the online half builds on. */
export interface Known {
  flockFile: FlockFile;
  /** The app keys set now, where they are. */
  appKeys: TokenPair | undefined;
  /** All good bundles, chosen or not. */
  held: Held[];
}

/** The id of the provider a bundle is for. */
export const providerIdOf = ({ bundle }: Held): string => bundle.provider ?? 'x';

/** Whether a bot is to be examined. */
export const isChosen = ({ chosen }: Checkup, bot: BotName): boolean => chosen.size === 0 || chosen.has(bot);

/** App keys, where they are used, and by whom. */
export interface AppPair {
  provider: string;
  appKeys: TokenPair;
  /** Whether they are the ones set now. */
  isSet: boolean;
  held: Held[];
}

/** Whether two pairs are one. */
export function isSame(a: TokenPair, b: TokenPair): boolean {
  const [one, other] = [a.reveal(), b.reveal()];
  return one.token === other.token && one.secret === other.secret;
}

/**
 * The providers that the app keys set now are for. Nothing says so but the bundles made with them; where there are none,
 * they are for X, unless the flock has only bundles for another provider.
 */
export function homesOf(appKeys: TokenPair, held: readonly Held[]): Set<string> {
  const users = held.filter(({ bundle }) => isSame(bundle.appKeys, appKeys));
  if (users.length > 0) return new Set(users.map(providerIdOf));
  const [first] = held;
  return new Set([!first || held.some((one) => providerIdOf(one) === 'x') ? 'x' : providerIdOf(first)]);
}

/**
 * Every pair of app keys once for each provider, those set now first.
 *
 * @param held - all bundles, which say what the app keys set now are for
 * @param chosen - those to be examined
 */
export function appPairs(
  set: TokenPair | undefined,
  held: readonly Held[],
  chosen: readonly Held[],
): AppPair[] {
  const pairs: AppPair[] = [];
  if (set) {
    for (const provider of homesOf(set, held)) pairs.push({ provider, appKeys: set, isSet: true, held: [] });
  }
  const known = new Map(pairs.map((pair) => [keyOf(pair.provider, pair.appKeys), pair]));
  for (const one of chosen) {
    const provider = providerIdOf(one);
    const { appKeys } = one.bundle;
    const key = keyOf(provider, appKeys);
    const pair = known.get(key) ?? { provider, appKeys, isSet: false, held: [] };
    if (!known.has(key)) pairs.push(pair);
    known.set(key, pair);
    pair.held.push(one);
  }
  return pairs;
}

function keyOf(provider: string, appKeys: TokenPair): string {
  const { token, secret } = appKeys.reveal();
  return JSON.stringify([provider, token, secret]);
}

/** `howl`, `howl and prowl`, `howl and 3 bots more`. */
export function names(held: readonly Pick<Held, 'bot'>[]): string {
  const [first, second] = held;
  if (held.length > 2) return `${first?.bot ?? ''} and ${held.length - 1} bots more`;
  return second ? `${first?.bot ?? ''} and ${second.bot}` : (first?.bot ?? '');
}
