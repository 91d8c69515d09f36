import type { Context } from '../context.ts';
import type { FlockFile } from '../config/flock-file.ts';
import type { FlockError } from '../errors.ts';
import { isSameName } from '../keys/right-account.ts';
import type { Account } from '../oauth/client.ts';
import type { KeyBundle } from '../keys/bundle.ts';
import type { TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { listed } from '../text.ts';

/*
 * What is examined, the results of checks, and what both halves of doctor share.
 */

/** The flock to examine, and what the checks use. */
export interface Checkup extends Pick<
  Context,
  'paths' | 'keys' | 'clock' | 'send' | 'provider' | 'directory'
> {
  /** The bots to examine; empty for all. */
  chosen: ReadonlySet<BotName>;
  /** Completes a call of keymaker with the flags that doctor was called with: `reauth howl` gets the same `--root`. */
  keymaker: (call: string) => string;
}

/** Whether a bot is to be examined. */
export const isChosen = ({ chosen }: Checkup, bot: BotName): boolean => chosen.size === 0 || chosen.has(bot);

/** A bundle that was read without a fault. */
export interface LoadedBundle {
  bot: BotName;
  bundle: KeyBundle;
}

/** The id of the provider a bundle is for. */
export const providerIdOf = ({ bundle }: LoadedBundle): string => bundle.provider ?? 'x';

/** `howl`, `howl and prowl`, `howl and 3 more bots`. */
export function botNames(bundles: readonly Pick<LoadedBundle, 'bot'>[]): string {
  const names = bundles.map(({ bot }) => bot);
  return listed(names.length > 2 ? [...names.slice(0, 1), `${names.length - 1} more bots`] : names);
}

/** What the online half takes from the offline half. */
export interface Known {
  flockFile: FlockFile;
  /** The app keys that are set now, and the ids of the providers that they are for. */
  appKeys: TokenPair | undefined;
  appProviders: ReadonlySet<string>;
  /** All good bundles, chosen or not. */
  bundles: LoadedBundle[];
}

/** The result of one check. */
export interface Finding {
  /** The id of the check, for programs. */
  check: string;
  /** The bot, file or provider it is about. */
  subject: string;
  /** What `subject` names: a bot can have the name of a file or a provider. */
  about: 'bot' | 'flock';
  result: 'ok' | 'warn' | 'bad' | 'skipped';
  message: string;
  /** How to repair it. */
  hint?: string | undefined;
  /** What the check cost on X, or would cost there. US dollars. */
  cost: number;
}

/** Makes the findings about one subject. */
function subjectOf(about: Finding['about'], subject: string) {
  const is = (result: Finding['result'], check: string, message: string, hint?: string): Finding => ({
    check,
    subject,
    about,
    result,
    message,
    hint,
    cost: 0,
  });
  return {
    is,
    ok: (check: string, message: string) => is('ok', check, message),
    warn: (check: string, message: string, hint?: string) => is('warn', check, message, hint),
    bad: (check: string, message: string, hint?: string) => is('bad', check, message, hint),
    skipped: (check: string, message: string) => is('skipped', check, message),
    /** An error as a bad finding. */
    thrown: (check: string, { message, hint }: FlockError) => is('bad', check, message, hint),
  };
}

export const aboutBot = (name: string) => subjectOf('bot', name);

/** @param name - of a file, a folder or a provider */
export const aboutFlock = (name: string) => subjectOf('flock', name);

/** Whether an account that was asked for is the one of its bundle. @param title - who said so @param reauth - the command that makes another key */
export function judgeAccount(
  { bot, bundle }: LoadedBundle,
  title: string,
  account: Account,
  reauth: string,
): Finding {
  const about = aboutBot(bot);
  const { userId, screenName } = bundle;
  const now = `@${account.screenName} (id ${account.userId})`;
  if (userId !== undefined && userId !== account.userId) {
    const then = `${screenName === undefined ? 'the account' : `@${screenName}`} (id ${userId})`;
    return about.bad('key', `the key is for ${now}, but its bundle says ${then}`, reauth);
  }
  if (isSameName(screenName, account.screenName) !== false)
    return about.ok('key', `${title} says @${account.screenName}`);
  return userId === undefined
    ? about.bad('key', `the key is for ${now}, but its bundle says @${screenName}`, reauth)
    : about.warn('key', `is called @${account.screenName} now; its bundle still says @${screenName}`, reauth);
}

/** Masks secrets in a message of a provider, which may repeat what it was sent. */
export function withoutSecrets(text: string, { bundle }: LoadedBundle): string {
  const secrets = [bundle.appKeys, bundle.accessToken]
    .flatMap((pair) => Object.values(pair.reveal()))
    .filter((secret) => secret !== '');
  return secrets.reduce((message, secret) => message.replaceAll(secret, '[secret]'), text);
}
