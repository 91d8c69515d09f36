import { createHmac, randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { HttpAnswer, Send } from '../http/exchange.ts';
import { Secret } from '../text.ts';

/*
 * Requests that are signed by OAuth 1.0a with HMAC-SHA1 (RFC 5849 section 3), and the tokens that sign them.
 */

/** A name and a value; names may repeat. */
export type Parameter = readonly [name: string, value: string];

/** A request to sign and send. */
export interface SignedCall {
  method: 'GET' | 'POST' | 'DELETE';
  /** The address; its query is signed too, its fragment is not. */
  url: string;
  /** `oauth_callback`, `oauth_verifier` and the like. */
  oauth?: readonly Parameter[] | undefined;
  /** The body's parameters, if the body is a form. */
  form?: readonly Parameter[] | undefined;
  /** A body that is sent as JSON; it is not signed. */
  json?: unknown;
}

interface SigningOptions {
  send: Send;
  clock: Clock;
  appKeys: TokenPair;
  /** The request token or access token; none in the request for a request token. */
  token?: TokenPair | undefined;
  /** Other secrets in the request, which are removed from a refusal that quotes it. */
  secrets?: readonly string[];
}

/** @returns sends a request, signed with the app keys and the token if there is one @see RFC 5849 section 3.1 */
export function signedSend({ send, clock, appKeys, token, secrets = [] }: SigningOptions) {
  return async ({ method, url, oauth, form, json }: SignedCall): Promise<HttpAnswer> => {
    const timestamp = Math.floor(clock.now() / 1000);
    const signed = { method, url, oauth, form, appKeys, token, nonce: newNonce(), timestamp };
    const headers: Record<string, string> = { authorization: authorizationHeader(signed), accept: '*/*' };
    if (form) headers['content-type'] = 'application/x-www-form-urlencoded';
    if (json !== undefined) headers['content-type'] = 'application/json';
    const body = form ? formBody(form) : json === undefined ? undefined : JSON.stringify(json);
    const answer = await send({ method, url, headers, ...(body !== undefined && { body }) });
    if (answer.status >= 200 && answer.status < 300) return answer;
    const pairs = [appKeys, ...(token ? [token] : [])].flatMap((pair) => Object.values(pair.reveal()));
    return withoutEcho(answer, [...pairs, ...secrets]);
  };
}

/** More than 110 random bits in 30 characters, the maximum at some servers. A UUID is the cheapest source. */
const newNonce = (): string => randomUUID().replaceAll('-', '').slice(2);

/** Removes our secrets from a refusal: some proxies quote the request, and a message or log must not show its tokens. */
function withoutEcho({ status, headers, body }: HttpAnswer, secrets: readonly string[]): HttpAnswer {
  const forms = secrets
    .filter(({ length }) => length > 3)
    .flatMap((value) => [value, encode(value), JSON.stringify(value).slice(1, -1)]);
  const clean = (text: string): string =>
    forms.reduce((rest, form) => rest.replaceAll(form, '[secret]'), text);
  const cleaned = Object.entries(headers).map(([name, value]) => [name, clean(value)] as const);
  return { status, headers: Object.fromEntries(cleaned), body: clean(body) };
}

/** What one signature covers. */
type SignatureInput = Omit<SignedCall, 'json' | 'method'> &
  Pick<SigningOptions, 'appKeys' | 'token'> & {
    method: string;
    nonce: string;
    /** Seconds since 1970. */
    timestamp: number;
  };

/**
 * The value of the `Authorization` header.
 *
 * @see RFC 5849 sections 3.1 (making requests), 3.4.2 (HMAC-SHA1) and 3.5.1 (authorization header)
 */
export function authorizationHeader(request: SignatureInput): string {
  const { appKeys, token, oauth = [], nonce, timestamp } = request;
  const protocol = [
    ['oauth_consumer_key', appKeys.reveal().token] as const,
    ...(token ? [['oauth_token', token.reveal().token] as const] : []),
    ['oauth_signature_method', 'HMAC-SHA1'] as const,
    ['oauth_timestamp', String(timestamp)] as const,
    ['oauth_nonce', nonce] as const,
    ['oauth_version', '1.0'] as const,
    ...oauth,
  ].map(encodeBoth);
  const key = `${encode(appKeys.reveal().secret)}&${encode(token?.reveal().secret ?? '')}`;
  const signature = createHmac('sha1', key).update(baseString(request, protocol)).digest('base64');
  const all = [...protocol, ['oauth_signature', encode(signature)] as const];
  return `OAuth ${all.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
}

/**
 * The text that is signed.
 *
 * @param protocol - the `oauth_…` parameters of the header, without `oauth_signature`, encoded
 * @see RFC 5849 section 3.4.1
 */
export function baseString(
  { method, url, form = [] }: Pick<SignatureInput, 'method' | 'url' | 'form'>,
  protocol: readonly Parameter[],
): string {
  const { protocol: scheme, host, pathname, search } = new URL(url);
  // The query is read as a form, so a plus sign is a space.
  const parameters = [...new URLSearchParams(search), ...form].map(encodeBoth);
  const sorted = [...parameters, ...protocol].sort(
    ([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue),
  );
  const normalized = sorted.map(([name, value]) => `${name}=${value}`).join('&');
  return [method.toUpperCase(), `${scheme}//${host}${pathname}`, normalized].map(encode).join('&');
}

/** A text that needs no encoding, as most names and values. */
const unreserved = /^[\w.~-]*$/;

/** Percent-encoding that leaves only unreserved characters. @see RFC 5849 section 3.6 */
export function encode(text: string): string {
  if (unreserved.test(text)) return text;
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const encodeBoth = ([name, value]: Parameter): Parameter => [encode(name), encode(value)];

/** A form body of the parameters, encoded as they are signed. */
export const formBody = (parameters: readonly Parameter[]): string =>
  parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');

/** Encoded text is ASCII, so comparing code units is comparing bytes. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A token and its secret: app keys, a request token or an access token. */
export class TokenPair extends Secret<{ token: string; secret: string }> {
  constructor(token: string, secret: string) {
    super({ token, secret });
  }
}

/**
 * The key with which a bot acts as its account. At Mastodon, the app's keys are the client's id and secret, and the access token
 * has no secret. At Bluesky, the app password is the access token, and there is no app: {@link noApp}.
 */
export interface BotKey {
  appKeys: TokenPair;
  accessToken: TokenPair;
  /** The account's id and name; the bundles of some old programs lack the id. */
  userId: string | undefined;
  screenName: string | undefined;
  /** The id of its provider, if that is not X. */
  provider?: string | undefined;
  /** The address of the server of the account, without a trailing slash: at Mastodon and Bluesky. */
  server?: string | undefined;
  /** The limits of that server for posts, as they were when the key was made or examined. */
  textLimits?: { maxCharacters: number; charactersPerLink: number } | undefined;
}

/** The app keys of a key that belongs to no app. */
export const noApp = new TokenPair('', '');

/** The account's id, with which X begins an access token. */
export const userIdIn = (accessToken: string): string | undefined => /^([0-9]+)-/.exec(accessToken)?.[1];
