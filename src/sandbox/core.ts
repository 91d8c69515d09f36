import { createHmac, timingSafeEqual } from 'node:crypto';
import OAuth from 'oauth-1.0a';
import type { Clock } from '../clock.ts';
import type { Refusal, Refuse, SandboxAnswer, SandboxRequest } from './problems.ts';
import type { AccessToken, Account, Authorizations, DialectId, World } from './world.ts';

/**
 * What all routes of the sandbox share. This file also has what runs before a route: OAuth signature checks, rate limits
 * and the router.
 */
export interface Core {
  clock: Clock;
  world: World;
  authorizations: Authorizations;
  limits: RateLimits;
  nonces: Nonces;
  apps: Map<string, Pair>;
  /** The registered callback URLs; undefined allows every URL. */
  callbacks: string[] | undefined;
  /** How long the sandbox refuses a repetition of a text. Milliseconds; 0 never refuses. */
  duplicateWindow: number;
  /** How long a post takes to show in the timeline. Milliseconds. */
  timelineLag: number;
  /** How far the clock of the sandbox is ahead of `clock`. Milliseconds. */
  ahead: number;
  /** The passwords for xAuth, by screen name in lower case. Empty disables xAuth, as X does. */
  passwords: Map<string, string>;
}

/** A token and its secret. */
export interface Pair {
  token: string;
  secret: string;
}

/** Looks up the secrets that a signature is checked with. */
interface KeyRing {
  app(token: string): Pair | undefined;
  /** A request or access token of that app; `dead` if it was revoked. */
  token(token: string, app: string): { secret: string; dead: boolean } | undefined;
}

/** The signers and parameters of a request whose signature is right. */
export interface Signed {
  app: string;
  /** Undefined if only the app signed. */
  token: string | undefined;
  parameters: Map<string, string>;
}

/** `base` is the expected signature base string, if the signature was wrong. */
type Verification = { ok: true; signed: Signed } | { ok: false; refusal: Refusal; base?: string | undefined };

const refuse = (refusal: Refusal, base?: string): Verification => ({ ok: false, refusal, base });

/** How far a request's time stamp may differ from the clock of the sandbox. Seconds. */
const maxSkew = 5 * 60;

/** X's host names. Clients sign requests to them for https, although they reach the sandbox over http. */
const xHosts = /^(api\.x\.com|api\.twitter\.com)(:\d+)?$/;

/**
 * Checks a request by RFC 5849 §3.2: known keys, time stamp, signature, unused nonce. The expected signature comes from
 * oauth-1.0a and not from this project's signer, so that the sandbox finds mistakes of that signer.
 *
 * @param now the time of the sandbox. Milliseconds since 1970
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
  if (Math.abs(stamp - now / 1000) > maxSkew) return refuse('clock-skew');
  const name = oauth.get('oauth_token') ?? '';
  const token = name === '' ? { secret: '', dead: false } : keys.token(name, consumer.token);
  if (!token) return refuse('dead-token');
  const expected = signatureOf(request, pairs, consumer, token.secret);
  if (!sameText(expected, oauth.get('oauth_signature') ?? ''))
    return refuse('bad-signature', shownBase(request, pairs));
  if (token.dead) return refuse('dead-token');
  const used = `${name} ${oauth.get('oauth_nonce') ?? ''}`;
  if (!nonces.take(used, stamp, now / 1000 - maxSkew)) return refuse('nonce-used');
  return { ok: true, signed: { app: consumer.token, token: name || undefined, parameters: new Map(pairs) } };
}

type Parameter = [name: string, value: string];

/** The parameters that the signature covers (RFC 5849 §3.4.1.3.1), or undefined if one cannot be decoded. */
function collectParameters(request: SandboxRequest, authorization: string): Parameter[] | undefined {
  const query = request.url.split('?')[1] ?? '';
  const header = readHeader(authorization);
  if (!header) return undefined;
  return collapse([...header, ...new URLSearchParams(query), ...formOf(request)]);
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
 * Drops repeated `oauth_` parameters of equal value: twitter-api-v2's `login()` sends its token both in the header and in
 * the body and signs it once, and X accepts that.
 */
function collapse(parameters: Parameter[]): Parameter[] {
  const seen = new Set<string>();
  return parameters.filter(([name, value]) => {
    if (!name.startsWith('oauth_')) return true;
    const pair = `${name}=${value}`;
    const isNew = !seen.has(pair);
    seen.add(pair);
    return isNew;
  });
}

/** The `oauth_` parameters, or undefined if one has two values. */
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
  // All parameters are in `data`. The library's type wants the `oauth_` ones apart, but its code does not.
  return signer.getSignature(toSign(request, parameters), secret, {} as OAuth.Data);
}

/** The base string to show. It masks secrets that a client sent as parameters by mistake. */
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
  // No prototype: a parameter may have the name toString.
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

