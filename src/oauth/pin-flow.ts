import { VerifierRefused, type Grant } from './oauth-answer.ts';
import type { OAuth1Client } from './oauth1-client.ts';

/** What a person answers where the PIN is asked for: the PIN itself, a wish for another link, or nothing to do with it. */
export type PinAnswer = { pin: string } | 'new link' | 'skip';

export interface PinFlowOptions {
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
const mostTries = 5;

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
      if (!(error instanceof VerifierRefused) || tries === mostTries) throw error;
      refused(error);
    }
  }
}
