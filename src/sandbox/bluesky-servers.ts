import { createHmac } from 'node:crypto';
import * as z from 'zod';
import { parseJson } from '../text.ts';
import { blueskyName } from './names.ts';
import { type Call, json, Refused, type SandboxAnswer, type SandboxRequest } from './requests.ts';
import type { Account, Core, SeededRandom } from './world.ts';

/*
 * What all calls to Bluesky's servers share: limits, refusals, names of accounts, and tokens. The answers are those of @atproto/pds.
 */

export interface BlueskyOptions {
  /** Overrides of the limits; null removes one. */
  limits?: Partial<Record<LimitName, number | null>>;
  /** Whether logins are counted for each account, as by @atproto/pds, or for all together. */
  loginsOf?: 'account' | 'address';
  /** The password of Basic authorization for the admin's calls. */
  adminPassword?: string;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The requests or points in a window of that many milliseconds. @see the source of @atproto/pds: index.ts, createSession.ts */
const usualLimits = {
  requests: { max: 3000, length: 5 * minute },
  logins: { max: 30, length: 5 * minute },
  loginsPerDay: { max: 300, length: day },
  points: { max: 5000, length: hour },
  pointsPerDay: { max: 35_000, length: day },
} as const;

type LimitName = keyof typeof usualLimits;

/** The format of a refusal. */
export const refuse = (
  status: number,
  error: string,
  message: string,
  headers?: Record<string, string>,
): SandboxAnswer => json(status, { error, message }, headers);

export const badRequest = (message: string, error = 'InvalidRequest'): Refused =>
  new Refused(refuse(400, error, message));

export const notSignedIn = (error: string, message: string): Refused =>
  new Refused(refuse(401, error, message));

/** What all routes share. */
export class Servers {
  readonly core: Core;
  readonly options: BlueskyOptions;
  readonly random: SeededRandom;
  readonly #windows = new Map<string, { opened: number; used: number }>();
  /** When refresh tokens were used, by their ids. */
  readonly used = new Map<string, number>();
  readonly secret: string;

  constructor(core: Core, options: BlueskyOptions, random: SeededRandom) {
    this.core = core;
    this.options = options;
    this.random = random;
    this.secret = random.token('bluesky', 32);
  }

  now(): number {
    return this.core.clock.now() + this.core.ahead;
  }

  /** Takes points from limits. @returns the headers of the tightest one @throws {Refused} 429 if one is used up */
  take(counted: [name: LimitName, of: string, points: number][]): Record<string, string> {
    const states = counted.flatMap(([name, of, points]) => {
      const { max: usual, length } = usualLimits[name];
      const { [name]: max = usual } = this.options.limits ?? {};
      if (max === null) return [];
      const key = `${name} ${of}`;
      const known = this.#windows.get(key);
      const window = known && this.now() < known.opened + length ? known : { opened: this.now(), used: 0 };
      this.#windows.set(key, window);
      window.used += points;
      return [{ window, max, length }];
    });
    const [tightest] = states.sort((a, b) => a.max - a.window.used - (b.max - b.window.used));
    if (!tightest) return {};
    const { window, max, length } = tightest;
    const reset = Math.ceil((window.opened + length) / 1000);
    const headers: Record<string, string> = {
      'ratelimit-limit': String(max),
      'ratelimit-remaining': String(Math.max(0, max - window.used)),
      'ratelimit-reset': String(reset),
      'ratelimit-policy': `${max};w=${length / 1000}`,
    };
    if (window.used <= max) return headers;
    headers['retry-after'] = String(Math.max(1, reset - Math.floor(this.now() / 1000)));
    throw new Refused(refuse(429, 'RateLimitExceeded', 'Rate Limit Exceeded', headers));
  }
}

/** Serves one call. */
export type Handler = (servers: Servers, call: Call) => SandboxAnswer;

/** The DID of an account: its id, in letters for the digits. */
export const didOf = ({ id }: Account): string =>
  `did:plc:${id.padStart(24, '0').replaceAll(/./g, (digit) => letters[Number(digit)] ?? '')}`;

const idOf = (did: string): string =>
  Array.from(did.slice('did:plc:'.length), (letter) => letters.indexOf(letter))
    .join('')
    .replace(/^0+/, '');

const letters = 'abcdefghij';

/** The account with a handle or DID, at any server. */
export function accountOf({ core: { world } }: Servers, name: string): Account | undefined {
  if (name.startsWith('did:')) {
    const account = world.account(idOf(name));
    return account?.bluesky && account;
  }
  return world.accountNamed(blueskyName(name) ?? '');
}

export const isAt = (account: Account | undefined, { parts }: Call): account is Account =>
  account?.bluesky !== undefined && account.bluesky.server === parts['server'];

/*
 * Tokens. They are signed and hold what they say, so the sandbox keeps no sessions.
 */

const claims = z.object({
  scope: z.string(),
  sub: z.string(),
  exp: z.number(),
  jti: z.string(),
  /** The name of the app password. */
  app: z.string().optional(),
});

export type Claims = z.infer<typeof claims>;

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function sign({ secret }: Servers, value: Claims): string {
  const text = `${part({ typ: 'at+jwt', alg: 'HS256' })}.${part(value)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** The claims of the bearer of a request, not verified. */
function claimsIn({ headers }: SandboxRequest): Claims | undefined {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/.exec(headers['authorization'] ?? '') ?? [];
  return claims.safeParse(parseJson(Buffer.from(payload ?? '', 'base64url').toString())).data;
}

/** Whose request it is, not verified: faults can be ordered for one account. */
export const claimedAccount = ({ world }: Core, request: SandboxRequest): Account | undefined =>
  world.account(idOf(claimsIn(request)?.sub ?? identifierIn(request) ?? ''));

const identifierIn = ({ url, body }: SandboxRequest): string | undefined =>
  url.endsWith('createSession')
    ? z.object({ identifier: z.string() }).safeParse(parseJson(body)).data?.identifier
    : undefined;

/** The account and claims of a signed request. @throws {Refused} */
export function callerOf(servers: Servers, call: Call, scopes: RegExp): { account: Account; claims: Claims } {
  const header = call.request.headers['authorization'];
  if (header === undefined) throw notSignedIn('AuthMissing', 'Authentication Required');
  const found = claimsIn(call.request);
  if (!found || header !== `Bearer ${sign(servers, found)}`)
    throw badRequest('Token could not be verified', 'InvalidToken');
  if (found.exp * 1000 <= servers.now()) throw badRequest('Token has expired', 'ExpiredToken');
  if (!scopes.test(found.scope)) throw badRequest('Bad token scope', 'InvalidToken');
  const account = accountOf(servers, found.sub);
  if (!isAt(account, call)) throw new Refused(refuse(403, 'AccountNotFound', 'Account not found'));
  return { account, claims: found };
}

/** The scopes of access tokens: of the main password, and of an app password. */
export const anyAccess = /^com\.atproto\.(access|appPass)$/;

/** @throws {Refused} if the account cannot be used */
export function mustBeActive(account: Account): void {
  if (account.suspended) throw notSignedIn('AccountTakedown', 'Account has been taken down');
  if (account.bluesky?.deactivated === true)
    throw notSignedIn('AccountDeactivated', 'Account is deactivated');
}

/** The body of a call. @throws {Refused} */
export function bodyOf<T>({ request }: Call, schema: z.ZodType<T>): T {
  const read = schema.safeParse(parseJson(request.body));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw badRequest(`Input/${issue?.path.join('/') ?? ''} ${issue?.message ?? ''}`);
}

/** A text that is not empty. */
export const words = z.string().min(1);
