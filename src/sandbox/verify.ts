import { createHmac, timingSafeEqual } from 'node:crypto';
import OAuth from 'oauth-1.0a';
import type { Refusal, SandboxRequest } from './problems.ts';

/** A token and its secret, for signing. */
export interface Pair {
  token: string;
  secret: string;
}

/** What a verifier must be able to look up. */
export interface KeyRing {
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
export function verify(request: SandboxRequest, keys: KeyRing, nonces: Nonces, now: number): Verification {
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
