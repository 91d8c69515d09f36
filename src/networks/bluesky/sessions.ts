import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import type { HttpAnswer } from '../../http/exchange.ts';
import { parseJson, Secret } from '../../text.ts';
import type { Failure } from '../network.ts';
import { didText, serverIn, serverOf, type Answered, type Xrpc } from './xrpc.ts';

/*
 * The sessions of all bots, in memory only. A session is made at the first request that needs one, and refreshed when its access
 * token has expired. An app password makes a new one at any time, so nothing is lost with the process.
 */

/** What a bot signs in with. */
export interface BlueskyKey {
  /** The DID, which stays when the handle or the server changes. */
  userId: string;
  appPassword: Secret<string>;
  /** The server that held the account when the key was made. */
  server: string;
}

/** A session: the access token lives for 2 hours, the refresh token for 90 days. */
export interface Session {
  /** The server that holds the account. */
  server: string;
  /** The server that signed in, which also refreshes. */
  origin: string;
  handle: string;
  access: Secret<string>;
  /** When the access token expires. Milliseconds since 1970. */
  expires: number;
  refresh: Secret<string>;
  /** Whether it is from the app password, and not from the session before. */
  isNew: boolean;
  /** Whether a request with it has been served. */
  isProven: boolean;
}

const token = z
  .string()
  .min(1)
  .transform((text) => new Secret(text));
const accountState = z.object({ active: z.boolean().default(true), status: z.string().optional() });
const sessionAnswer = accountState.extend({
  did: didText,
  handle: z.string(),
  accessJwt: token,
  refreshJwt: token,
  didDoc: z.unknown().optional(),
});

type SessionAnswer = z.infer<typeof sessionAnswer>;

/**
 * Signs in as an account. A server refuses the app passwords of an account that was suspended as if they were wrong, and does the
 * same for one that it does not hold. So after a refusal it is asked for the account's state.
 *
 * @see the source of @atproto/pds, account-manager.ts
 */
export async function createSession(
  xrpc: Xrpc,
  { server, userId, appPassword }: BlueskyKey,
): Promise<Answered<SessionAnswer>> {
  const made = await xrpc({
    server,
    method: 'POST',
    name: 'com.atproto.server.createSession',
    body: { identifier: userId, password: appPassword.reveal() },
    secret: appPassword,
    answer: sessionAnswer,
  });
  if (!('failure' in made) || made.failure.kind !== 'reauth') return made;
  const name = 'com.atproto.sync.getRepoStatus';
  const state = await xrpc({ server, method: 'GET', name, query: { did: userId }, answer: accountState });
  if ('ok' in state) return state.ok.active ? made : { ...made, failure: inactive(state.ok) };
  return state.failure.kind === 'suspended' ? { ...made, failure: state.failure } : made;
}

const inactive = ({ status = 'not active' }: z.infer<typeof accountState>): Failure => ({
  kind: 'suspended',
  reason: `its account is ${status === 'takendown' ? 'suspended' : status}`,
});

/** What an access token says of itself. */
const claims = z.object({ scope: z.string().catch(''), exp: z.number().catch(Infinity) });

/** The claims of a token, not verified: they are its server's business. */
export const claimsIn = (access: Secret<string>): z.infer<typeof claims> =>
  claims.parse(parseJson(Buffer.from(access.reveal().split('.')[1] ?? '', 'base64url').toString()) ?? {});

/** The names of refusals after which another session may be served. None of these requests was carried out. */
const tokenErrors = new Set(['ExpiredToken', 'InvalidToken', 'AuthMissing', 'AuthenticationRequired']);

/** A server that seems gone is looked up again after this time. Milliseconds. */
const lookupInterval = 10 * 60_000;

interface Member {
  key: BlueskyKey;
  /** Where the account is now. */
  server: string;
  session: Session | undefined;
  opening: Promise<Answered<Session>> | undefined;
  /** When the server was last looked up. Milliseconds, monotonic. */
  lookedUp: number;
}

