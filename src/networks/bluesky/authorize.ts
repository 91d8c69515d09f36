import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { FlockError } from '../../errors.ts';
import { isSafeAddress, type Send } from '../../http/exchange.ts';
import { type Secret, shown } from '../../text.ts';
import type { Failure } from '../network.ts';
import { openBluesky } from './client.ts';
import { didText, plcDirectory, serverOf, type Answered, openXrpc, type Xrpc } from './xrpc.ts';
import { type BlueskyKey, claimsIn, createSession } from './sessions.ts';

/*
 * How a key for Bluesky is got: from a handle and an app password. Nothing is stored here.
 */

/** The server that answers for handles, and that holds the accounts of most people. */
const usualServer = 'https://bsky.social';

interface AuthorizeOptions {
  send: Send;
  clock: Clock;
  /** The directory of `did:plc`. */
  directory?: string;
  /** The server that knows the handle. */
  server?: string;
}

/** What a person typed. */
interface Credentials {
  /** A handle, with or without `@`, the address of a profile, or a DID. */
  identifier: string;
  appPassword: Secret<string>;
}

/** A key that was tried, and the handle of its account. */
export interface BlueskyGrant {
  key: BlueskyKey;
  screenName: string;
}

/** What a token may do that an app password got. `appPassPrivileged` may also read direct messages. */
const appScopes = new Set(['com.atproto.appPass', 'com.atproto.appPassPrivileged']);

const whereToMake = 'make one at Bluesky: Settings, Privacy and security, App passwords';

/**
 * Tries an app password: finds the account of the handle and the server that holds it, signs in there, and signs out.
 *
 * @throws {FlockError} `usage` if the handle is none or the server's address is not safe; `data` if there is no such account, the
 * password is wrong or is the main one, or the account is suspended; `tryLater` if Bluesky limits the logins; `unavailable` if a
 * server does not answer
 */
export async function authorize(
  { identifier, appPassword }: Credentials,
  { send, clock, directory = plcDirectory, server = usualServer }: AuthorizeOptions,
): Promise<BlueskyGrant> {
  const xrpc = openXrpc(send, clock);
  if (!isSafeAddress(server))
    throw new FlockError('usage', `${shown(server)} is not the address of a server`, {
      hint: 'it begins with https://, as in https://bsky.social',
    });
  const userId = await accountOf(xrpc, server, identifier);
  const holder = okOf(await serverOf(xrpc, directory, userId), `cannot find the server of ${userId}`);
  const key = { userId, appPassword, server: holder };
  const { did, handle, accessJwt, refreshJwt, active, status } = okOf(
    await createSession(xrpc, key),
    identifier.startsWith('did:')
      ? 'cannot sign in'
      : `cannot sign in as @${readIdentifier(identifier) ?? ''}`,
    { hint: whereToMake },
  );
  await endSession(xrpc, holder, refreshJwt);
  if (did !== userId)
    throw new FlockError(
      'unavailable',
      `${holder} signed in as ${did} instead of ${userId}; nothing was stored`,
    );
  if (!appScopes.has(claimsIn(accessJwt).scope))
    throw new FlockError(
      'data',
      `this is the main password of @${handle}, not an app password; nothing was stored`,
      {
        hint: whereToMake,
      },
    );
  if (!active) throw new FlockError('data', `the account @${handle} is ${status ?? 'not active'}`);
  return { key, screenName: handle };
}

/** Whose a key is now. @throws {FlockError} as {@link authorize} */
export async function whoAmI(
  key: BlueskyKey,
  { send, clock, directory = plcDirectory }: AuthorizeOptions,
): Promise<{ userId: string; screenName: string }> {
  const me = await openBluesky({ send, clock, directory })(key).me();
  return okOf<{ userId: string; screenName: string }>(me, 'cannot sign in', { hint: whereToMake });
}

/** The DID of a typed handle. */
async function accountOf(xrpc: Xrpc, server: string, identifier: string): Promise<string> {
  const name = readIdentifier(identifier);
  if (name === undefined)
    // It is not quoted: it may be the app password.
    throw new FlockError('usage', 'this is not a handle', {
      hint: 'a handle is a whole name, as in anna.bsky.social',
    });
  if (name.startsWith('did:')) return name;
  const found = await didOf(xrpc, server, name);
  if ('failure' in found && found.failure.kind === 'rejected')
    throw new FlockError('data', `there is no account @${name} (${new URL(server).host})`, {
      hint: 'is the handle spelled right, and has it changed?',
    });
  return okOf(found, `cannot find the account @${name}`).did;
}

/** @throws {FlockError} for a failure @param doing - what failed */
function okOf<T>(answered: Answered<T>, doing: string, { hint }: { hint?: string } = {}): T {
  if ('ok' in answered) return answered.ok;
  const { kind, reason } = answered.failure;
  const exit = kind === 'wait' ? 'tryLater' : refusals.has(kind) ? 'data' : 'unavailable';
  const others = { data: undefined, tryLater: 'try again in 5 minutes', unavailable: whatToCheck };
  throw new FlockError(exit, `${doing}: ${reason}`, { hint: kind === 'reauth' ? hint : others[exit] });
}

const whatToCheck = 'is there a network, and is the address of the server right?';

const refusals: ReadonlySet<Failure['kind']> = new Set(['reauth', 'unauthorized', 'suspended', 'rejected']);

/** A handle: a domain name. @see atproto.com/specs/handle */
const handleText = z
  .string()
  .max(253)
  .regex(/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/);

/**
 * The handle or DID that a person typed or copied: with `@`, in any case, or as the address of the profile.
 *
 * @returns undefined if it is none
 */
export function readIdentifier(typed: string): string | undefined {
  // Handles copied from the app can have invisible marks of direction around them.
  const plain = typed.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, '').trim();
  const name = plain.replace(/^https:\/\/[^/]+\/profile\/([^/?#]+).*$/, '$1').replace(/^(?:at:\/\/|@)/, '');
  if (didText.safeParse(name).success) return name;
  return handleText.safeParse(name.toLowerCase()).data;
}

/** The DID of a handle. @param server - any server of the network */
const didOf = (xrpc: Xrpc, server: string, handle: string): Promise<Answered<{ did: string }>> =>
  xrpc({
    server,
    method: 'GET',
    name: 'com.atproto.identity.resolveHandle',
    query: { handle },
    answer: z.object({ did: didText }),
  });

/** Ends a session. A failure is of no use to anyone: the session ends by itself. */
const endSession = (xrpc: Xrpc, server: string, refresh: Secret<string>): Promise<unknown> =>
  xrpc({
    server,
    method: 'POST',
    name: 'com.atproto.server.deleteSession',
    bearer: refresh,
    answer: z.unknown(),
  });
