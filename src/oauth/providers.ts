/** An OAuth 1.0a server, as data: its addresses and what is particular to it. */
export interface Provider {
  id: string;
  /** The name people know it by. */
  title: string;
  requestTokenUrl: string;
  authorizeUrl: string;
  accessTokenUrl: string;
  requestTokenMethod: Method;
  accessTokenMethod: Method;
  /** How its verifier comes back: typed by the person, with the browser, or as one likes. */
  callback: 'pin' | 'url' | 'both';
  /** What the authorize link says besides the request token. */
  authorizeParameters: Readonly<Record<string, string>>;
  /** The parameter of the authorize link that fills in the expected account. */
  screenNameParameter?: string | undefined;
  /** What the person can be asked to permit, where the app's own settings do not decide it. */
  permissions?: Permissions | undefined;
  /** What its verifier looks like where a person types it. */
  verifier: { pattern: RegExp; example: string };
  /** The fields of its access token answer that say whose it is, where it has any. */
  accountFields?: { id: string; name: string } | undefined;
  /** What its account ids and names look like. */
  account: { id: RegExp; name: RegExp };
  /** A signed GET that says whose an access token is, and where in its JSON. */
  whoAmI?: WhoAmI | undefined;
  /** Whether its request token answer says `oauth_callback_confirmed`, as RFC 5849 section 2.1 wants. */
  confirmsCallback: boolean;
  /** A signed POST that ends an access token. */
  revokeUrl?: string | undefined;
  /** Where a person ends it by hand. */
  revokedAt?: string | undefined;
}

type Method = 'GET' | 'POST';

interface Permissions {
  parameter: string;
  choices: readonly string[];
  usual: string;
}

/** `id` and `name` are ways into the answer's JSON: `data.id`. */
export interface WhoAmI {
  url: string;
  id: string;
  name: string;
}

/** What most servers do, for those that say nothing else. */
export const usual = {
  requestTokenMethod: 'POST',
  accessTokenMethod: 'POST',
  callback: 'both',
  authorizeParameters: {},
  verifier: { pattern: /^[\x21-\x7e]{1,256}$/, example: '' },
  accountFields: { id: 'user_id', name: 'screen_name' },
  // Some let people have any name; none has characters that a terminal would obey.
  account: { id: /^[\x21-\x7e]{1,100}$/, name: /^(?=.*\S)[^\p{C}\u2028\u2029]{1,100}$/u },
  confirmsCallback: true,
} as const satisfies Partial<Provider>;

/**
 * X. `authorize`, never `authenticate`: that one silently passes an account that approved the app before,
 * and so gives bot B the account of bot A.
 *
 * @param base - the base of the API, without a trailing slash
 * @see docs.x.com, OAuth 1.0a, PIN-based authorization
 */
export function xProvider(base: string): Provider {
  return {
    ...usual,
    id: 'x',
    title: 'X',
    requestTokenUrl: `${base}/oauth/request_token`,
    authorizeUrl: `${base}/oauth/authorize`,
    accessTokenUrl: `${base}/oauth/access_token`,
    // Signed in as somebody else already, the browser must still ask who this is to be.
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
 * Flickr: the person chooses nothing, the link asks for a permission; ids look like `12345678@N01`.
 *
 * @param base - `https://www.flickr.com`, or where a sandbox plays it
 * @see www.flickr.com/services/api/auth.oauth.html
 */
export function flickrProvider(base = 'https://www.flickr.com'): Provider {
  return {
    ...usual,
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
 * Tumblr: only with the browser, and its access token answer does not say whose it is.
 *
 * @param bases - of its OAuth addresses and of its API, or where a sandbox plays them
 * @see www.tumblr.com/docs/en/api/v2, OAuth 1.0a
 */
export function tumblrProvider(
  bases = { oauth: 'https://www.tumblr.com', api: 'https://api.tumblr.com' },
): Provider {
  return {
    ...usual,
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

/** The providers that need no description, by their ids. */
export const builtIn = ['x', 'flickr', 'tumblr'] as const;

/**
 * @param base - the base of the X API
 * @param isX - whether that is X itself; where it is not, the others are played there too, each below its id
 */
export function builtInProvider(id: (typeof builtIn)[number], base: string, isX: boolean): Provider {
  switch (id) {
    case 'x':
      return xProvider(base);
    case 'flickr':
      return isX ? flickrProvider() : flickrProvider(`${base}/flickr`);
    case 'tumblr':
      return isX ? tumblrProvider() : tumblrProvider({ oauth: `${base}/tumblr`, api: `${base}/tumblr` });
  }
}

/** The provider as it asks for a permission. @param chosen - one of its choices, or undefined for the usual one */
export function withPermission(provider: Provider, chosen: string | undefined): Provider {
  const { permissions, authorizeParameters } = provider;
  if (!permissions) return provider;
  const value = chosen ?? permissions.usual;
  return { ...provider, authorizeParameters: { ...authorizeParameters, [permissions.parameter]: value } };
}

/**
 * A verifier as the provider wants it, from what a person typed: without spaces, and with the dashes that people leave out.
 *
 * @returns undefined where it cannot be one
 */
export function verifierFrom(typed: string, { verifier }: Provider): string | undefined {
  const plain = typed.replaceAll(/\s+/g, '');
  const { pattern, example } = verifier;
  if (pattern.test(plain)) return plain;
  const digits = Array.from(plain.replaceAll('-', ''));
  const dressed = example.replaceAll(/[0-9]/g, () => digits.shift() ?? '');
  return digits.length === 0 && pattern.test(dressed) ? dressed : undefined;
}
