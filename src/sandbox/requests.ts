import { createHmac } from 'node:crypto';
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

const knownHosts = /^(127\.0\.0\.1|localhost|\[::1\]|api\.x\.com|api\.twitter\.com)(:\d{1,5})?$/i;

/**
 * Whether a Host header is a name of the sandbox. This stops DNS rebinding: a web page can point its own name at
 * 127.0.0.1, but the browser then sends that name.
 */
export const isKnownHost = (host: string): boolean => knownHosts.test(host);

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

export interface Call {
  request: SandboxRequest;
  path: string;
  query: URLSearchParams;
  /** The fields of the body; empty if the body is not a form. */
  form: URLSearchParams;
  /** The named parts of the path in its route. */
  parts: Partial<Record<string, string>>;
}

/** Handlers by methods and path, such as `GET|POST /2/users/:id/tweets`; a part in `(…)?` can be missing. */
export type Routes = Record<string, (call: Call) => SandboxAnswer>;

const unauthorized = [401, 'Unauthorized', 'Unauthorized'] as const;
const notPermitted = [403, 'Forbidden', 'You are not permitted to perform this action.'] as const;
const suspended = 'Your account is suspended and is not permitted to access this feature.';
const notAuthenticated = [401, 32, 'Could not authenticate you.'] as const;

/**
 * Why the sandbox refuses a request, and how X says it: in /2 as a problem with a title, a detail and a type (`about:blank` by
 * default), from reports in the issues of client libraries; in /1.1 and /oauth by a code.
 */
export const refusals = {
  unauthenticated: { v2: unauthorized, v1: [400, 215, 'Bad Authentication data.'] },
  'bad-signature': { v2: unauthorized, v1: notAuthenticated },
  'unknown-app': { v2: unauthorized, v1: notAuthenticated },
  'nonce-used': { v2: unauthorized, v1: notAuthenticated },
  'clock-skew': { v2: unauthorized, v1: [401, 135, 'Timestamp out of bounds.'] },
  'dead-token': { v2: unauthorized, v1: [401, 89, 'Invalid or expired token.'] },
  bearer: {
    v2: [
      403,
      'Unsupported Authentication',
      'Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported authentication types are [OAuth 1.0a User Context].',
      'unsupported-authentication',
    ],
    v1: [403, 220, 'Your credentials do not allow access to this resource.'],
  },
  suspended: {
    v2: [403, 'Forbidden', suspended, 'user-suspended'],
    v1: [403, 64, suspended],
  },
  'read-only': {
    v2: [
      403,
      'Forbidden',
      'Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.',
      'oauth1-permissions',
    ],
    v1: [401, 261, 'Application cannot perform write actions.'],
  },
  'no-credit': {
    v2: [
      402,
      'CreditsDepleted',
      'Your enrolled account does not have any credits to fulfill this request.',
      'credits',
    ],
    v1: [402, 0, 'CreditsDepleted'],
  },
  empty: {
    v2: [400, 'Invalid Request', 'The text of a post must not be empty.', 'invalid-request'],
    v1: [403, 170, 'Missing required parameter: status.'],
  },
  'too-long': { v2: notPermitted, v1: [403, 186, 'Tweet needs to be a bit shorter.'] },
  'not-permitted': { v2: notPermitted, v1: [403, 226, 'This request looks like it might be automated.'] },
  duplicate: {
    v2: [403, 'Forbidden', 'You are not allowed to create a Tweet with duplicate content.'],
    v1: [403, 187, 'Status is a duplicate.'],
  },
  'too-many': { v2: [429, 'Too Many Requests', 'Too Many Requests'], v1: [429, 88, 'Rate limit exceeded'] },
  'not-found': {
    v2: [404, 'Not Found Error', 'Could not find what was asked for.', 'resource-not-found'],
    v1: [404, 34, 'Sorry, that page does not exist.'],
  },
  'not-yours': {
    v2: [403, 'Forbidden', 'You are not authorized to delete this Tweet.'],
    v1: [403, 183, "You may not delete another user's status."],
  },
} as const satisfies Record<
  string,
  {
    v2: readonly [status: number, title: string, detail: string, type?: string];
    v1: readonly [status: number, code: number, message: string];
  }
>;

export type Refusal = keyof typeof refusals;

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
interface SignedApi {
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

/** The header by which X says what a token may do, on every answer to a request that the token signed. */
export const accessLevel = ({ access }: AccessToken): Record<string, string> => ({
  'x-access-level': access === 'read' ? 'read' : 'read-write',
});

/** Checks a request that was signed with an access token. The account may be suspended. @throws {Refused} */
export function callerOf(core: Core, call: Call, api: SignedApi): Caller {
  const token = core.world.accessToken(signedBy(core, call, api).token ?? '');
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
export function signedBy(core: Core, call: Call, { id, refuse }: SignedApi): Signed {
  const { request } = call;
  const refused = (refusal: Refusal, base?: string): Refused => new Refused(refuse(refusal, base));
  const now = ((request.arrived ?? core.clock.now()) + core.ahead) / 1000;
  const authorization = request.headers['authorization'] ?? '';
  if (/^bearer\s/i.test(authorization)) throw refused('bearer');
  const header = readHeader(authorization);
  if (!header) throw refused('bad-signature');
  // The parameters that the signature covers (RFC 5849 §3.4.1.3.1).
  const pairs = [...header, ...call.query, ...call.form].filter(isToBeSigned);
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
  // All parameters are in `data`. The library's type wants the `oauth_` ones apart, but its code does not.
  const none = {} as OAuth.Data;
  const signer = signerOf(app.token, app.secret);
  if (signer.getSignature(toSign(call, pairs), token.secret, none) !== oauth.get('oauth_signature')) {
    // Secrets that a client sent as parameters by mistake are not shown.
    const shown = pairs.map(([name, value]): Parameter => [
      name,
      /secret|password/i.test(name) ? '*' : value,
    ]);
    throw refused('bad-signature', signer.getBaseString(toSign(call, shown), none));
  }
  if (token.revoked) throw refused('dead-token');
  const used = `${name} ${oauth.get('oauth_nonce') ?? ''}`;
  if (!takeNonce(core.nonces, used, stamp, now - maxSkew)) throw refused('nonce-used');
  return { app: app.token, token: name || undefined, parameters: new Map(pairs) };
}

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

/** The parameters in an Authorization header, or undefined if one cannot be decoded. */
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
 * Whether a parameter is no repetition: twitter-api-v2's `login()` sends its token both in the header and in the body and signs
 * it once, and X accepts that.
 */
const isToBeSigned = ([name, value]: Parameter, index: number, all: Parameter[]): boolean =>
  !name.startsWith('oauth_') || index === all.findIndex((other) => other[0] === name && other[1] === value);

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

function toSign({ request, path }: Call, parameters: Parameter[]): OAuth.RequestOptions {
  // No prototype: a parameter may have the name toString.
  const data = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of parameters) {
    if (name === 'oauth_signature') continue;
    const before = data[name];
    data[name] = before === undefined ? value : [before, value].flat();
  }
  // The base string URI (RFC 5849 §3.4.1.2).
  const host = request.host.toLowerCase();
  const base = xHosts.test(host)
    ? `https://${host.replace(/:\d+$/, '')}`
    : `http://${host.replace(/:80$/, '')}`;
  return { method: request.method, url: base + path, data };
}

/** X's host names. Clients sign requests to them for https, although they reach the sandbox over http. */
const xHosts = /^(api\.x\.com|api\.twitter\.com)(:\d+)?$/;