/** The used nonces, kept as long as their time stamps are accepted, so that no request is accepted twice. */
export class Nonces {
  readonly #bySecond = new Map<number, Set<string>>();
  #pruned = 0;

  /**
   * Records a nonce.
   *
   * @returns false if it was used before
   * @param stamp the request's time stamp. Seconds
   * @param oldest the earliest time stamp that is accepted. Seconds
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

/** The account and the access token that signed a request. */
export interface Caller {
  account: Account;
  token: AccessToken;
  signed: Signed;
}

type Outcome<T> = { ok: true; value: T } | { ok: false; answer: SandboxAnswer };

/** Checks a request that a registered app signed, with or without a token. */
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

/** Checks a request that was signed with an access token. The account may be suspended. */
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

/** Finds the request tokens and access tokens of one dialect. */
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

/** The header by which X says what a token may do, on every answer to a request that the token signed. */
export const accessLevel = ({ access }: AccessToken): Record<string, string> => ({
  'x-access-level': access === 'read' ? 'read' : 'read-write',
});

/** A request that matched a route: the named parts of its path, its query and its form. */
export interface Call {
  request: SandboxRequest;
  path: string;
  parts: Record<string, string>;
  query: URLSearchParams;
  /** The fields of the body; empty if the body is not a form. */
  form: URLSearchParams;
}

export type Handler = (call: Call) => SandboxAnswer;

/** Handlers by method and path, such as `GET /2/users/:id/tweets`. */
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

/** Makes a function that finds the handler of a request. */
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
      else
        return {
          kind: 'found',
          handler,
          call: { request, path, parts, query: new URLSearchParams(query), form: formOf(request) },
        };
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

/** The fields of the body; none if the body is not a form. */
function formOf({ headers, body }: SandboxRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
  return new URLSearchParams(isForm ? body : '');
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

const knownHosts = /^(127\.0\.0\.1|localhost|\[::1\]|api\.x\.com|api\.twitter\.com)(:\d{1,5})?$/i;

/**
 * Whether a Host header is a name of the sandbox. This stops DNS rebinding: a web page can point its own name at
 * 127.0.0.1, but the browser then sends that name.
 */
export function isKnownHost(host: string): boolean {
  return knownHosts.test(host);
}

/** X's rate limits; null removes one. */
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

/** The limits in X's documentation of November 2026. */
const xLimits: Limits = {
  posts: 100,
  appPostsPerDay: 10_000,
  accountPostsPerDay: null,
  me: 75,
  timeline: 900,
  deletes: 50,
};

const quarterHour = 15 * 60_000;
const day = 24 * 60 * 60_000;

/** For each limit, the prefix of the headers that report its window, and the length of the window in milliseconds. */
const windows: Record<keyof Limits, { header: string; length: number }> = {
  posts: { header: 'x-rate-limit', length: quarterHour },
  appPostsPerDay: { header: 'x-app-limit-24hour', length: day },
  accountPostsPerDay: { header: 'x-user-limit-24hour', length: day },
  me: { header: 'x-rate-limit', length: quarterHour },
  timeline: { header: 'x-rate-limit', length: quarterHour },
  deletes: { header: 'x-rate-limit', length: quarterHour },
};

interface Window {
  opened: number;
  used: number;
}

/** A limit, and the account id or app token that a request counts for. */
export type Counted = [limit: keyof Limits, id: string];

/** Counts requests in fixed windows, as X does. The first request opens a window. */
export class RateLimits {
  readonly #limits: Limits;
  readonly #windows = new Map<string, Window>();

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { ...xLimits, ...limits };
  }

  /**
   * Counts one request in every window, or in none if one of them is full.
   *
   * @returns whether the request passes, and the headers that X sends in both cases
   */
  take(counted: Counted[], now: number): { passed: boolean; headers: Record<string, string> } {
    const states = counted.flatMap(([limit, id]) => this.#windowOf(limit, id, now));
    const passed = states.every(({ window, max }) => window.used < max);
    const headers: Record<string, string> = {};
    for (const { limit, window, max } of states) {
      if (passed) window.used += 1;
      const { header, length } = windows[limit];
      headers[`${header}-limit`] = String(max);
      headers[`${header}-remaining`] = String(Math.max(0, max - window.used));
      headers[`${header}-reset`] = String(Math.ceil((window.opened + length) / 1000));
    }
    return { passed, headers };
  }

  #windowOf(
    limit: keyof Limits,
    id: string,
    now: number,
  ): { limit: keyof Limits; window: Window; max: number }[] {
    const max = this.#limits[limit];
    if (max === null) return [];
    const key = `${limit} ${id}`;
    const known = this.#windows.get(key);
    const open = known && now >= known.opened && now < known.opened + windows[limit].length;
    const window = open ? known : { opened: now, used: 0 };
    this.#windows.set(key, window);
    return [{ limit, window, max }];
  }
}