export interface SessionsOptions {
  xrpc: Xrpc;
  clock: Clock;
  /** The directory of `did:plc`. */
  directory: string;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #logins: Logins;
  readonly #members = new Map<string, Member>();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#logins = new Logins(options.clock);
  }

  /**
   * Sends a request as a bot. A refused token is replaced and the request sent again; a new session's refusal is believed.
   *
   * @returns the request's outcome, or that of the session, without which the request was never sent
   */
  async signed<T>(
    key: BlueskyKey,
    request: (session: Session) => Promise<Answered<T>>,
  ): Promise<Answered<T>> {
    const member = this.#memberOf(key);
    let opened = await this.#open(member);
    for (;;) {
      if (!('ok' in opened)) return unsent(opened);
      const session = opened.ok;
      const outcome = await request(session);
      if ('ok' in outcome) session.isProven = true;
      const { error = '' } = outcome;
      if (tokenErrors.has(error)) {
        if (session.isNew && !session.isProven) return outcome;
        opened = await this.#open(member, session);
      } else if (await this.#hasMoved(member, outcome)) opened = await this.#open(member, session);
      else return outcome;
    }
  }

  /** Sends a request that needs no session to the server of a bot's account. */
  async unsigned<T>(
    key: BlueskyKey,
    request: (server: string) => Promise<Answered<T>>,
  ): Promise<Answered<T>> {
    const member = this.#memberOf(key);
    const outcome = await request(member.session?.server ?? member.server);
    return (await this.#hasMoved(member, outcome)) ? request(member.server) : outcome;
  }

  #memberOf(key: BlueskyKey): Member {
    const known = this.#members.get(key.userId);
    if (known?.key.server === key.server && known.key.appPassword.reveal() === key.appPassword.reveal())
      return known;
    const { server } = key;
    const member: Member = { key, server, session: undefined, opening: undefined, lookedUp: -Infinity };
    this.#members.set(key.userId, member);
    return member;
  }

  /** The session of an account; one opening at a time. @param refused - the session that is not to be used any more */
  async #open(member: Member, refused?: Session): Promise<Answered<Session>> {
    const { session } = member;
    if (session && session !== refused && !this.#hasExpired(session)) return { ok: session };
    member.opening ??= this.#renew(member, refused).finally(() => (member.opening = undefined));
    return member.opening;
  }

  #hasExpired({ expires }: Session): boolean {
    return expires <= this.#options.clock.now();
  }

  async #renew(member: Member, refused: Session | undefined): Promise<Answered<Session>> {
    const old = member.session;
    member.session = undefined;
    let opened: Answered<Session> | undefined;
    // A session that was refreshed and never served is not refreshed again.
    if (old?.origin === member.server && (old !== refused || old.isProven)) {
      opened = await this.#refresh(member, old);
      // Only an answer says that the session is over.
      const isOpen = 'failure' in opened && isTemporary.has(opened.failure.kind);
      if (isOpen && !(await this.#hasMoved(member, opened))) {
        member.session = old;
        return opened;
      }
    }
    if (opened === undefined || 'failure' in opened) opened = await this.#logIn(member);
    if ('ok' in opened) member.session = opened.ok;
    return opened;
  }

  async #refresh(member: Member, { origin, refresh }: Session): Promise<Answered<Session>> {
    const answer = await this.#options.xrpc({
      server: origin,
      method: 'POST',
      name: 'com.atproto.server.refreshSession',
      bearer: refresh,
      answer: sessionAnswer,
    });
    return sessionOf(answer, member, false);
  }

  /** A session from the app password, at the server where the account is now. */
  async #logIn(member: Member): Promise<Answered<Session>> {
    const made = await this.#createSession(member);
    return (await this.#hasMoved(member, made)) ? this.#createSession(member) : made;
  }

  async #createSession(member: Member): Promise<Answered<Session>> {
    const { server, key } = member;
    const until = this.#logins.begin(server, key.userId);
    if (until !== undefined) {
      const reason = 'Bluesky limits how often an account signs in';
      return { failure: { kind: 'wait', until, scope: 'bot', reason } };
    }
    const answer = await createSession(this.#options.xrpc, { ...key, server });
    this.#logins.end(server, key.userId, answer.headers ?? {});
    const opened = sessionOf(answer, member, true);
    if (!('failure' in opened) || opened.failure.kind !== 'reauth' || server === key.server) return opened;
    const reason = `its account has moved to ${server}, which does not know its app password`;
    return { ...opened, failure: { kind: 'reauth', reason } };
  }

  /**
   * Whether an outcome may mean that the account is at another server, and it is: then the account is looked for there from now on.
   * A server that cannot be reached or does not know the account gives no other sign.
   */
  async #hasMoved(member: Member, outcome: Answered<unknown>): Promise<boolean> {
    if (!('failure' in outcome) || !mayHaveMoved.has(outcome.failure.kind)) return false;
    const { clock, xrpc, directory } = this.#options;
    if (clock.elapsed() - member.lookedUp < lookupInterval) return false;
    member.lookedUp = clock.elapsed();
    const found = await serverOf(xrpc, directory, member.key.userId);
    if (!('ok' in found) || found.ok === member.server) return false;
    member.server = found.ok;
    // A read may find this out: the old server would refuse the next write, and the account is not looked for again so soon.
    member.session = undefined;
    return true;
  }
}

