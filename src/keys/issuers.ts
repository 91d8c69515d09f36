import { FlockError } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Send } from '../http/exchange.ts';
import { authorize, whoAmI as whoAmIAtBluesky } from '../networks/bluesky/authorize.ts';
import {
  openMastodonOAuth,
  outOfBand,
  type PendingCode,
  type ServerApp,
  serverAddress,
} from '../networks/mastodon/authorize.ts';
import { type NetworkName, networkNames } from '../networks/network.ts';
import { networks } from '../networks/networks.ts';
import type { Account, Grant, LinkClient, OAuth1Client } from '../oauth/client.ts';
import type { Provider } from '../oauth/providers.ts';
import { type BotKey, noApp, TokenPair } from '../oauth/signature.ts';
import type { BotName } from '../poems/bot-name.ts';
import { listed, Secret } from '../text.ts';
import { type Expected, expectedName, isSameName } from './right-account.ts';

/*
 * Who gives a key, and how: a provider of OAuth 1.0a or a server with Mastodon's API by a link, Bluesky for an app password.
 */

export type Issuer = LinkIssuer | PasswordIssuer;

interface AnyIssuer {
  /** The id of the provider, as bundles have it: `x`, `mastodon`. */
  id: string;
  /** For people; at Mastodon the server's host. */
  title: string;
  /** The address of the server, at Mastodon. */
  server?: string;
  /** The account of a key. @throws {FlockError} `partly` or `data` if the key is dead */
  whoAmI: (key: BotKey) => Promise<Account>;
  /** Ends a key. `by hand`: only the person can, in the account's settings. */
  revoke: (key: BotKey) => Promise<'ended' | 'was dead' | 'by hand'>;
  /** Why it may end `by hand`, as the rest of a sentence that begins with the title. */
  byHand: string;
  /** Where a person ends it by hand. */
  revokedAt?: string | undefined;
}

/** A person opens a link, and brings back a PIN or code, or the browser does. */
export interface LinkIssuer extends AnyIssuer {
  by: 'link';
  client: LinkClient;
  /** How the verifier comes back: typed by the person (`pin`), in a redirect of the browser (`url`), or either. */
  callback: Provider['callback'];
  /** Whether the app is registered by us, with the callback's address; otherwise a person does that. */
  registersApp: boolean;
  /** What a person types, with the check of it. `read` returns undefined if a text is none. */
  verifier: { name: 'PIN' | 'code'; example: string; read: (typed: string) => string | undefined };
  /** The origin of the pages that the link leads to. */
  origin: string;
  /** Exchanges a name and a password, where the provider has xAuth. */
  exchange?: (login: TokenPair) => Promise<Grant>;
  /** Makes a key of an access token that a person made in the account's settings, where the server has such tokens. */
  accept?: (accessToken: Secret<string>) => Promise<Grant>;
}

/** A person types the account's handle and an app password. */
export interface PasswordIssuer extends AnyIssuer {
  by: 'password';
  signIn: (credentials: Parameters<typeof authorize>[0]) => Promise<Grant>;
}

/** A provider of OAuth 1.0a: X, and others. */
export function oauth1Issuer(provider: Provider, client: OAuth1Client): LinkIssuer {
  const { id, title, callback, verifier, authorizeUrl, revokedAt } = provider;
  return {
    by: 'link',
    id,
    title,
    client,
    callback,
    registersApp: false,
    verifier: { name: 'PIN', example: verifier.example, read: (typed) => pinIn(typed, verifier) },
    origin: new URL(authorizeUrl).origin,
    exchange: (login) => client.passwordToken(login),
    whoAmI: ({ accessToken }) => client.whoAmI(accessToken),
    revoke: ({ accessToken }) => client.revoke(accessToken),
    byHand: 'has no call that ends a key',
    revokedAt,
  };
}

/** The PIN in a text that a person typed: without spaces, and with the dashes that people leave out. */
function pinIn(typed: string, { pattern, example }: Provider['verifier']): string | undefined {
  const plain = typed.replaceAll(/\s+/g, '');
  if (pattern.test(plain)) return plain;
  const digits = Array.from(plain.replaceAll('-', ''));
  const dashed = example.replaceAll(/[0-9]/g, () => digits.shift() ?? '');
  return digits.length === 0 && pattern.test(dashed) ? dashed : undefined;
}

/** The apps that are registered at servers, where they are kept. */
export interface ServerApps {
  /** @throws {FlockError} if they cannot be read */
  find: (server: string) => KeptApp | undefined;
  keep: (server: string, app: KeptApp) => Promise<void>;
}

