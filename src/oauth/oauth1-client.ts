import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../http/exchange.ts';
import type { TokenPair } from '../keys/token-pair.ts';
import {
  type Account,
  consistent,
  type Grant,
  readAccessToken,
  readPasswordToken,
  readRequestToken,
  readRevoked,
  readWhoAmI,
} from './oauth-answer.ts';
import type { Provider } from './provider.ts';
import { authorizationHeader, encode, formBody, type Parameter } from './signature.ts';

export interface SignedCall {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  oauth?: readonly Parameter[];
  form?: readonly Parameter[];
  /** A body that is not a form; it is sent as JSON and not signed. */
  json?: unknown;
}

/** Sends requests signed with app keys and, where there is one, a token. */
export type SignedSend = (call: SignedCall) => Promise<HttpAnswer>;

export interface SigningOptions {
  send: Send;
  clock: Clock;
  appKeys: TokenPair;
  token?: TokenPair;
  /** What else is in a request that no answer may bring into a message. */
  secrets?: readonly string[];
}

/** @see RFC 5849 section 3.1 */
export function signedSend({ send, clock, appKeys, token, secrets = [] }: SigningOptions): SignedSend {
  return ({ method, url, oauth, form, json }) => {
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
    return send(request).then((answer) => withoutEcho(answer, [...pairs, ...secrets]));
  };
}

/** More than 110 random bits, in 30 characters: some servers take no more. A UUID is the cheapest way to them. */
const newNonce = (): string => randomUUID().replaceAll('-', '').slice(2);

/** A refusal that quotes our own request back, as some proxies do, must not bring its tokens into a message or a log. */
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

/** The steps of an OAuth 1.0a authorization that talk to the provider. */
export interface OAuth1Client {
  /** @param callback - where the provider sends the person back to, or `oob` for a PIN */
  requestToken(callback: string): Promise<TokenPair>;
  /** The link a person opens to authorize. @param expected - the screen name it is to be */
  authorizeUrl(requestToken: TokenPair, expected: string | undefined): string;
  accessToken(requestToken: TokenPair, verifier: string): Promise<Grant>;
  /** xAuth: a name and a password for an access token, without a person's step. */
  passwordToken(login: TokenPair): Promise<Grant>;
  /** Whose an access token is, by the provider's word. */
  whoAmI(accessToken: TokenPair): Promise<Account>;
  /** Ends an access token, unless it had ended before or the provider leaves that to the person. */
  revoke(accessToken: TokenPair): Promise<'ended' | 'was dead' | 'by hand'>;
}

/** @throws {FlockError} from each step, `unavailable` where the provider cannot be reached */
export function openOAuth1Client(
  provider: Provider,
  { send, clock, appKeys }: Omit<SigningOptions, 'token'>,
): OAuth1Client {
  const call = (signed: SignedCall, token?: TokenPair, secrets: string[] = []): Promise<HttpAnswer> =>
    reach(provider, () => signedSend({ send, clock, appKeys, secrets, ...(token && { token }) })(signed));

  const whoAmI = (accessToken: TokenPair): Promise<Account> => askWhoAmI(provider, call, accessToken);
  const granted = async ({ accessToken, account }: ReturnType<typeof readAccessToken>): Promise<Grant> =>
    consistent({ accessToken, account: account ?? (await whoAmI(accessToken)) }, provider);

  return {
    async requestToken(callback) {
      const answer = await call({
        method: provider.requestTokenMethod,
        url: provider.requestTokenUrl,
        oauth: [['oauth_callback', callback]],
      });
      return readRequestToken(answer, provider, clock.now());
    },
    authorizeUrl(requestToken, expected) {
      const url = new URL(provider.authorizeUrl);
      url.searchParams.set('oauth_token', requestToken.reveal().token);
      for (const [name, value] of Object.entries(provider.authorizeParameters))
        url.searchParams.set(name, value);
      const { screenNameParameter } = provider;
      if (expected !== undefined && screenNameParameter !== undefined)
        url.searchParams.set(screenNameParameter, expected);
      return url.href;
    },
    async accessToken(requestToken, verifier) {
      const oauth: Parameter[] = [['oauth_verifier', verifier]];
      const signed = { method: provider.accessTokenMethod, url: provider.accessTokenUrl, oauth };
      return granted(readAccessToken(await call(signed, requestToken, [verifier]), provider));
    },
    async passwordToken(login) {
      const { token: name, secret: password } = login.reveal();
      const form: Parameter[] = [
        ['x_auth_mode', 'client_auth'],
        ['x_auth_username', name],
        ['x_auth_password', password],
      ];
      const answer = await call({ method: 'POST', url: provider.accessTokenUrl, form }, undefined, [
        password,
      ]);
      return granted(readPasswordToken(answer, provider));
    },
    whoAmI,
    async revoke(accessToken) {
      const { revokeUrl: url } = provider;
      if (url === undefined) return 'by hand';
      return readRevoked(await call({ method: 'POST', url }, accessToken), provider);
    },
  };
}

async function askWhoAmI(
  provider: Provider,
  call: (signed: SignedCall, token: TokenPair) => Promise<HttpAnswer>,
  accessToken: TokenPair,
): Promise<Account> {
  const { whoAmI: question, title, id } = provider;
  if (!question) {
    throw new FlockError('config', `${title} has no way to ask whose a key is`, {
      hint: `describe it in flock.json: providers.${id}.whoAmI`,
    });
  }
  return readWhoAmI(await call({ method: 'GET', url: question.url }, accessToken), provider, question);
}

async function reach(provider: Provider, call: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
  try {
    return await call();
  } catch (cause) {
    if (!(cause instanceof NoAnswer)) throw cause;
    throw new FlockError('unavailable', `${provider.title}: ${cause.message}`, {
      hint: 'is there a network, and is KEYMAKER_API_URL (if set) the right address?',
      cause,
    });
  }
}