const isTemporary: ReadonlySet<Failure['kind']> = new Set(['wait', 'in-doubt', 'never-sent']);
const mayHaveMoved: ReadonlySet<Failure['kind']> = new Set(['suspended', 'reauth', 'never-sent']);

/** A failure without which the request that needed the session was never sent. */
const unsent = ({ failure, ...more }: Extract<Answered<unknown>, { failure: Failure }>): Answered<never> => ({
  ...more,
  failure: failure.kind === 'in-doubt' ? { kind: 'never-sent', reason: failure.reason } : failure,
});

/** The session in an answer, if it is that of the account and the account can be used. */
function sessionOf(
  answer: Answered<SessionAnswer>,
  { key, server }: Member,
  isNew: boolean,
): Answered<Session> {
  if (!('ok' in answer)) return answer;
  const { did, handle, accessJwt, refreshJwt, active, status, didDoc } = answer.ok;
  if (did !== key.userId)
    return { failure: { kind: 'reauth', reason: `its server signs it in as another account (${did})` } };
  if (!active) return { failure: inactive({ active, status }) };
  const session: Session = {
    // A server like bsky.social signs in for the servers that hold the accounts.
    server: serverIn(didDoc, did) ?? server,
    origin: server,
    handle,
    access: accessJwt,
    expires: claimsIn(accessJwt).exp * 1000,
    refresh: refreshJwt,
    isNew,
    isProven: false,
  };
  const { time } = answer;
  return { ok: session, ...(time !== undefined && { time }) };
}

/*
 * How often bots may sign in, so that a start of a thousand is not refused.
 *
 * A server counts the logins of each account: 30 in 5 minutes and 300 a day (the source of @atproto/pds, createSession.ts; an
 * address counts as well, but all bots here have the same). Some may count all accounts of an address together. The headers of
 * the answers tell: then an answer counts more logins than the account's own.
 */

interface Limit {
  max: number;
  /** Milliseconds. */
  length: number;
}

const second = 1000;
const day = 24 * 60 * 60 * second;
const usual: Limit = { max: 30, length: 5 * 60 * second };
const ofAccount: readonly Limit[] = [usual, { max: 300, length: day }];

/** Logins that are counted together. All times are monotonic milliseconds. */
class Counter {
  /** When each login began, oldest first. */
  readonly begun: number[] = [];
  /** No login before this time. */
  heldUntil = -Infinity;
  /** The logins that wait since then. */
  #waiting = 0;

