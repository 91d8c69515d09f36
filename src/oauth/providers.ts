/** An OAuth 1.0a provider as data: its addresses and its peculiarities. The built-in ones are X, Flickr and Tumblr. */
export interface Provider {
  id: string;
  /** Its name for people. */
  title: string;
  requestTokenUrl: string;
  authorizeUrl: string;
  accessTokenUrl: string;
  requestTokenMethod: Method;
  accessTokenMethod: Method;
  /** How the verifier comes back: typed by the person (`pin`), in a redirect of the browser (`url`), or either. */
  callback: 'pin' | 'url' | 'both';
  /** Parameters of the authorize link besides the request token. */
  authorizeParameters: Readonly<Record<string, string>>;
  /** The parameter of the authorize link that fills in the expected account. */
  screenNameParameter?: string | undefined;
  /** The permissions that the authorize link can ask for, if the app's settings do not decide them. */
  permissions?: { parameter: string; choices: readonly string[]; usual: string } | undefined;
  /** The verifier that a person types. */
  verifier: { pattern: RegExp; example: string };
  /** The fields of the access token answer that name the account, if it has any. */
  accountFields?: { id: string; name: string } | undefined;
  /** The patterns of account ids and names. */
  account: { id: RegExp; name: RegExp };
  /** A signed GET that names the account of an access token. */
  whoAmI?: WhoAmI | undefined;
  /** Whether the request token answer has `oauth_callback_confirmed`, as RFC 5849 section 2.1 requires. */
  confirmsCallback: boolean;
  /** The address of a signed POST that revokes an access token. */
  revokeUrl?: string | undefined;
  /** Where a person revokes it by hand. */
  revokedAt?: string | undefined;
}

type Method = 'GET' | 'POST';

/** `id` and `name` are paths in the answer's JSON: `data.id`. */
export interface WhoAmI {
  url: string;
  id: string;
  name: string;
}

/** The defaults of a provider, which most servers match. */
export const providerDefaults = {
  requestTokenMethod: 'POST',
  accessTokenMethod: 'POST',
  callback: 'both',
  authorizeParameters: {},
  verifier: { pattern: /^[\x21-\x7e]{1,256}$/, example: '' },
  accountFields: { id: 'user_id', name: 'screen_name' },
  // Some servers allow any name; control characters are refused, since a terminal would obey them.
  account: { id: /^[\x21-\x7e]{1,100}$/, name: /^(?=.*\S)[^\p{C}\u2028\u2029]{1,100}$/u },
  confirmsCallback: true,
} as const satisfies Partial<Provider>;

/**
 * X. It uses `authorize`, never `authenticate`: the latter silently accepts the account that is signed in if it approved the app
 * before, and so would give bot B the account of bot A.
 *
 * @param base - the base of the API, without a trailing slash
 * @see docs.x.com, OAuth 1.0a, PIN-based authorization
 */
export function xProvider(base: string): Provider {
  return {
    ...providerDefaults,
    id: 'x',
    title: 'X',
    requestTokenUrl: `${base}/oauth/request_token`,
    authorizeUrl: `${base}/oauth/authorize`,
    accessTokenUrl: `${base}/oauth/access_token`,
    // X asks for the account even if the browser is signed in, perhaps as another one.
    authorizeParameters: { force_login: 'true' },
    screenNameParameter: 'screen_name',
    verifier: { pattern: /^[0-9]{4,10}$/, example: '4406740' },
    account: { id: /^[0-9]{1,20}$/, name: /^[A-Za-z0-9_]{1,50}$/ },
    whoAmI: { url: `${base}/2/users/me`, id: 'data.id', name: 'data.username' },
    revokeUrl: `${base}/1.1/oauth/invalidate_token.json`,
    revokedAt: 'Settings, Security and account access, Apps and sessions, Connected apps',
  };
}

/**
 * Flickr. The authorize link names the permission; ids look like `12345678@N01`.
 *
 * @param base - `https://www.flickr.com`, or its place in a sandbox
 * @see www.flickr.com/services/api/auth.oauth.html
 */
export function flickrProvider(base = 'https://www.flickr.com'): Provider {
  return {
    ...providerDefaults,
    id: 'flickr',
    title: 'Flickr',
    requestTokenUrl: `${base}/services/oauth/request_token`,
    authorizeUrl: `${base}/services/oauth/authorize`,
    accessTokenUrl: `${base}/services/oauth/access_token`,
    requestTokenMethod: 'GET',
    accessTokenMethod: 'GET',
    permissions: { parameter: 'perms', choices: ['read', 'write', 'delete'], usual: 'read' },
    verifier: { pattern: /^[0-9]{3}-[0-9]{3}-[0-9]{3}$/, example: '123-456-789' },
    accountFields: { id: 'user_nsid', name: 'username' },
    whoAmI: {
      url: `${base}/services/rest?method=flickr.test.login&format=json&nojsoncallback=1`,
      id: 'user.id',
      name: 'user.username._content',
    },
    revokedAt: 'www.flickr.com/services/auth/list.gne',
  };
}

/**
 * Tumblr. It has no PINs, and its access token answer does not name the account.
 *
 * @param bases - of its OAuth addresses and of its API, or their places in a sandbox
 * @see www.tumblr.com/docs/en/api/v2, OAuth 1.0a
 */
export function tumblrProvider(
  bases = { oauth: 'https://www.tumblr.com', api: 'https://api.tumblr.com' },
): Provider {
  return {
    ...providerDefaults,
    id: 'tumblr',
    title: 'Tumblr',
    requestTokenUrl: `${bases.oauth}/oauth/request_token`,
    authorizeUrl: `${bases.oauth}/oauth/authorize`,
    accessTokenUrl: `${bases.oauth}/oauth/access_token`,
    accessTokenMethod: 'GET',
    callback: 'url',
    accountFields: undefined,
    whoAmI: { url: `${bases.api}/v2/user/info`, id: 'response.user.name', name: 'response.user.name' },
    revokedAt: 'www.tumblr.com/settings/apps',
  };
}

/** The ids of the built-in providers. */
export const builtIn: readonly string[] = ['x', 'flickr', 'tumblr'];

/** @param servers - `api`: the base of the X API; `isSandbox`: whether that is a sandbox, in which each provider has a place */
export function builtInProvider(
  id: string,
  { api, isSandbox }: { api: string; isSandbox: boolean },
): Provider | undefined {
  if (id === 'x') return xProvider(api);
  if (id === 'flickr') return flickrProvider(isSandbox ? `${api}/flickr` : undefined);
  const tumblr = `${api}/tumblr`;
  if (id === 'tumblr') return tumblrProvider(isSandbox ? { oauth: tumblr, api: tumblr } : undefined);
  return undefined;
}
