import { plain, type SandboxAnswer } from './answer.ts';
import { firstOf, type Dialect } from './dialect.ts';
import type { Refusal, Refuse } from './problems.ts';

const texts = ['Read the blogs of the account', 'Post to them'];

/**
 * Tumblr's OAuth: callbacks only, answers that do not say whose a token is, refusals in plain words.
 *
 * @see www.tumblr.com/docs/en/api/v2; the words are from reports in client libraries' issues
 */
export const tumblrDialect: Dialect = {
  id: 'tumblr',
  title: 'Tumblr',
  base: '/tumblr/oauth',
  authenticate: false,
  xAuth: false,
  pin: undefined,
  permission: undefined,
  rights: { read: firstOf(1, texts), write: firstOf(2, texts), delete: firstOf(2, texts) },
  tokenFields: ({ token, secret }) => ({ oauth_token: token, oauth_token_secret: secret }),
  // Without a word of what happened: passport-tumblr pull request 8, Flickr4Java issue 170.
  deniedUrl: (callback) => callback,
  // Nobody says why, but it is in the reports: oauth-1.0a issue 32.
  fragment: '_=_',
  refuse: refuseTumblr,
  callbackRefused: (callback) =>
    plain(
      400,
      callback === 'oob'
        ? 'Out-of-band ("oob") callbacks are not supported by this implementation.'
        : 'Missing or invalid oauth_callback.',
    ),
  tokenRefused: () => refuseTumblr('dead-token'),
  verifierRefused: () => plain(400, 'Missing or invalid oauth_verifier.'),
};

const refusals: Partial<Record<Refusal, [status: number, text: string]>> = {
  unauthenticated: [400, 'Missing or invalid oauth_consumer_key.'],
  bearer: [400, 'Missing or invalid oauth_consumer_key.'],
  'unknown-app': [401, 'oauth_consumer_key not recognized'],
  'clock-skew': [401, 'oauth_timestamp is too far away'],
  'nonce-used': [401, 'oauth_nonce was used before'],
  'dead-token': [400, 'Missing or invalid request token.'],
};

function refuseTumblr(...[refusal]: Parameters<Refuse>): SandboxAnswer {
  const [status, text] = refusals[refusal] ?? [401, 'oauth_signature does not match expected value'];
  return plain(status, text);
}
