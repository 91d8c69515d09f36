import {
  accessLevel,
  answer,
  type Call,
  type Caller,
  callerOf,
  json,
  type Refusal,
  type Refuse,
  type Routes,
  type SandboxAnswer,
  signedBy,
} from './requests.ts';
import type { AccessToken, Account, Core, DialectId } from './world.ts';
import { v1 } from './x-api.ts';

/*
 * OAuth 1.0a as X, Flickr and Tumblr have it, and the methods by which an app asks them for the account of a token. The
 * person's step, the authorize page, is in pages.ts.
 */

/**
 * How a service differs from others in OAuth 1.0a. The steps are always the same; addresses, fields and refusals are not. xAuth,
 * `x_auth_access_type` and `/authenticate` are X's own.
 */
interface Dialect {
  id: DialectId;
  title: string;
  /** The path above its three OAuth addresses. */
  base: string;
  /** The format of its PIN, with `#` for each digit; absent if it knows only callbacks. */
  pin?: string;
  /** The parameter of the authorize link that asks for a permission. */
  permission?: string;
  /** What its authorize page says that the app may do: the first line for `read`, two for `write`, all for `delete`. */
  rights: string[];
  /** The fields of the access token answer, in the order of the service. */
  tokenFields: (granted: { token: string; secret: string }, account: Account) => Record<string, string>;
  /** The redirect after a refusal by the person. */
  deniedUrl?: (callback: string, token: string) => string;
  /** The fragment that it adds to the callback URL after an approval. */
  fragment?: string;
  refuse: Refuse;
  callbackRefused: (callback: string) => SandboxAnswer;
  /** The answer to a request token that is unknown, spent or expired. */
  tokenRefused: SandboxAnswer;
  verifierRefused: SandboxAnswer;
}

const plain = (status: number, body: string): SandboxAnswer => answer(status, 'text/plain', body);

/** X's OAuth. It refuses a callback in XML, which a client that expects JSON fails to parse, and the rest in plain text. */
const x: Dialect = {
  ...v1,
  title: 'X',
  base: '/oauth',
  pin: '#######',
  rights: ['Read the posts of the account', 'Post and delete posts for it'],
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
  callbackRefused() {
    const message = 'Callback URL not approved for this client application.';
    const body = `<?xml version="1.0" encoding="UTF-8"?><errors><error code="415">${message}</error></errors>`;
    return answer(403, 'application/xml', body);
  },
  tokenRefused: plain(401, 'Error processing your OAuth request: Invalid or expired oauth_token'),
  verifierRefused: plain(401, 'Error processing your OAuth request: Invalid oauth_verifier parameter'),
};

/** Flickr's refusals by the OAuth Problem Reporting extension, the same at each of its OAuth addresses. */
const refuseFlickr: Refuse = (refusal, base) => {
  const problems: Partial<Record<Refusal, string>> = {
    'unknown-app': 'consumer_key_unknown',
    'clock-skew': 'timestamp_refused',
    'nonce-used': 'nonce_used',
    'dead-token': 'token_rejected',
  };
  if (refusal === 'unauthenticated' || refusal === 'bearer') return absent('oauth_consumer_key');
  // Flickr sends the base string without a further encoding.
  const invalid = `signature_invalid${base === undefined ? '' : `&debug_sbs=${base}`}`;
  return plain(401, `oauth_problem=${problems[refusal] ?? invalid}`);
};

const absent = (name: string): SandboxAnswer =>
  plain(400, `oauth_problem=parameter_absent&oauth_parameters_absent=${name}`);

const nsidOf = ({ id }: Account): string => `${id}@N01`;

/**
 * Flickr's OAuth: a permission in the link, dashes in the PIN.
 *
 * @see www.flickr.com/services/api/auth.oauth.html
 */
const flickr: Dialect = {
  id: 'flickr',
  title: 'Flickr',
  base: '/flickr/services/oauth',
  pin: '###-###-###',
  permission: 'perms',
  rights: ['See the account’s photos, the private ones too', 'Upload and change photos', 'Delete photos'],
  tokenFields: ({ token, secret }, account) => ({
    fullname: account.screenName,
    oauth_token: token,
    oauth_token_secret: secret,
    user_nsid: nsidOf(account),
    username: account.screenName,
  }),
  // No deniedUrl: “No thanks” leads to Flickr's home page (Flickr4Java issue 170, OAuthSwift issue 581).
  refuse: refuseFlickr,
  callbackRefused: (callback) =>
    callback === '' ? absent('oauth_callback') : plain(400, 'oauth_problem=parameter_rejected'),
  tokenRefused: refuseFlickr('dead-token'),
  verifierRefused: plain(401, 'oauth_problem=verifier_invalid'),
};

