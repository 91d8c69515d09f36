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
  url: string;
  oauth?: readonly Parameter[];
  form?: readonly Parameter[];
  /** A body that is sent as JSON; it is not signed. */
  json?: unknown;
}

interface SigningOptions {
  send: Send;
  clock: Clock;
  appKeys: TokenPair;
  token?: TokenPair;
  /** Other secrets in the request, which are removed from a refusal that quotes it. */
  secrets?: readonly string[];
}

/** @returns sends a request, signed with the app keys and the token if there is one @see RFC 5849 section 3.1 */
export function signedSend({ send, clock, appKeys, token, secrets = [] }: SigningOptions) {
  return async ({ method, url, oauth, form, json }: SignedCall): Promise<HttpAnswer> => {
    const authorization = authorizationHeader({
      method,
      url,
      appKeys,
      token,
      nonce: newNonce(),
      timestamp: Math.floor(clock.now() / 1000),
      ...(oauth && { oauth }),
      ...(form && { form }),
    });
    const headers: Record<string, string> = { authorization, accept: '*/*' };
    if (form) headers['content-type'] = 'application/x-www-form-urlencoded';
    if (json !== undefined) headers['content-type'] = 'application/json';
    const body = form ? formBody(form) : json === undefined ? undefined : JSON.stringify(json);
    const request = { method, url, headers, ...(body !== undefined && { body }) };
    const pairs = [appKeys, ...(token ? [token] : [])].flatMap((pair) => Object.values(pair.reveal()));
    return withoutEcho(await send(request), [...pairs, ...secrets]);
  };
}

/** More than 110 random bits in 30 characters, the maximum at some servers. A UUID is the cheapest source. */
const newNonce = (): string => randomUUID().replaceAll('-', '').slice(2);

/** Removes our secrets from a refusal: some proxies quote the request, and a message or log must not show its tokens. */
function withoutEcho(answer: HttpAnswer, secrets: readonly string[]): HttpAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const values = secrets.filter(({ length }) => length > 3);
  const forms = values.flatMap((value) => [value, encode(value), JSON.stringify(value).slice(1, -1)]);
  const clean = (text: string): string =>
    forms.reduce((rest, form) => rest.replaceAll(form, '[secret]'), text);
  const headers = Object.entries(answer.headers).map(([name, value]) => [name, clean(value)]);
  return {
    ...answer,
    headers: Object.fromEntries(headers) as HttpAnswer['headers'],
    body: clean(answer.body),
  };
}

/** What one signature covers. */
interface SignatureInput {
  method: string;
  /** The address of the request; its query is signed too, its fragment is not. */
  url: string;
  /** The body's parameters, if the body is a form. */
  form?: readonly Parameter[];
  /** `oauth_callback`, `oauth_verifier` and the like. */
  oauth?: readonly Parameter[];
  appKeys: TokenPair;
  /** The request token or access token; none in the request for a request token. */
  token?: TokenPair | undefined;
  nonce: string;
  /** Seconds since 1970. */
  timestamp: number;
}

/**
 * The value of the `Authorization` header.
 *
 * @see RFC 5849 sections 3.1 (making requests) and 3.5.1 (authorization header)
 */
export function authorizationHeader(input: SignatureInput): string {
  const protocol = protocolParameters(input).map(encodeBoth);
  const signature = sign(textToSign(input, protocol), input);
  const all = [...protocol, ['oauth_signature', encode(signature)] as const];
  return `OAuth ${all.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
}

/** @see RFC 5849 section 3.1 */
function protocolParameters({ appKeys, token, oauth = [], nonce, timestamp }: SignatureInput): Parameter[] {
  return [
    ['oauth_consumer_key', appKeys.reveal().token],
    ...(token ? [['oauth_token', token.reveal().token] as const] : []),
    ['oauth_signature_method', 'HMAC-SHA1'],
    ['oauth_timestamp', String(timestamp)],
    ['oauth_nonce', nonce],
    ['oauth_version', '1.0'],
    ...oauth,
  ];
}

/**
 * The text that is signed.
 *
 * @param protocol - the `oauth_…` parameters of the header, without `oauth_signature`
 * @see RFC 5849 section 3.4.1
 */
export const baseString = (
  request: Pick<SignatureInput, 'method' | 'url' | 'form'>,
  protocol: readonly Parameter[],
): string => textToSign(request, protocol.map(encodeBoth));

/** @param protocol - encoded */
function textToSign(
  { method, url, form = [] }: Pick<SignatureInput, 'method' | 'url' | 'form'>,
  protocol: readonly Parameter[],
): string {
  const address = new URL(url);
  const parameters = [...queryParameters(address.search), ...form].map(encodeBoth);
  return [method.toUpperCase(), baseAddress(address), normalized([...parameters, ...protocol])]
    .map(encode)
    .join('&');
}

/** Scheme and host in lower case, a default port left out, no query. @see RFC 5849 section 3.4.1.2 */
const baseAddress = (address: URL): string => `${address.protocol}//${address.host}${address.pathname}`;

/** @see RFC 5849 section 3.4.1.3.2: of encoded parameters, sort by name and then by value, join */
function normalized(parameters: Parameter[]): string {
  return parameters
    .sort(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** @see RFC 5849 section 3.4.1.3.1: the query is read as a form, so a plus sign is a space */
function queryParameters(search: string): Parameter[] {
  return [...new URLSearchParams(search)];
}

/** @see RFC 5849 section 3.4.2 */
function sign(text: string, { appKeys, token }: Pick<SignatureInput, 'appKeys' | 'token'>): string {
  const key = `${encode(appKeys.reveal().secret)}&${encode(token?.reveal().secret ?? '')}`;
  return createHmac('sha1', key).update(text).digest('base64');
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
export function formBody(parameters: readonly Parameter[]): string {
  return parameters
    .map(encodeBoth)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Encoded text is ASCII, so comparing code units is comparing bytes. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A token and its secret: app keys, a request token or an access token. */
export class TokenPair extends Secret<{ token: string; secret: string }> {
  constructor(token: string, secret: string) {
    super({ token, secret });
  }
}

/** The key with which a bot acts as its account. */
export interface BotKey {
  appKeys: TokenPair;
  accessToken: TokenPair;
  /** The account's id and name; the bundles of some old programs lack the id. */
  userId: string | undefined;
  screenName: string | undefined;
  /** The id of its provider, if that is not X. */
  provider?: string | undefined;
}

/** The account's id, with which X begins an access token. */
export const userIdIn = (accessToken: string): string | undefined => /^([0-9]+)-/.exec(accessToken)?.[1];
