import { createHmac, timingSafeEqual } from 'node:crypto';
import OAuth from 'oauth-1.0a';
import type { Clock } from '../clock.ts';
import type { Refusal, Refuse, SandboxAnswer, SandboxRequest } from './problems.ts';
import type { AccessToken, Account, Authorizations, DialectId, World } from './world.ts';

/** A token and its secret, for signing. */
export interface Pair {
  token: string;
  secret: string;
}

/** What a verifier must be able to look up. */
interface KeyRing {
  app(token: string): Pair | undefined;
  /** A request or access token issued to that app; `dead` once it no longer counts. */
  token(token: string, app: string): { secret: string; dead: boolean } | undefined;
}

/** A request whose signature holds: who signed it, and all its parameters. */
export interface Signed {
  app: string;
  /** Absent where only the app signed. */
  token: string | undefined;
  parameters: Map<string, string>;
}

/** `base` is the signature base string as it should have been signed, where that was what did not fit. */
type Verification = { ok: true; signed: Signed } | { ok: false; refusal: Refusal; base?: string | undefined };

const refuse = (refusal: Refusal, base?: string): Verification => ({ ok: false, refusal, base });

/** How far a request's time stamp may be from the sandbox's clock. Seconds. */
const tolerance = 5 * 60;

/** X's own names: requests that reach the sandbox under them were signed for https. */
const xHosts = /^(api\.x\.com|api\.twitter\.com)(:\d+)?$/;

/**
 * Checks a request as RFC 5849 §3.2 has it: keys known, time near, signature right, nonce new.
 * It builds the signature with oauth-1.0a, so that our own signer is never its own judge.
 *
 * @param now the sandbox's clock, in milliseconds
 */
function verify(request: SandboxRequest, keys: KeyRing, nonces: Nonces, now: number): Verification {
  const authorization = request.headers['authorization'] ?? '';
  if (/^bearer\s/i.test(authorization)) return refuse('bearer');
  const pairs = collectParameters(request, authorization);
  if (!pairs) return refuse('bad-signature');
  const oauth = oauthParameters(pairs);
  if (oauth?.size === 0) return refuse('unauthenticated');
  const consumer = keys.app(oauth?.get('oauth_consumer_key') ?? '');
  if (oauth && !consumer) return refuse('unknown-app');
  if (!oauth || !consumer || !wellFormed(oauth)) return refuse('bad-signature');
  const stamp = Number(oauth.get('oauth_timestamp'));
  if (Math.abs(stamp - now / 1000) > tolerance) return refuse('clock-skew');
  const name = oauth.get('oauth_token') ?? '';
  const token = name === '' ? { secret: '', dead: false } : keys.token(name, consumer.token);
  if (!token) return refuse('dead-token');
  const expected = signatureOf(request, pairs, consumer, token.secret);
  if (!sameText(expected, oauth.get('oauth_signature') ?? ''))
    return refuse('bad-signature', shownBase(request, pairs));
  if (token.dead) return refuse('dead-token');
  const used = `${name} ${oauth.get('oauth_nonce') ?? ''}`;
  if (!nonces.take(used, stamp, now / 1000 - tolerance)) return refuse('nonce-used');
  return { ok: true, signed: { app: consumer.token, token: name || undefined, parameters: new Map(pairs) } };
}

type Parameter = [name: string, value: string];

/** Every parameter the signature covers (RFC 5849 §3.4.1.3.1), or undefined where one cannot be read. */
function collectParameters(request: SandboxRequest, authorization: string): Parameter[] | undefined {
  const query = request.url.split('?')[1] ?? '';
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  const header = readHeader(authorization);
  if (!header) return undefined;
  return collapse([
    ...header,
    ...new URLSearchParams(query),
    ...new URLSearchParams(isForm ? request.body : ''),
  ]);
}

function readHeader(authorization: string): Parameter[] | undefined {
  if (!/^oauth\s/i.test(authorization)) return authorization === '' ? [] : undefined;
  const found: Parameter[] = [];
  for (const [, name, value] of authorization.matchAll(/([\w.~%-]+)="([^"]*)"/g)) {
    if (name === 'realm') continue;
    try {
      found.push([decodeURIComponent(name ?? ''), decodeURIComponent(value ?? '')]);
    } catch {
      return undefined;
    }
  }
  return found;
}

