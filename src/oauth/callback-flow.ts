import { FlockError } from '../errors.ts';
import type { Callbacks } from './callback.ts';
import type { Grant } from './oauth-answer.ts';
import type { OAuth1Client } from './oauth1-client.ts';

export interface CallbackFlowOptions {
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
