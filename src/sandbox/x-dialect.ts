import type { Dialect } from './dialect.ts';
import { callbackRefused, refuseV1, requestTokenRefused, verifierRefused } from './problems.ts';

const reading = { text: 'Read the posts of the account', granted: true };
const posting = { text: 'Post and delete posts for it', granted: true };

/** X's OAuth. */
export const xDialect: Dialect = {
  id: 'x',
  title: 'X',
  base: '/oauth',
  authenticate: true,
  xAuth: true,
  pin: '#######',
  permission: undefined,
  rights: {
    read: [reading, { text: 'It may not post', granted: false }],
    write: [reading, posting],
    delete: [reading, posting],
  },
  tokenFields: ({ token, secret }, { id, screenName }) => ({
    oauth_token: token,
    oauth_token_secret: secret,
    user_id: id,
    screen_name: screenName,
  }),
  deniedUrl(callback, token) {
    const target = new URL(callback);
    target.searchParams.set('denied', token);
    return target.href;
  },
  fragment: '',
  refuse: refuseV1,
  callbackRefused,
  tokenRefused: requestTokenRefused,
  verifierRefused,
};
