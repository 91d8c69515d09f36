import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { FlockError } from '../errors.ts';
import { NoAnswer, type HttpAnswer, type Send } from '../http/exchange.ts';
import type { TokenPair } from '../keys/token-pair.ts';
import { readAccessToken, readRequestToken, type Account } from './oauth-answer.ts';
import type { Provider } from './provider.ts';
import { authorizationHeader, formBody, type Parameter } from './signature.ts';

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
}

/** @see RFC 5849 section 3.1; the nonce is 128 random bits */
export function signedSend({ send, clock, appKeys, token }: SigningOptions): SignedSend {
  return ({ method, url, oauth, form, json }) => {
    const authorization = authorizationHeader({
      method,
      url,
      appKeys,
      token,
      nonce: randomBytes(16).toString('hex'),
      timestamp: Math.floor(clock.now() / 1000),
      ...(oauth && { oauth }),
      ...(form && { form }),
    });
    const headers: Record<string, string> = { authorization, accept: '*/*' };
    if (form) headers['content-type'] = 'application/x-www-form-urlencoded';
    if (json !== undefined) headers['content-type'] = 'application/json';
    const body = form ? formBody(form) : json === undefined ? undefined : JSON.stringify(json);
    return send({ method, url, headers, ...(body !== undefined && { body }) });
  };
}

/** The three steps of an OAuth 1.0a authorization that talk to the provider. */
export interface OAuth1Client {
  /** @param callback - where the provider sends the person back to, or `oob` for a PIN */
  requestToken(callback: string): Promise<TokenPair>;
  /** The link a person opens to authorize. */
  authorizeUrl(requestToken: TokenPair, expected: string | undefined): string;
  accessToken(
    requestToken: TokenPair,
    verifier: string,
  ): Promise<{ accessToken: TokenPair; account: Account }>;
}

/** @throws {FlockError} from each step, `unavailable` where the provider cannot be reached */
export function openOAuth1Client(
  provider: Provider,
  { send, clock, appKeys }: Omit<SigningOptions, 'token'>,
): OAuth1Client {
  return {
    async requestToken(callback) {
      const call = signedSend({ send, clock, appKeys });
      const oauth: Parameter[] = [['oauth_callback', callback]];
      const answer = await reach(provider, () =>
        call({ method: 'POST', url: provider.requestTokenUrl, oauth }),
      );
      return readRequestToken(answer, provider.title);
    },
    authorizeUrl(requestToken, expected) {
      const url = new URL(provider.authorizeUrl);
      url.searchParams.set('oauth_token', requestToken.reveal().token);
      // Signed in as somebody else already, the browser must still ask who this is to be.
      url.searchParams.set('force_login', 'true');
      if (expected !== undefined) url.searchParams.set('screen_name', expected);
      return url.href;
    },
    async accessToken(requestToken, verifier) {
      const call = signedSend({ send, clock, appKeys, token: requestToken });
      const oauth: Parameter[] = [['oauth_verifier', verifier]];
      const answer = await reach(provider, () =>
        call({ method: 'POST', url: provider.accessTokenUrl, oauth }),
      );
      return readAccessToken(answer, provider.title);
    },
  };
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
