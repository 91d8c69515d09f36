/** An OAuth 1.0a server, as data: its addresses and what is particular to it. */
export interface Provider {
  id: string;
  /** The name people know it by. */
  title: string;
  requestTokenUrl: string;
  authorizeUrl: string;
  accessTokenUrl: string;
  /** What its verifier looks like where a person types it. */
  pin: RegExp;
}

/**
 * X. `authorize`, never `authenticate`: that one silently passes an account that approved the app before,
 * and so gives bot B the account of bot A.
 *
 * @param base - the base of the API, without a trailing slash
 * @see docs.x.com, OAuth 1.0a, PIN-based authorization
 */
export function xProvider(base: string): Provider {
  return {
    id: 'x',
    title: 'X',
    requestTokenUrl: `${base}/oauth/request_token`,
    authorizeUrl: `${base}/oauth/authorize`,
    accessTokenUrl: `${base}/oauth/access_token`,
    pin: /^[0-9]{4,10}$/,
  };
}
