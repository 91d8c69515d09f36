import { FlockError } from '../errors.ts';
import { type Grant, type OAuth1Client, VerifierRefused } from './client.ts';
import type { TokenPair } from './signature.ts';

/** What a person answers where the PIN is asked for: the PIN itself, a wish for another link, or nothing to do with it. */
export type PinAnswer = { pin: string } | 'new link' | 'skip';

interface PinFlowOptions {
  client: OAuth1Client;
  /** The account that is wanted, where it is known. */
  expected: string | undefined;
  /** Shows the person the link that authorizes. */
  showUrl: (url: string) => void;
  askPin: () => Promise<PinAnswer>;
  /** Says why a PIN was refused, before the next link is shown. */
  refused: (why: VerifierRefused) => void;
}

/** A person who mistypes this often in a row is a script gone wrong. */
const maxTries = 5;

/**
 * Gets an access token by PIN. A refused PIN costs its link, not the bot: a new link is shown.
 *
 * @returns the grant, or undefined where the person would rather skip this one
 * @throws {VerifierRefused} after five refused PINs
 * @see RFC 5849 section 2, with the `oob` callback
 * @see docs.x.com, PIN-based OAuth
 */
export async function pinFlow({
  client,
  expected,
  showUrl,
  askPin,
  refused,
}: PinFlowOptions): Promise<Grant | undefined> {
  for (let tries = 0; ;) {
    // 1. A request token, for this one attempt.
    const requestToken = await client.requestToken('oob');
    // 2. The person authorizes it and is shown a PIN.
    showUrl(client.authorizeUrl(requestToken, expected));
    const answer = await askPin();
    if (answer === 'skip') return undefined;
    if (answer === 'new link') continue;
    // 3. The PIN turns the request token into an access token.
    try {
      return await client.accessToken(requestToken, answer.pin);
    } catch (error) {
      tries += 1;
      if (!(error instanceof VerifierRefused) || tries === maxTries) throw error;
      refused(error);
    }
  }
}

interface CallbackFlowOptions {
  /** What the provider is called. */
  provider: string;
  client: OAuth1Client;
  /** The account that is wanted, where it is known. */
  expected: string | undefined;
  callbacks: Callbacks;
  /** Shows the person the link that authorizes. */
  showUrl: (url: string) => void;
}

/**
 * Gets an access token through the person's browser.
 *
 * @returns the grant, or undefined where the person said no
 * @throws {FlockError} `tryLater` where nobody comes back in time or the verifier is refused
 * @see RFC 5849 section 2, with a callback to this machine
 */
export async function callbackFlow({
  provider,
  client,
  expected,
  callbacks,
  showUrl,
}: CallbackFlowOptions): Promise<Grant | undefined> {
  // 1. A request token that knows the way back.
  const requestToken = await client.requestToken(callbacks.url);
  // 2. The person authorizes it and is sent back, with that same token.
  const answering = callbacks.wait(requestToken);
  showUrl(client.authorizeUrl(requestToken, expected));
  const answer = await answering;
  if (answer === 'denied') return undefined;
  if (!answer) {
    throw new FlockError('tryLater', `${provider}: nobody came back from the link in time`, {
      hint: 'start again, and open the link within a quarter of an hour',
    });
  }
  // 3. The verifier turns the request token into an access token.
  return client.accessToken(requestToken, answer.verifier);
}

/** What a provider says when it sends the person back, about which request token. */
export type Callback =
  | { kind: 'granted'; token: string; verifier: string }
  | { kind: 'denied'; token: string }
  /** Somebody said no, and the provider does not say to what. */
  | { kind: 'nameless' }
  | { kind: 'unreadable' };

export type CallbackAnswer = { verifier: string } | 'denied';

/** Where a provider sends people back to. */
export interface Callbacks {
  url: string;
  /**
   * Waits for the person that a request token is for.
   *
   * @returns undefined where nobody came before the link was too old
   */
  wait(requestToken: TokenPair): Promise<CallbackAnswer | undefined>;
}

/**
 * Reads the query of a callback: X says `denied=TOKEN` where the person said no, others name a problem, leave the verifier
 * out, or (Tumblr) say nothing at all. A field that comes twice is as bad as none.
 *
 * @see RFC 5849 section 2.2
 */
export function readCallback(query: URLSearchParams): Callback {
  if (query.size === 0) return { kind: 'nameless' };
  const denied = only(query, 'denied');
  const token = only(query, 'oauth_token') ?? denied;
  if (token === undefined || [...query.keys()].length !== new Set(query.keys()).size)
    return { kind: 'unreadable' };
  const verifier = only(query, 'oauth_verifier');
  const refused = query.has('denied') || query.has('oauth_problem') || verifier === undefined;
  return refused ? { kind: 'denied', token } : { kind: 'granted', token, verifier };
}

const shape = /^[\x21-\x7e]{1,512}$/;

function only(query: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = query.getAll(name);
  return value !== undefined && more.length === 0 && shape.test(value) ? value : undefined;
}
