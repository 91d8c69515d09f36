import { FlockError } from '../errors.ts';
import { type Grant, type OAuth1Client, VerifierRefused } from './client.ts';
import type { TokenPair } from './signature.ts';

/*
 * The flows of OAuth 1.0a that a person takes part in: by PIN, and by a callback to this machine.
 */

/** A person's answer to the question for a PIN: the PIN, or that they want another link, or to skip this bot. */
export type PinAnswer = { pin: string } | 'new link' | 'skip';

interface PinFlowOptions {
  client: OAuth1Client;
  /** The screen name of the wanted account, if it is known. */
  expected: string | undefined;
  /** Shows the person the authorize link. */
  showUrl: (url: string) => void;
  askPin: () => Promise<PinAnswer>;
  /** Shows why a PIN was refused, before the next link. */
  refused: (why: VerifierRefused) => void;
}

/** The maximum number of refused PINs: more come from a broken script, not from a person. */
const maxTries = 5;

/**
 * Gets an access token by PIN. After a refused PIN the person gets a new link.
 *
 * @returns the grant, or undefined if the person skips this bot
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
  /** The provider's title. */
  provider: string;
  client: OAuth1Client;
  /** The screen name of the wanted account, if it is known. */
  expected: string | undefined;
  callbacks: Callbacks;
  /** Shows the person the authorize link. */
  showUrl: (url: string) => void;
}

/**
 * Gets an access token by a callback from the person's browser.
 *
 * @returns the grant, or undefined if the person denied it
 * @throws {FlockError} `tryLater` if no callback arrives in time or the verifier is refused
 * @see RFC 5849 section 2, with a callback to this machine
 */
export async function callbackFlow({
  provider,
  client,
  expected,
  callbacks,
  showUrl,
}: CallbackFlowOptions): Promise<Grant | undefined> {
  // 1. A request token with the callback's address.
  const requestToken = await client.requestToken(callbacks.url);
  // 2. The person authorizes it, and the provider redirects the browser to the callback, with the same token.
  const answering = callbacks.wait(requestToken);
  showUrl(client.authorizeUrl(requestToken, expected));
  const answer = await answering;
  if (answer === 'denied') return undefined;
  if (!answer) {
    throw new FlockError('tryLater', `${provider}: the link was not used in time`, {
      hint: 'start again, and open the link within a quarter of an hour',
    });
  }
  // 3. The verifier turns the request token into an access token.
  return client.accessToken(requestToken, answer.verifier);
}

/** What a callback brings. */
type CallbackAnswer = { verifier: string } | 'denied';

/** Receives callbacks. */
export interface Callbacks {
  /** The address to which the provider redirects the browser. */
  url: string;
  /**
   * Waits for the callback of a request token.
   *
   * @returns undefined if none came before the link expired
   */
  wait(requestToken: TokenPair): Promise<CallbackAnswer | undefined>;
}
