import type { Context } from '../context.ts';
import type { FlockFile } from '../config/flock-file.ts';
import type { FlockError } from '../errors.ts';
import type { KeyBundle } from '../keys/store.ts';
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
