import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import { parseKeyBundle, type KeyBundle } from '../key-bundle.ts';

/** A key that another program made. */
export interface ForeignKey {
  /** How messages call it: `keys/howl.json`, `.twurlrc: @howl`. */
  title: string;
  /** The bot that its file is named for, where the file is its alone. */
  ownName: BotName | undefined;
  /** Names that stand with the key, and are its bot's where there is such a bot. */
  mayBe?: readonly BotName[];
  /** The poem's path as the other program had it. */
  bundle: KeyBundle;
}

/** What a file holds: keys, and what looks like a key but cannot be used, with the reason. */
export type Found = ForeignKey | FlockError;

export const isKey = (found: Found): found is ForeignKey => !(found instanceof FlockError);

/** A part of a token pair, as other programs keep it; what is in it is for {@link foreignKey} to judge. */
export const part = z.string('is missing or not a string').min(1, 'is empty');

interface Parts {
  consumerToken: string;
  consumerSecret: string;
  token: string;
  secret: string;
  screenName?: string | undefined;
  userId?: string | undefined;
  mayBe?: readonly BotName[];
}

/** The key that these parts make, held to the rules of every bundle; or why they make none. */
export function foreignKey(title: string, parts: Parts): Found {
  const stored = {
    consumer_token: parts.consumerToken,
    consumer_token_secret: parts.consumerSecret,
    oauth_token: parts.token,
    oauth_token_secret: parts.secret,
    user_id: parts.userId,
    screen_name: parts.screenName,
  };
  return attempt(() => ({
    title,
    ownName: undefined,
    ...(parts.mayBe && { mayBe: parts.mayBe }),
    bundle: parseKeyBundle(JSON.stringify(stored), title),
  }));
}

/** What the function returns, or the FlockError that it throws. */
export function attempt<Result>(make: () => Result): Result | FlockError {
  try {
    return make();
  } catch (error) {
    if (error instanceof FlockError) return error;
    throw error;
  }
}

/** Why a part of a file is no key, by the first field that is wrong. Never the field's value. */
export function refusalOf(title: string, { issues: [issue] }: z.ZodError): FlockError {
  const field = issue?.path.join('.') ?? '';
  const why = field === '' ? 'not a key' : `${field} ${issue?.message ?? 'is wrong'}`;
  return new FlockError('data', `${title}: ${why}`, { hint: 'make a new key: keymaker make-keys ./poems' });
}
