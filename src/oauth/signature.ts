import { createHmac } from 'node:crypto';
import { Secret } from '../text.ts';

/*
 * OAuth 1.0a signatures with HMAC-SHA1 (RFC 5849 section 3), and the tokens that sign.
 */

/** A name and a value; names may repeat. */
export type Parameter = readonly [name: string, value: string];

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