/**
 * Drops what is said twice of OAuth itself: twitter-api-v2's `login()` puts its token
 * in the header and the body and signs it once, and X lets it pass.
 */
function collapse(parameters: Parameter[]): Parameter[] {
  const seen = new Set<string>();
  return parameters.filter(([name, value]) => {
    if (!name.startsWith('oauth_')) return true;
    const said = `${name}=${value}`;
    const fresh = !seen.has(said);
    seen.add(said);
    return fresh;
  });
}

/** The protocol's own parameters, or undefined where one is given two values. */
function oauthParameters(parameters: Parameter[]): Map<string, string> | undefined {
  const oauth = parameters.filter(([name]) => name.startsWith('oauth_'));
  const map = new Map(oauth);
  return map.size === oauth.length ? map : undefined;
}

function wellFormed(oauth: Map<string, string>): boolean {
  return (
    oauth.get('oauth_signature_method') === 'HMAC-SHA1' &&
    (oauth.get('oauth_version') ?? '1.0') === '1.0' &&
    /^\d{1,12}$/.test(oauth.get('oauth_timestamp') ?? '') &&
    (oauth.get('oauth_nonce') ?? '') !== ''
  );
}

function signatureOf(
  request: SandboxRequest,
  parameters: Parameter[],
  consumer: Pair,
  secret: string,
): string {
  const signer = signerOf(consumer);
  // All parameters go in as data; the library's type asks for the protocol's own apart, its code does not.
  return signer.getSignature(toSign(request, parameters), secret, {} as OAuth.Data);
}

/** The base string to be shown; what a client sent as a parameter though it is secret is not repeated. */
function shownBase(request: SandboxRequest, parameters: Parameter[]): string {
  const shown = parameters.map(([name, value]): Parameter => [
    name,
    /secret|password/i.test(name) ? '*' : value,
  ]);
  return signerOf({ token: '', secret: '' }).getBaseString(toSign(request, shown), {} as OAuth.Data);
}

const signerOf = ({ token, secret }: Pair): OAuth =>
  new OAuth({
    consumer: { key: token, secret },
    signature_method: 'HMAC-SHA1',
    hash_function: (base, key) => createHmac('sha1', key).update(base).digest('base64'),
  });

function toSign(request: SandboxRequest, parameters: Parameter[]): OAuth.RequestOptions {
  // Without a prototype: a parameter may be called toString.
  const data = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of parameters) {
    if (name === 'oauth_signature') continue;
    const before = data[name];
    data[name] = before === undefined ? value : [before, value].flat();
  }
  return { method: request.method, url: signedUrl(request), data };
}

