import { type Call, type Caller, callerOf, type Core, type Routes } from './core.ts';
import {
  asset,
  callbackRefused,
  json,
  plain,
  type Refusal,
  type Refuse,
  refuseV1,
  requestTokenRefused,
  type SandboxAnswer,
  verifierRefused,
} from './problems.ts';
import type { Access, Account, DialectId } from './world.ts';

/** How a service differs from others in OAuth 1.0a. The steps are always the same; addresses, fields and refusals are not. */
export interface Dialect {
  id: DialectId;
  /** The name of the service. */
  title: string;
  /** The path above its three OAuth addresses. */
  base: string;
  /** Whether it has `/authenticate`, which does not ask a person who approved the app before. */
  authenticate: boolean;
  /** Whether it accepts xAuth and `x_auth_access_type`, which are X's own. */
  xAuth: boolean;
  /** The format of its PIN, with `#` for each digit; undefined if it knows only callbacks. */
  pin: string | undefined;
  /** The parameter of the authorize link that asks for a permission; undefined if there is none. */
  permission: string | undefined;
  /** What its authorize page says that the app may do. */
  rights: Record<Access, Right[]>;
  /** The fields of the access token answer, in the order of the service. */
  tokenFields: (granted: { token: string; secret: string }, account: Account) => Record<string, string>;
  /** The redirect after a refusal by the person, or undefined for no redirect. */
  deniedUrl: (callback: string, token: string) => string | undefined;
  /** The fragment that it adds to the callback URL after an approval; empty for none. */
  fragment: string;
  refuse: Refuse;
  callbackRefused: (callback: string) => SandboxAnswer;
  /** The answer to a request token that is unknown, spent or expired. */
  tokenRefused: () => SandboxAnswer;
  verifierRefused: () => SandboxAnswer;
}

/** A line of the authorize page. */
interface Right {
  text: string;
  granted: boolean;
}

/** The lines of an authorize page on which the first `granted` rights are granted. */
const firstOf = (granted: number, texts: string[]): Right[] =>
  texts.map((text, n) => ({ text, granted: n < granted }));

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

const flickrTexts = [
  'See the account’s photos, the private ones too',
  'Upload and change photos',
  'Delete photos',
];

/**
 * Flickr's OAuth: a permission in the link, dashes in the PIN, refusals by the OAuth Problem Reporting extension.
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
  rights: { read: firstOf(1, flickrTexts), write: firstOf(2, flickrTexts), delete: firstOf(3, flickrTexts) },
  tokenFields: ({ token, secret }, account) => ({
    fullname: account.screenName,
    oauth_token: token,
    oauth_token_secret: secret,
    user_nsid: nsidOf(account),
    username: account.screenName,
  }),
  // “No thanks” leads to Flickr's home page, not to the callback: Flickr4Java issue 170, OAuthSwift issue 581.
  deniedUrl: () => undefined,
  fragment: '',
  refuse: refuseFlickr,
  callbackRefused: (callback) =>
    callback === '' ? absent('oauth_callback') : plain(400, 'oauth_problem=parameter_rejected'),
  tokenRefused: () => refuseFlickr('dead-token'),
  verifierRefused: () => plain(401, 'oauth_problem=verifier_invalid'),
};

/** An account's id in Flickr's format. */
const nsidOf = ({ id }: Account): string => `${id}@N01`;

const flickrProblems: Partial<Record<Refusal, string>> = {
  'unknown-app': 'consumer_key_unknown',
  'clock-skew': 'timestamp_refused',
  'nonce-used': 'nonce_used',
  'dead-token': 'token_rejected',
};

/** Flickr's refusal, the same at each of its OAuth addresses. */
function refuseFlickr(...[refusal, base]: Parameters<Refuse>): SandboxAnswer {
  if (refusal === 'unauthenticated' || refusal === 'bearer') return absent('oauth_consumer_key');
  const name = flickrProblems[refusal];
  if (name !== undefined) return plain(401, `oauth_problem=${name}`);
  // Flickr sends the base string without a further encoding.
  return plain(401, `oauth_problem=signature_invalid${base === undefined ? '' : `&debug_sbs=${base}`}`);
}

const absent = (name: string): SandboxAnswer =>
  plain(400, `oauth_problem=parameter_absent&oauth_parameters_absent=${name}`);

const tumblrTexts = ['Read the blogs of the account', 'Post to them'];

/**
 * Tumblr's OAuth: callbacks only, no account in the access token answer, refusals as plain text.
 *
 * @see www.tumblr.com/docs/en/api/v2; the texts are from reports in the issues of client libraries
 */
