import { createHmac, timingSafeEqual } from 'node:crypto';
import OAuth from 'oauth-1.0a';
import type { AccessToken, Account, Core, DialectId } from './world.ts';

/*
 * Requests to the sandbox and its answers, and which app and which account signed a request.
 */

/** An HTTP request to the sandbox. */
export interface SandboxRequest {
  method: string;
  /** Path and query, as on the request line. */
  url: string;
  /** The Host header: a loopback address with its port, or one of X's own names. */
  host: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** When it arrived, if the sandbox carries it out later. Milliseconds since 1970. */
  arrived?: number;
}

/** How the server must damage the delivery of an answer. Times are milliseconds. */
type Delivery =
  { kind: 'delay' | 'trickle'; ms: number } | { kind: 'drop' | 'hang' | 'cut' | 'gzip-cut' | 'gzip-corrupt' };

export interface SandboxAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** Absent if the answer arrives whole. */
  fault?: Delivery;
}

type Headers = Record<string, string>;

/** An answer in a media type, which caches must not store. */
export const answer = (status: number, type: string, body: string, headers: Headers = {}): SandboxAnswer => ({
  status,
  headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store', ...headers },
  body,
});

export const json = (status: number, value: unknown, headers?: Headers): SandboxAnswer =>
  answer(status, 'application/json', JSON.stringify(value), headers);

/** A request that matched a route: the named parts of its path, its query and its form. */
export interface Call {
  request: SandboxRequest;
  path: string;
  parts: Partial<Record<string, string>>;
  query: URLSearchParams;
  /** The fields of the body; empty if the body is not a form. */
  form: URLSearchParams;
}

/** Handlers by method and path, such as `GET /2/users/:id/tweets`. */
export type Routes = Record<string, (call: Call) => SandboxAnswer>;

/** Path and query of a request. */
export function addressOf({ url }: SandboxRequest): { path: string; query: URLSearchParams } {
  const [path = '', ...query] = url.split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}

/** The fields of the body; none if the body is not a form. */
export function formOf({ headers, body }: SandboxRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
  return new URLSearchParams(isForm ? body : '');
}

/** Why the sandbox refuses a request, in every version of the API. */
export type Refusal =
  | 'unauthenticated'
  | 'bad-signature'
  | 'unknown-app'
  | 'nonce-used'
  | 'clock-skew'
  | 'dead-token'
  | 'bearer'
  | 'suspended'
  | 'read-only'
  | 'no-credit'
  | 'empty'
  | 'too-long'
  | 'not-permitted'
  | 'duplicate'
  | 'too-many'
  | 'not-found'
  | 'not-yours';

/**
 * Builds the answer for a refusal in the format of an API.
 *
 * @param base the expected signature base string, if the signature was wrong; it holds no secret
 */
export type Refuse = (refusal: Refusal, base?: string) => SandboxAnswer;

/** Ends the handling of a request. The sandbox sends its answer. */
export class Refused extends Error {
  readonly answer: SandboxAnswer;

  constructor(answer: SandboxAnswer) {
    super('the sandbox refuses the request');
    this.answer = answer;
  }
}

/** An API that a request is signed for: its tokens, and the format of its refusals. */
export interface SignedApi {
  id: DialectId;
  refuse: Refuse;
}

/** The signers and parameters of a request whose signature is right. */
interface Signed {
  app: string;
  /** Undefined if only the app signed. */
  token: string | undefined;
  parameters: Map<string, string>;
}

/** The account and the access token that signed a request. */
export interface Caller {
  account: Account;
  token: AccessToken;
}

/** Checks a request that was signed with an access token. The account may be suspended. @throws {Refused} */
export function callerOf(core: Core, request: SandboxRequest, api: SignedApi): Caller {
  const token = core.world.accessToken(signedBy(core, request, api).token ?? '');
  const account = token && core.world.account(token.accountId);
  if (!token || !account) throw new Refused(api.refuse('dead-token'));
  return { account, token };
}

/** How far a request's time stamp may differ from the clock of the sandbox. Seconds. */
const maxSkew = 5 * 60;

/**
 * Checks a request that a registered app signed, with or without a token, by RFC 5849 §3.2: known keys, time stamp, signature,
 * unused nonce. The expected signature comes from oauth-1.0a and not from this project's signer, so that the sandbox finds
 * mistakes of that signer.
 *
 * @throws {Refused}
 */
