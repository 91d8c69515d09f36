import { plain, type SandboxAnswer } from './answer.ts';
import { firstOf, type Dialect } from './dialect.ts';
import type { Refusal, Refuse } from './problems.ts';
import type { Account } from './state.ts';

const texts = ['See the account’s photos, the private ones too', 'Upload and change photos', 'Delete photos'];

/**
 * Flickr's OAuth: a permission on the link, dashes in the PIN, problems named after the OAuth extension.
 *
 * @see www.flickr.com/services/api/auth.oauth.html
 */
export const flickrDialect: Dialect = {
  id: 'flickr',
  title: 'Flickr',
  base: '/flickr/services/oauth',
  authenticate: false,
  xAuth: false,
  pin: '###-###-###',
  permission: 'perms',
  rights: { read: firstOf(1, texts), write: firstOf(2, texts), delete: firstOf(3, texts) },
  tokenFields: ({ token, secret }, account) => ({
    fullname: account.screenName,
    oauth_token: token,
    oauth_token_secret: secret,
    user_nsid: nsidOf(account),
    username: account.screenName,
  }),
  // Its “No thanks” leads to its home page and never to the callback: Flickr4Java issue 170, OAuthSwift issue 581.
  deniedUrl: () => undefined,
  fragment: '',
  refuse: refuseFlickr,
  callbackRefused: (callback) =>
    callback === '' ? absent('oauth_callback') : plain(400, 'oauth_problem=parameter_rejected'),
  tokenRefused: () => refuseFlickr('dead-token'),
  verifierRefused: () => plain(401, 'oauth_problem=verifier_invalid'),
};

/** An account's id as Flickr writes them. */
export const nsidOf = ({ id }: Account): string => `${id}@N01`;

const names: Partial<Record<Refusal, string>> = {
  'unknown-app': 'consumer_key_unknown',
  'clock-skew': 'timestamp_refused',
  'nonce-used': 'nonce_used',
  'dead-token': 'token_rejected',
};

/** What Flickr says to a request it would not take, on every one of its addresses. */
export function refuseFlickr(...[refusal, base]: Parameters<Refuse>): SandboxAnswer {
  if (refusal === 'unauthenticated' || refusal === 'bearer') return absent('oauth_consumer_key');
  const name = names[refusal];
  if (name !== undefined) return plain(401, `oauth_problem=${name}`);
  // The base string is not encoded once more: Flickr shows it just as it was to be signed.
  return plain(401, `oauth_problem=signature_invalid${base === undefined ? '' : `&debug_sbs=${base}`}`);
}

const absent = (name: string): SandboxAnswer =>
  plain(400, `oauth_problem=parameter_absent&oauth_parameters_absent=${name}`);