export const tumblrDialect: Dialect = {
  id: 'tumblr',
  title: 'Tumblr',
  base: '/tumblr/oauth',
  authenticate: false,
  xAuth: false,
  pin: undefined,
  permission: undefined,
  rights: { read: firstOf(1, tumblrTexts), write: firstOf(2, tumblrTexts), delete: firstOf(2, tumblrTexts) },
  tokenFields: ({ token, secret }) => ({ oauth_token: token, oauth_token_secret: secret }),
  // Tumblr adds no `denied` parameter: passport-tumblr pull request 8, Flickr4Java issue 170.
  deniedUrl: (callback) => callback,
  // Undocumented, but reported: oauth-1.0a issue 32.
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

const tumblrRefusals: Partial<Record<Refusal, [status: number, text: string]>> = {
  unauthenticated: [400, 'Missing or invalid oauth_consumer_key.'],
  bearer: [400, 'Missing or invalid oauth_consumer_key.'],
  'unknown-app': [401, 'oauth_consumer_key not recognized'],
  'clock-skew': [401, 'oauth_timestamp is too far away'],
  'nonce-used': [401, 'oauth_nonce was used before'],
  'dead-token': [400, 'Missing or invalid request token.'],
};

function refuseTumblr(...[refusal]: Parameters<Refuse>): SandboxAnswer {
  const [status, text] = tumblrRefusals[refusal] ?? [401, 'oauth_signature does not match expected value'];
  return plain(status, text);
}

/** The methods of Flickr's API that say which account a token is for, and what it may do. */
export function flickrRoutes(core: Core): Routes {
  const rest = (call: Call): SandboxAnswer => answerRest(core, call);
  return { 'GET /flickr/services/rest': rest, 'POST /flickr/services/rest': rest };
}

function answerRest(core: Core, call: Call): SandboxAnswer {
  const asked = (name: string): string => call.query.get(name) ?? call.form.get(name) ?? '';
  if (asked('format') !== 'json') return flickrFailure(111, `Format "${asked('format')}" not found`);
  const answer = answerMethod(core, call, asked('method'));
  // Without `nojsoncallback=1` Flickr answers with a script (JSONP).
  return asked('nojsoncallback') === '1' || answer.status !== 200
    ? answer
    : asset('text/javascript', `jsonFlickrApi(${answer.body})`);
}

function answerMethod(core: Core, { request }: Call, method: string): SandboxAnswer {
  const checked = callerOf(core, request, refuseRest, 'flickr');
  if (!checked.ok) return checked.answer;
  if (checked.value.account.suspended) return refuseRest('suspended');
  const answer = methods[method]?.(checked.value);
  return answer ? json(200, { ...answer, stat: 'ok' }) : flickrFailure(112, `Method "${method}" not found`);
}

const methods: Partial<Record<string, (caller: Caller) => object>> = {
  'flickr.test.login': ({ account }) => ({
    user: { id: nsidOf(account), username: { _content: account.screenName }, path_alias: null },
  }),
  'flickr.auth.oauth.checkToken': ({ account, token }) => ({
    oauth: {
      token: { _content: token.token },
      perms: { _content: token.access },
      user: { nsid: nsidOf(account), username: account.screenName, fullname: account.screenName },
    },
  }),
};

/** Flickr's API answers failures with 200. Only a wrong signature gets the answer of the OAuth steps. */
const refuseRest: Refuse = (refusal, base) => {
  if (refusal === 'dead-token' || refusal === 'suspended') return flickrFailure(98, 'Invalid token');
  const isKeyWrong = refusal === 'unauthenticated' || refusal === 'bearer' || refusal === 'unknown-app';
  return isKeyWrong
    ? flickrFailure(100, 'Invalid API Key (Key has invalid format)')
    : refuseFlickr(refusal, base);
};

const flickrFailure = (code: number, message: string): SandboxAnswer =>
  json(200, { stat: 'fail', code, message });

/** The method of Tumblr's API that says which account a token is for. */
export function tumblrRoutes(core: Core): Routes {
  return { 'GET /tumblr/v2/user/info': (call) => userInfo(core, call) };
}

function userInfo(core: Core, { request }: Call): SandboxAnswer {
  const checked = callerOf(core, request, refuseTumblrApi, 'tumblr');
  if (!checked.ok) return checked.answer;
  const { account } = checked.value;
  if (account.suspended) return refuseTumblrApi('suspended');
  const name = account.screenName;
  const blog = { name, title: name, url: `https://${name.toLowerCase()}.tumblr.com/`, primary: true };
  const user = { name, likes: 0, following: 0, default_post_format: 'html', blogs: [blog] };
  return json(200, { meta: { status: 200, msg: 'OK' }, response: { user } });
}

/** Tumblr's API repeats the status in the body. */
export const refuseTumblrApi: Refuse = (refusal) => {
  if (refusal === 'not-found') return tumblrFailure(404, 'Not Found');
  return refusal === 'suspended' ? tumblrFailure(403, 'Forbidden') : tumblrFailure(401, 'Unauthorized');
};

const tumblrFailure = (status: number, msg: string): SandboxAnswer =>
  json(status, { meta: { status, msg }, response: [] });