/** The base string URI (RFC 5849 §3.4.1.2). */
function signedUrl({ host, url }: SandboxRequest): string {
  const path = url.split('?')[0] ?? '/';
  const lower = host.toLowerCase();
  if (xHosts.test(lower)) return `https://${lower.replace(/:\d+$/, '')}${path}`;
  return `http://${lower.replace(/:80$/, '')}${path}`;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The nonces of requests whose time stamp would still be accepted, so that none is accepted twice. */
export class Nonces {
  readonly #bySecond = new Map<number, Set<string>>();
  #pruned = 0;

  /**
   * Notes a nonce; false when it was there already.
   *
   * @param stamp the request's time stamp, in seconds
   * @param oldest the earliest time stamp still accepted, in seconds
   */
  take(nonce: string, stamp: number, oldest: number): boolean {
    this.#prune(Math.floor(oldest));
    const taken = this.#bySecond.get(stamp) ?? new Set();
    if (taken.has(nonce)) return false;
    taken.add(nonce);
    this.#bySecond.set(stamp, taken);
    return true;
  }

  get size(): number {
    let size = 0;
    for (const taken of this.#bySecond.values()) size += taken.size;
    return size;
  }

  #prune(oldest: number): void {
    if (oldest === this.#pruned) return;
    this.#pruned = oldest;
    for (const stamp of this.#bySecond.keys()) if (stamp < oldest) this.#bySecond.delete(stamp);
  }
}

/** Everything the routes share. */
export interface Core {
  clock: Clock;
  world: World;
  authorizations: Authorizations;
  limits: RateLimits;
  nonces: Nonces;
  apps: Map<string, Pair>;
  /** Callback URLs that were registered; undefined allows all. */
  callbacks: string[] | undefined;
  /** How long X refuses a text it has seen, in milliseconds; 0 accepts it at once. */
  duplicateWindow: number;
  /** How long a post takes to reach the timeline, in milliseconds. */
  timelineLag: number;
  /** How far X's clock is ahead of the one here, in milliseconds. */
  ahead: number;
  /** Names and passwords that xAuth takes; empty leaves it off, as X does. */
  passwords: Map<string, string>;
}

/** Who is asking: the account behind a live access token. */
export interface Caller {
  account: Account;
  token: AccessToken;
  signed: Signed;
}

type Outcome<T> = { ok: true; value: T } | { ok: false; answer: SandboxAnswer };

/** Any request signed by an app of ours, with or without a token. */
export function signedBy(
  core: Core,
  request: SandboxRequest,
  refuse: Refuse,
  dialect: DialectId = 'x',
): Outcome<Signed> {
  const checked = verify(
    request,
    keyRing(core, dialect),
    core.nonces,
    (request.arrived ?? core.clock.now()) + core.ahead,
  );
  if (checked.ok) return { ok: true, value: checked.signed };
  return { ok: false, answer: refuse(checked.refusal, checked.base) };
}

/** A request signed for an account, in good standing or not. */
export function callerOf(
  core: Core,
  request: SandboxRequest,
  refuse: Refuse,
  dialect: DialectId = 'x',
): Outcome<Caller> {
  const checked = signedBy(core, request, refuse, dialect);
  if (!checked.ok) return checked;
  const signed = checked.value;
  const token = core.world.accessToken(signed.token ?? '');
  const account = token && core.world.account(token.accountId);
  if (!token || !account) return { ok: false, answer: refuse('dead-token') };
  return { ok: true, value: { account, token, signed } };
}

/** Request tokens and access tokens, as the verifier looks them up. */
function keyRing(core: Core, dialect: DialectId): KeyRing {
  return {
    app: (token) => core.apps.get(token),
    token(name, app) {
      const access = core.world.accessToken(name);
      if (access?.app === app && access.dialect === dialect)
        return { secret: access.secret, dead: access.revoked };
      const request = core.authorizations.find(name, core.clock.now());
      if (request?.app === app && request.dialect === dialect) return { secret: request.secret, dead: false };
      return undefined;
    },
  };
}

/** How X tells what a token may do, on every answer to a request that was signed with it. */
export const accessLevel = ({ access }: AccessToken): Record<string, string> => ({
  'x-access-level': access === 'read' ? 'read' : 'read-write',
});

/** A request that found its route: the parts its pattern names, its query and its form. */
export interface Call {
  request: SandboxRequest;
  path: string;
  parts: Record<string, string>;
  query: URLSearchParams;
  /** The body's fields; empty unless the body is a form. */
  form: URLSearchParams;
}

export type Handler = (call: Call) => SandboxAnswer;

/** `GET /2/users/:id/tweets` and what answers it. */
export type Routes = Record<string, Handler>;

interface Route {
  method: string;
  pattern: string[];
  handler: Handler;
}

type Match =
  | { kind: 'found'; handler: Handler; call: Call }
  | { kind: 'no-path' }
  | { kind: 'no-method'; allow: string };

/** Finds the handler of a request in a table of `METHOD /path/:part`. */
export function makeRouter(table: Routes): (request: SandboxRequest) => Match {
  const routes = Object.entries(table).map(([key, handler]): Route => {
    const [method = '', path = ''] = key.split(' ');
    return { method, pattern: path.split('/'), handler };
  });
  return (request) => {
    const [path, query] = splitOnce(request.url, '?');
    const steps = path.split('/');
    const allowed: string[] = [];
    for (const { method, pattern, handler } of routes) {
      const parts = matchPath(pattern, steps);
      if (!parts) continue;
      if (method !== request.method) allowed.push(method);
      else return { kind: 'found', handler, call: { request, path, parts, ...readFields(request, query) } };
    }
    return allowed.length > 0 ? { kind: 'no-method', allow: allowed.join(', ') } : { kind: 'no-path' };
  };
}

function matchPath(pattern: string[], steps: string[]): Record<string, string> | undefined {
  if (pattern.length !== steps.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [n, expected] of pattern.entries()) {
    const step = steps[n] ?? '';
    if (expected.startsWith(':')) parts[expected.slice(1)] = step;
    else if (expected !== step) return undefined;
  }
  return parts;
}

function readFields(
  request: SandboxRequest,
  query: string,
): { query: URLSearchParams; form: URLSearchParams } {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  return { query: new URLSearchParams(query), form: new URLSearchParams(isForm ? request.body : '') };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

const allowed = /^(127\.0\.0\.1|localhost|\[::1\]|api\.x\.com|api\.twitter\.com)(:\d{1,5})?$/i;

/**
 * Whether a Host header is one the sandbox goes by. A page elsewhere can point a name of its own
 * at 127.0.0.1 (DNS rebinding), but it cannot make the browser send another name than that.
 */
export function isKnownHost(host: string): boolean {
  return allowed.test(host);
}

/** X's limits; null lifts one. */
export interface Limits {
  /** POST /2/tweets per account and 15 minutes. */
  posts: number | null;
  /** POST /2/tweets per app and 24 hours. */
  appPostsPerDay: number | null;
  /** POST /2/tweets per account and 24 hours; X holds unverified accounts to 50. */
  accountPostsPerDay: number | null;
  /** GET /2/users/me per account and 15 minutes. */
  me: number | null;
  /** GET /2/users/:id/tweets per account and 15 minutes. */
  timeline: number | null;
  /** DELETE /2/tweets/:id per account and 15 minutes. */
  deletes: number | null;
}

/** The figures of X's pages in November 2026. */
const xLimits: Limits = {
  posts: 100,
  appPostsPerDay: 10_000,
  accountPostsPerDay: null,
  me: 75,
  timeline: 900,
  deletes: 50,
};

const quarter = 15 * 60_000;
const day = 24 * 60 * 60_000;

/** The stem of the headers that report a window, and how long it is. */
const windows: Record<keyof Limits, { header: string; length: number }> = {
  posts: { header: 'x-rate-limit', length: quarter },
  appPostsPerDay: { header: 'x-app-limit-24hour', length: day },
  accountPostsPerDay: { header: 'x-user-limit-24hour', length: day },
  me: { header: 'x-rate-limit', length: quarter },
  timeline: { header: 'x-rate-limit', length: quarter },
  deletes: { header: 'x-rate-limit', length: quarter },
};

interface Window {
  opened: number;
  used: number;
}

/** One limit and whom it counts: an account's id or an app's token. */
export type Counted = [limit: keyof Limits, whom: string];

/** Counts requests in fixed windows, each opened by the first request in it, as X does. */
export class RateLimits {
  readonly #limits: Limits;
  readonly #windows = new Map<string, Window>();

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { ...xLimits, ...limits };
  }

  /**
   * Takes one request from every window, or from none when one of them is used up.
   *
   * @returns whether the request may pass, and the headers X would send with either answer
   */
  take(counted: Counted[], now: number): { passed: boolean; headers: Record<string, string> } {
    const states = counted.flatMap(([limit, whom]) => this.#look(limit, whom, now));
    const passed = states.every(({ window, most }) => window.used < most);
    const headers: Record<string, string> = {};
    for (const { limit, window, most } of states) {
      if (passed) window.used += 1;
      const { header, length } = windows[limit];
      headers[`${header}-limit`] = String(most);
      headers[`${header}-remaining`] = String(Math.max(0, most - window.used));
      headers[`${header}-reset`] = String(Math.ceil((window.opened + length) / 1000));
    }
    return { passed, headers };
  }

  #look(
    limit: keyof Limits,
    whom: string,
    now: number,
  ): { limit: keyof Limits; window: Window; most: number }[] {
    const most = this.#limits[limit];
    if (most === null) return [];
    const key = `${limit} ${whom}`;
    const known = this.#windows.get(key);
    const open = known && now >= known.opened && now < known.opened + windows[limit].length;
    const window = open ? known : { opened: now, used: 0 };
    this.#windows.set(key, window);
    return [{ limit, window, most }];
  }
}