  /** How long until another login may begin; 0 if it may now. Each window has room for as many as its limit says. */
  delay(limits: readonly Limit[], now: number): number {
    const free = this.freeIn(limits, now);
    const [first] = limits;
    if (free === 0) this.#waiting = 0;
    if (free === 0 || !first) return free;
    return free + Math.floor(this.#waiting++ / first.max) * first.length;
  }

  /** How long until the first login may begin. */
  freeIn(limits: readonly Limit[], now: number): number {
    while (this.begun[0] !== undefined && this.begun[0] <= now - day) this.begun.shift();
    return Math.max(0, Math.max(this.heldUntil, ...limits.map((limit) => this.#freeAt(limit))) - now);
  }

  #freeAt({ max, length }: Limit): number {
    const blocking = this.begun.at(-max);
    return blocking === undefined ? -Infinity : blocking + length;
  }

  /** The logins since an instant. */
  since(instant: number): number {
    return this.begun.filter((at) => at > instant).length;
  }
}

interface Server extends Counter {
  /** The limit of all accounts together, as far as the answers tell; `none` for good. */
  shared?: Limit | 'none';
  /** The last login that was the only one in its count. */
  alone?: { did: string; at: number };
}

/** How exact the time of a reset is: whole seconds. Milliseconds. */
const rounding = 2 * second;

export class Logins {
  readonly #clock: Clock;
  readonly #servers = new Map<string, Server>();
  readonly #accounts = new Map<string, Counter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a login that begins now. @returns if it may not, when it may. Milliseconds since 1970 */
  begin(server: string, did: string): number | undefined {
    const now = this.#clock.elapsed();
    const [all, own] = this.#countersOf(server, did);
    let ofServer = 0;
    // As long as the answers do not tell, the next login may begin soon.
    if (all.shared === undefined) ofServer = Math.min(all.freeIn([usual], now), second);
    else if (all.shared !== 'none') ofServer = all.delay([all.shared], now);
    const delay = Math.max(ofServer, own.delay(ofAccount, now));
    if (delay > 0) return Math.ceil(this.#clock.now() + delay);
    for (const counter of [all, own]) counter.begun.push(now);
    return undefined;
  }

  /** Learns from the headers of a login's answer; none if there was no answer. */
  end(server: string, did: string, headers: HttpAnswer['headers']): void {
    const now = this.#clock.elapsed();
    const [all, own] = this.#countersOf(server, did);
    const seen = limitIn(headers);
    if (!seen) {
      if ('date' in headers) all.shared ??= 'none';
      return;
    }
    const { limit, remaining, resetIn } = seen;
    if (all.shared !== 'none') {
      const isAlone = limit.max - remaining <= own.since(now - limit.length);
      if (!isAlone) all.shared = limit;
      // Two accounts within one window: a common count would have both.
      else if (all.alone && all.alone.did !== did && now - all.alone.at < limit.length - rounding) {
        all.shared = 'none';
        all.heldUntil = -Infinity;
      } else all.alone = { did, at: now };
    }
    if (remaining > 0) return;
    const counter = typeof all.shared === 'object' ? all : own;
    counter.heldUntil = now + resetIn;
  }

  #countersOf(server: string, did: string): [Server, Counter] {
    return [counterIn(this.#servers, server), counterIn(this.#accounts, `${server} ${did}`)];
  }
}

function counterIn(counters: Map<string, Counter>, key: string): Counter {
  const known = counters.get(key) ?? new Counter();
  counters.set(key, known);
  return known;
}

/** The limit that an answer reports, with the milliseconds until it is reset. */
function limitIn(
  headers: HttpAnswer['headers'],
): { limit: Limit; remaining: number; resetIn: number } | undefined {
  const [, max, seconds] = /^(\d{1,9});w=(\d{1,9})$/.exec(headers['ratelimit-policy'] ?? '') ?? [];
  const remaining = Number(headers['ratelimit-remaining'] ?? NaN);
  if (max === undefined || Number.isNaN(remaining)) return undefined;
  const limit = { max: Number(max), length: Number(seconds) * second };
  // Both by the server's clock.
  const left = Number(headers['ratelimit-reset'] ?? NaN) * second - Date.parse(headers['date'] ?? '');
  return { limit, remaining, resetIn: Math.min(Math.max(Number.isNaN(left) ? limit.length : left, 0), day) };
}