const refuseTumblr: Refuse = (refusal) => {
  const refusals: Partial<Record<Refusal, [status: number, text: string]>> = {
    unauthenticated: [400, 'Missing or invalid oauth_consumer_key.'],
    bearer: [400, 'Missing or invalid oauth_consumer_key.'],
    'unknown-app': [401, 'oauth_consumer_key not recognized'],
    'clock-skew': [401, 'oauth_timestamp is too far away'],
    'nonce-used': [401, 'oauth_nonce was used before'],
    'dead-token': [400, 'Missing or invalid request token.'],
  };
  const [status, text] = refusals[refusal] ?? [401, 'oauth_signature does not match expected value'];
  return plain(status, text);
};

/**
 * Tumblr's OAuth: callbacks only, no account in the access token answer.
 *
 * @see www.tumblr.com/docs/en/api/v2; the texts are from reports in the issues of client libraries
 */
const tumblr: Dialect = {
  id: 'tumblr',
  title: 'Tumblr',
  base: '/tumblr/oauth',
  rights: ['Read the blogs of the account', 'Post to them'],
  tokenFields: ({ token, secret }) => ({ oauth_token: token, oauth_token_secret: secret }),
  // Tumblr adds no `denied` parameter: passport-tumblr pull request 8, Flickr4Java issue 170.
  deniedUrl: (callback) => callback,
  // Undocumented, but reported: oauth-1.0a issue 32.
  fragment: '_=_',
  refuse: refuseTumblr,
  callbackRefused(callback) {
    const outOfBand = 'Out-of-band ("oob") callbacks are not supported by this implementation.';
    return plain(400, callback === 'oob' ? outOfBand : 'Missing or invalid oauth_callback.');
  },
  tokenRefused: refuseTumblr('dead-token'),
  verifierRefused: plain(400, 'Missing or invalid oauth_verifier.'),
};

export const dialects: readonly Dialect[] = [x, flickr, tumblr];

/** The signed steps of OAuth in every dialect, X's revocation, and the methods of Flickr and Tumblr that name an account. */
export function oauthRoutes(core: Core): Routes {
  const steps = dialects.map((dialect): Routes => ({
    [`GET|POST ${dialect.base}/request_token`]: (call) => requestToken(core, dialect, call),
    [`GET|POST ${dialect.base}/access_token`]: (call) => accessToken(core, dialect, call),
  }));
  return {
    ...(Object.assign({}, ...steps) as Routes),
    'POST /1.1/oauth/invalidate_token(.json)?': (call) => invalidateToken(core, call),
    'GET|POST /flickr/services/rest': (call) => flickrRest(core, call),
    'GET /tumblr/v2/user/info': (call) => tumblrInfo(core, call),
  };
}

function requestToken(core: Core, dialect: Dialect, call: Call): SandboxAnswer {
  const { app, parameters } = signedBy(core, call, dialect);
  const callback = parameters.get('oauth_callback') ?? '';
  if (!callbackAllowed(core, dialect, callback)) return dialect.callbackRefused(callback);
  // At X an app may ask for less than it has; elsewhere only the link can ask.
  const access = (dialect === x ? parameters.get('x_auth_access_type') : undefined) ?? 'write';
  if (access !== 'read' && access !== 'write') return plain(400, 'Invalid x_auth_access_type parameter');
  const { token, secret } = core.authorizations.begin({ app, dialect: dialect.id, callback, access });
  return form({ oauth_token: token, oauth_token_secret: secret, oauth_callback_confirmed: 'true' });
}

/** Compares callbacks as text, including a trailing slash, as X does. `oob` needs no registration. */
function callbackAllowed({ callbacks }: Core, { pin }: Dialect, callback: string): boolean {
  if (callback === 'oob') return pin !== undefined;
  if (!URL.canParse(callback) || !/^https?:$/.test(new URL(callback).protocol)) return false;
  return !callbacks || callbacks.includes(callback);
}

function accessToken(core: Core, dialect: Dialect, call: Call): SandboxAnswer {
  const { app, token, parameters } = signedBy(core, call, dialect);
  const { world, authorizations } = core;
  if (dialect === x && parameters.get('x_auth_mode') === 'client_auth')
    return passwordToken(core, app, parameters);
  const authorization = authorizations.find(token ?? '');
  if (!authorization || authorization.state === 'spent') return dialect.tokenRefused;
  const accountId = authorizations.redeem(authorization, parameters.get('oauth_verifier') ?? '');
  if (accountId === undefined) return dialect.verifierRefused;
  return tokenForm(core, dialect, world.grant(app, accountId, authorization.access, dialect.id));
}