/** A registered app, with the addresses that its links may lead back to. */
export interface KeptApp extends ServerApp {
  redirectUris: readonly string[];
}

interface Reach {
  send: Send;
  clock: Clock;
}

/** The app at a server, which is registered when it is first needed. */
function openApp(server: string, oauth: ReturnType<typeof openMastodonOAuth>, apps: ServerApps) {
  let app: KeptApp | undefined;
  const current = (): KeptApp | undefined => app ?? apps.find(server);
  return {
    current,
    /** The app with a redirect address: the kept one, unless the server has forgotten it. */
    async register(redirectUri: string): Promise<KeptApp> {
      const kept = current();
      const isUsable = kept?.redirectUris.includes(redirectUri) === true;
      if (kept && isUsable && (kept === app || (await oauth.knowsApp(kept, oauth.begin(kept, redirectUri)))))
        return (app = kept);
      const redirectUris = [...new Set([outOfBand, ...(kept?.redirectUris ?? []), redirectUri])];
      app = { ...(await oauth.registerApp(redirectUris)), redirectUris };
      await apps.keep(server, app);
      return app;
    },
  };
}

/** A server with Mastodon's API. @param server - its address, without a trailing slash */
export function mastodonIssuer(server: string, apps: ServerApps, { send, clock }: Reach): LinkIssuer {
  const oauth = openMastodonOAuth(server, send, clock);
  const { host, origin } = new URL(server);
  const begun = new Map<string, PendingCode>();
  let instance: ReturnType<typeof oauth.instance> | undefined;
  const app = openApp(server, oauth, apps);

  const client: LinkClient = {
    async requestToken(callback) {
      await (instance ??= oauth.instance());
      const redirectUri = callback === 'oob' ? outOfBand : callback;
      const pending = oauth.begin(await app.register(redirectUri), redirectUri);
      begun.set(pending.state, pending);
      return new TokenPair(pending.state, pending.codeVerifier.reveal());
    },
    authorizeUrl: (requestToken) => begun.get(requestToken.reveal().token)?.link ?? '',
    async accessToken(requestToken, code) {
      const { token: state, secret } = requestToken.reveal();
      const { redirectUri = outOfBand } = begun.get(state) ?? {};
      const used = app.current();
      if (!used) throw new FlockError('config', `the app of ${host} is not in apikeys.json any more`);
      const pending = { redirectUri, codeVerifier: new Secret(secret) };
      const { accessToken, account } = await oauth.finish(used, pending, code);
      return grantOf(used, accessToken, account);
    },
  };

  async function grantOf(used: ServerApp, accessToken: Secret<string>, account: Account): Promise<Grant> {
    // The key is good without them.
    const limits = await (instance ??= oauth.instance()).then(
      (found) => found.limits,
      () => undefined,
    );
    return {
      appKeys: new TokenPair(used.clientId, used.clientSecret.reveal()),
      accessToken: new TokenPair(accessToken.reveal(), ''),
      provider: 'mastodon',
      server,
      textLimits: limits,
      account: { userId: account.userId, screenName: account.screenName },
    };
  }

  return {
    by: 'link',
    id: 'mastodon',
    title: host,
    server,
    client,
    callback: 'both',
    registersApp: true,
    verifier: { name: 'code', example: '', read: codeIn },
    origin,
    async accept(accessToken) {
      const account = await oauth.whoAmI(accessToken);
      const missing = (await oauth.scopesMissing(accessToken)) ?? [];
      if (missing.length === 0) return grantOf(await app.register(outOfBand), accessToken, account);
      const hint = 'allow these scopes in Preferences, Development, and make its access token anew';
      throw new FlockError('partly', `the access token lacks ${listed(missing)}`, { hint });
    },
    whoAmI: ({ accessToken }) => oauth.whoAmI(new Secret(accessToken.reveal().token)),
    async revoke({ appKeys, accessToken }) {
      const { token: clientId, secret } = appKeys.reveal();
      const token = new Secret(accessToken.reveal().token);
      const ended = oauth.revoke({ clientId, clientSecret: new Secret(secret) }, token);
      return ended.catch(async (error: unknown): Promise<'was dead'> => {
        // A server that has forgotten the app refuses, although the key died with it.
        const isDead = await oauth.whoAmI(token).then(
          () => false,
          (cause: unknown) => cause instanceof FlockError && cause.exit === 'partly',
        );
        if (isDead) return 'was dead';
        throw error;
      });
    },
    byHand: 'lets only the app end it that made it',
    revokedAt: 'Preferences, Development, or Account, Authorized apps',
  };
}

