import { type Clock, systemClock } from './clock.ts';
import {
  apiUrl,
  appKeys,
  directoryUrl,
  flockPaths,
  type FlockPaths,
  isSandbox,
  serverApps,
  socketsWanted,
  xApi,
} from './config/environment.ts';
import type { FlockFile } from './config/flock-file.ts';
import { FlockError } from './errors.ts';
import { openKeys } from './flock/load.ts';
import { postPages, type PostPages } from './flock/status.ts';
import type { Send } from './http/exchange.ts';
import { openSender } from './http/send.ts';
import { blueskyIssuer, type Issuer, mastodonIssuer, oauth1Issuer } from './keys/issuers.ts';
import type { KeyStore } from './keys/store.ts';
import { openNetworks } from './networks/networks.ts';
import { type OAuth1Client, openOAuth1Client } from './oauth/client.ts';
import { builtIn, builtInProvider, type Provider } from './oauth/providers.ts';
import type { TokenPair } from './oauth/signature.ts';
import { didYouMean } from './text.ts';

/*
 * The composition root: `openContext` builds, from the command line and the environment, everything that a command uses to
 * reach outside the process.
 */

/** The folders and files that the command line names. */
export interface Places {
  root?: string | undefined;
  keys?: string | undefined;
  /** The age identity file that decrypts bundles; it wins over the environment's. */
  identity?: string | undefined;
}

type Networks = ReturnType<typeof openNetworks>;

/** Everything a command uses that reaches outside the process. */
export interface Context extends AsyncDisposable, Networks {
  paths: FlockPaths;
  clock: Clock;
  /** The web pages of posts. */
  pages: PostPages;
  keys: KeyStore;
  send: Send;
  /** Loads the HTTP client now. A long-lived process calls it at start: an upgrade may replace the program's files later. */
  load: () => Promise<void>;
  /** @throws {FlockError} `usage` if there is no such provider */
  provider: (id: string, custom: FlockFile['providers']) => Provider;
  oauth: (provider: Provider, appKeys: TokenPair) => OAuth1Client;
  /** Who gives keys. @throws {FlockError} `config` without app keys, `usage` if there is no such provider */
  issuer: (wanted: WantedIssuer) => Issuer;
  /** The directory of Bluesky's accounts, if it is not the public one. */
  directory: string | undefined;
  /** The longest that one request may take. Milliseconds. */
  deadline: number;
  /** The maximum number of concurrent requests. */
  sockets: number;
}

interface WantedIssuer {
  /** An id, or a provider whose settings are chosen already. */
  provider: string | Provider;
  /** The address of a server, at Mastodon and Bluesky. */
  server?: string | undefined;
  /** Those of the environment and of apikeys.json, if they are not given. */
  appKeys?: TokenPair | undefined;
  custom: FlockFile['providers'];
}

const deadline = 10_000;

/** @throws {FlockError} `config` if an environment variable is wrong */
export function openContext(places: Places): Context {
  const paths = flockPaths(places);
  const api = apiUrl();
  const clock = systemClock;
  const sockets = socketsWanted();
  const sender = openSender({ deadline, sockets });
  const send: Send = (request) => sender.send(request);
  const directory = directoryUrl(api);
  const provider: Context['provider'] = (id, custom) => providerOf(id, custom, api);
  const oauth: Context['oauth'] = (by, keys) => openOAuth1Client(by, { send, clock, appKeys: keys });
  return {
    paths,
    clock,
    pages: postPages(api),
    keys: openKeys(paths, places.identity),
    send,
    load: () => sender.load(),
    provider,
    oauth,
    issuer({ provider: wanted, server, appKeys: given, custom }) {
      if (wanted === 'mastodon') return mastodonIssuer(server ?? '', serverApps(paths.root), { send, clock });
      if (wanted === 'bluesky') {
        const usual = isSandbox(api) ? `${api}/bluesky` : undefined;
        return blueskyIssuer({ server: server ?? usual, directory, send, clock });
      }
      const by = typeof wanted === 'string' ? provider(wanted, custom) : wanted;
      return oauth1Issuer(by, oauth(by, given ?? appKeys(paths.root)));
    },
    directory,
    ...openNetworks({ api, directory }, send, clock),
    deadline,
    sockets,
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}

function providerOf(id: string, custom: FlockFile['providers'], api: string): Provider {
  const known = custom.get(id) ?? builtInProvider(id, { api, isSandbox: api !== xApi });
  if (known) return known;
  const all = [...builtIn, ...custom.keys()];
  throw new FlockError('usage', `there is no provider called ${JSON.stringify(id)}`, {
    hint: didYouMean(id, all, `the providers are ${all.join(', ')}`),
  });
}