/** xAuth: a name and a password instead of the authorize page. X removed it; other services still have it. */
function passwordToken(core: Core, app: string, parameters: Map<string, string>): SandboxAnswer {
  const passwords = Object.entries(core.passwords ?? {});
  if (passwords.length === 0) return plain(401, 'Client application is not permitted to use xAuth.');
  const name = parameters.get('x_auth_username') ?? '';
  const [, password] = passwords.find(([known]) => known.toLowerCase() === name.toLowerCase()) ?? [];
  if (password === undefined || password !== parameters.get('x_auth_password'))
    return plain(401, 'Invalid user name or password');
  return tokenForm(core, x, core.world.grant(app, core.world.ensureAccount(name).id, 'write'));
}

function tokenForm({ world }: Core, dialect: Dialect, granted: AccessToken): SandboxAnswer {
  const account = world.account(granted.accountId);
  return account ? form(dialect.tokenFields(granted, account)) : dialect.tokenRefused;
}

const form = (values: Record<string, string>): SandboxAnswer =>
  answer(200, 'application/x-www-form-urlencoded', new URLSearchParams(values).toString());

function invalidateToken(core: Core, call: Call): SandboxAnswer {
  const token = core.world.accessToken(signedBy(core, call, v1).token ?? '');
  if (!token) return v1.refuse('dead-token');
  token.revoked = true;
  core.world.changed();
  return json(200, { access_token: token.token }, accessLevel(token));
}

/** Flickr's API, which answers failures with 200, and without `nojsoncallback=1` with a script (JSONP). */
function flickrRest(core: Core, call: Call): SandboxAnswer {
  const asked = (name: string): string => call.query.get(name) ?? call.form.get(name) ?? '';
  if (asked('format') !== 'json') return flickrFailure(111, `Format "${asked('format')}" not found`);
  const shown = (made: SandboxAnswer): SandboxAnswer =>
    asked('nojsoncallback') === '1' || made.status !== 200
      ? made
      : answer(200, 'text/javascript', `jsonFlickrApi(${made.body})`);
  const refuse: Refuse = (...why) => shown(refuseRest(...why));
  const caller = callerOf(core, call, { id: 'flickr', refuse });
  if (caller.account.suspended) return refuse('suspended');
  const method = asked('method');
  const made = flickrMethods[method]?.(caller);
  return shown(
    made ? json(200, { ...made, stat: 'ok' }) : flickrFailure(112, `Method "${method}" not found`),
  );
}

const flickrMethods: Partial<Record<string, (caller: Caller) => object>> = {
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

/** Only a wrong signature gets the answer of the OAuth steps. */
const refuseRest: Refuse = (refusal, base) => {
  if (refusal === 'dead-token' || refusal === 'suspended') return flickrFailure(98, 'Invalid token');
  const isKeyWrong = refusal === 'unauthenticated' || refusal === 'bearer' || refusal === 'unknown-app';
  return isKeyWrong
    ? flickrFailure(100, 'Invalid API Key (Key has invalid format)')
    : refuseFlickr(refusal, base);
};

const flickrFailure = (code: number, message: string): SandboxAnswer =>
  json(200, { stat: 'fail', code, message });

function tumblrInfo(core: Core, call: Call): SandboxAnswer {
  const { account } = callerOf(core, call, { id: 'tumblr', refuse: refuseTumblrApi });
  if (account.suspended) return refuseTumblrApi('suspended');
  const name = account.screenName;
  const blog = { name, title: name, url: `https://${name.toLowerCase()}.tumblr.com/`, primary: true };
  const user = { name, likes: 0, following: 0, default_post_format: 'html', blogs: [blog] };
  return json(200, { meta: { status: 200, msg: 'OK' }, response: { user } });
}

/** Tumblr's API repeats the status in the body. */
export const refuseTumblrApi: Refuse = (refusal) => {
  const others: Partial<Record<Refusal, [status: number, msg: string]>> = {
    'not-found': [404, 'Not Found'],
    suspended: [403, 'Forbidden'],
  };
  const [status, msg] = others[refusal] ?? [401, 'Unauthorized'];
  return json(status, { meta: { status, msg }, response: [] });
};
