import type { TokenPair } from '../keys/token-pair.ts';

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