/** The code in a text that a person typed or copied with spaces. */
function codeIn(typed: string): string | undefined {
  const plain = typed.replaceAll(/\s+/g, '');
  return /^[\x21-\x7e]{6,1024}$/.test(plain) ? plain : undefined;
}

/** Bluesky. @param server - one that knows all handles; `directory` - of `did:plc` */
export function blueskyIssuer({
  server,
  directory,
  ...reach
}: Reach & { server: string | undefined; directory: string | undefined }): PasswordIssuer {
  const options = {
    ...reach,
    ...(server !== undefined && { server }),
    ...(directory !== undefined && { directory }),
  };
  return {
    by: 'password',
    id: 'bluesky',
    title: networks.bluesky.title,
    async signIn(credentials) {
      const { key, screenName } = await authorize(credentials, options);
      return {
        appKeys: noApp,
        accessToken: new TokenPair(key.appPassword.reveal(), ''),
        provider: 'bluesky',
        server: key.server,
        account: { userId: key.userId, screenName },
      };
    },
    whoAmI({ userId = '', server: holder = '', accessToken }) {
      const appPassword = new Secret(accessToken.reveal().token);
      return whoAmIAtBluesky({ userId, server: holder, appPassword }, options);
    },
    revoke: () => Promise.resolve('by hand'),
    byHand: 'ends an app password only in the settings of the account',
    revokedAt: 'Settings, Privacy and security, App passwords',
  };
}

/**
 * What to sign in with at Bluesky, from what a person typed. A known account is named by its id, since its handle can change.
 *
 * @param handle - with or without `@`; empty for the expected one
 */
export function credentialsFrom(
  { handle, password }: { handle: string; password: string },
  expected: Expected,
): Parameters<typeof authorize>[0] & { handle: string } {
  const name = handle.trim().replace(/^@/, '') || (expectedName(expected) ?? '');
  const isKnown = isSameName(name, expected.old?.screenName) === true;
  const identifier = (isKnown ? expected.old?.userId : undefined) ?? name;
  return { handle: name, identifier, appPassword: new Secret(password.trim()) };
}

/** What chooses a bot's issuer. */
interface Choice {
  /** By flags. A provider that is not one of the networks cannot be in flock.json. */
  given: { provider?: string | undefined; network?: NetworkName | undefined; server?: string | undefined };
  /** By flock.json. */
  settings: { network?: NetworkName | undefined; server?: string | undefined };
  /** The bot's key so far. */
  old?: Pick<BotKey, 'provider' | 'server'> | undefined;
}

/**
 * Who gives a bot's key: by a flag, flock.json, the key so far, or else X.
 *
 * @returns the id of a provider, and the server at Mastodon or Bluesky if one is named
 * @throws {FlockError} `usage` if a flag and flock.json disagree, or nothing names the server of a Mastodon account
 */
export function chosenIssuer(
  bot: BotName,
  { given, settings, old }: Choice,
): { provider: string; server?: string | undefined } {
  const disagree = (says: string, flag: string): FlockError =>
    new FlockError('usage', `flock.json says that ${bot} ${says}`, {
      hint: `leave ${flag} out, or correct flock.json`,
    });
  const { network = settings.network } = given;
  if (settings.network !== undefined && network !== settings.network)
    throw disagree(`posts to ${networks[settings.network].title}`, '--network');
  const provider = given.provider ?? network ?? networkBefore(old) ?? 'x';
  if (provider !== 'mastodon' && provider !== 'bluesky') {
    if (given.server === undefined) return { provider };
    const hint = 'add --network mastodon or --network bluesky';
    throw new FlockError('usage', '--server: only Mastodon and Bluesky have servers', { hint });
  }
  const flag = given.server === undefined ? undefined : serverAddress(given.server);
  if (flag !== undefined && settings.server !== undefined && flag !== settings.server)
    throw disagree(`is at ${settings.server}`, '--server');
  const server = flag ?? settings.server ?? (old?.provider === provider ? old.server : undefined);
  if (server !== undefined || provider === 'bluesky') return { provider, server };
  throw new FlockError('usage', `${bot}: on which server is its account?`, {
    hint: `for example: --network mastodon --server https://mastodon.social; or "server" in flock.json`,
  });
}

/** A key for Mastodon or Bluesky says where the next one is for. */
const networkBefore = (old: Choice['old']): NetworkName | undefined =>
  networkNames.find((name) => name !== 'x' && name === old?.provider);