export function signedBy(core: Core, request: SandboxRequest, { id, refuse }: SignedApi): Signed {
  const refused = (refusal: Refusal, base?: string): Refused => new Refused(refuse(refusal, base));
  const now = ((request.arrived ?? core.clock.now()) + core.ahead) / 1000;
  const authorization = request.headers['authorization'] ?? '';
  if (/^bearer\s/i.test(authorization)) throw refused('bearer');
  const pairs = collectParameters(request, authorization);
  if (!pairs) throw refused('bad-signature');
  const oauth = oauthParameters(pairs);
  if (oauth?.size === 0) throw refused('unauthenticated');
  const app = core.appKeys.find(({ token }) => token === oauth?.get('oauth_consumer_key'));
  if (oauth && !app) throw refused('unknown-app');
  if (!oauth || !app || !wellFormed(oauth)) throw refused('bad-signature');
  const stamp = Number(oauth.get('oauth_timestamp'));
  if (Math.abs(stamp - now) > maxSkew) throw refused('clock-skew');
  const name = oauth.get('oauth_token') ?? '';
  const token = name === '' ? { secret: '', revoked: false } : tokenOf(core, id, app.token, name);
  if (!token) throw refused('dead-token');
  const signer = signerOf(app.token, app.secret);
  // All parameters are in `data`. The library's type wants the `oauth_` ones apart, but its code does not.
  const expected = signer.getSignature(toSign(request, pairs), token.secret, {} as OAuth.Data);
  if (!sameText(expected, oauth.get('oauth_signature') ?? ''))
    throw refused('bad-signature', shownBase(request, pairs));
  if (token.revoked) throw refused('dead-token');
  const used = `${name} ${oauth.get('oauth_nonce') ?? ''}`;
  if (!takeNonce(core.nonces, used, stamp, now - maxSkew)) throw refused('nonce-used');
  return { app: app.token, token: name || undefined, parameters: new Map(pairs) };
}

/** The request token or access token of an app in one dialect. */
function tokenOf(
  { world, authorizations }: Core,
  dialect: DialectId,
  app: string,
  name: string,
): { secret: string; revoked: boolean } | undefined {
  const access = world.accessToken(name);
  if (access?.app === app && access.dialect === dialect) return access;
  const request = authorizations.find(name);
  return request?.app === app && request.dialect === dialect
    ? { secret: request.secret, revoked: false }
    : undefined;
}

/**
 * Records a nonce, and forgets those whose time stamps are no longer accepted.
 *
 * @param nonces by time stamp
 * @param stamp the request's time stamp. Seconds
 * @param oldest the earliest time stamp that is accepted. Seconds
 * @returns false if it was used before
 */
function takeNonce(nonces: Map<number, Set<string>>, nonce: string, stamp: number, oldest: number): boolean {
  for (const known of nonces.keys()) if (known < oldest) nonces.delete(known);
  const taken = nonces.get(stamp) ?? new Set();
  const isNew = !taken.has(nonce);
  nonces.set(stamp, taken.add(nonce));
  return isNew;
}

type Parameter = [name: string, value: string];

/** The parameters that the signature covers (RFC 5849 §3.4.1.3.1), or undefined if one cannot be decoded. */
function collectParameters(request: SandboxRequest, authorization: string): Parameter[] | undefined {
  const header = readHeader(authorization);
  return header && collapse([...header, ...addressOf(request).query, ...formOf(request)]);
}

function readHeader(authorization: string): Parameter[] | undefined {
  if (!/^oauth\s/i.test(authorization)) return authorization === '' ? [] : undefined;
  try {
    return Array.from(
      authorization.matchAll(/([\w.~%-]+)="([^"]*)"/g),
      ([, name = '', value = '']): Parameter => [decodeURIComponent(name), decodeURIComponent(value)],
    ).filter(([name]) => name !== 'realm');
  } catch {
    return undefined;
  }
}

/**
 * Drops repeated `oauth_` parameters of equal value: twitter-api-v2's `login()` sends its token both in the header and in
 * the body and signs it once, and X accepts that.
 */
function collapse(parameters: Parameter[]): Parameter[] {
  const seen = new Set<string>();
  return parameters.filter(([name, value]) => {
    const pair = `${name}=${value}`;
    const isNew = !name.startsWith('oauth_') || !seen.has(pair);
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

const signerOf = (key: string, secret: string): OAuth =>
  new OAuth({
    consumer: { key, secret },
    signature_method: 'HMAC-SHA1',
    hash_function: (base, key) => createHmac('sha1', key).update(base).digest('base64'),
  });

/** The base string to show. It masks secrets that a client sent as parameters by mistake. */
function shownBase(request: SandboxRequest, parameters: Parameter[]): string {
  const shown = parameters.map(([name, value]): Parameter => [
    name,
    /secret|password/i.test(name) ? '*' : value,
  ]);
  return signerOf('', '').getBaseString(toSign(request, shown), {} as OAuth.Data);
}

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

/** X's host names. Clients sign requests to them for https, although they reach the sandbox over http. */
const xHosts = /^(api\.x\.com|api\.twitter\.com)(:\d+)?$/;

/** The base string URI (RFC 5849 §3.4.1.2). */
function signedUrl(request: SandboxRequest): string {
  const { path } = addressOf(request);
  const host = request.host.toLowerCase();
  if (xHosts.test(host)) return `https://${host.replace(/:\d+$/, '')}${path}`;
  return `http://${host.replace(/:80$/, '')}${path}`;
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
