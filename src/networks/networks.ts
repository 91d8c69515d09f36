import type { Clock } from '../clock.ts';
import type { Send } from '../http/exchange.ts';
import type { BotKey } from '../oauth/signature.ts';
import { Secret } from '../text.ts';
import { bluesky, openBluesky, timeOfBluesky } from './bluesky/client.ts';
import { mastodon, openMastodon, timeOfMastodon } from './mastodon/client.ts';
import {
  type Network,
  type NetworkName,
  networkNames,
  type OpenAccount,
  type TimeAnswer,
} from './network.ts';
import { openX, timeOfX, x } from './x/client.ts';

/*
 * All networks: which one a key is for, and its requests.
 */

export const networks: Record<NetworkName, Network> = { x, mastodon, bluesky };

/** The network of a key, by its provider; undefined if flockd does not post there. */
export const networkOf = ({ provider = 'x' }: Pick<BotKey, 'provider'>): Network | undefined => {
  const name = networkNames.find((known) => known === provider);
  return name && networks[name];
};

/** The network of a bot's key, which is one that flockd posts to: the flock has no other bots. */
export function networkFor(key: Pick<BotKey, 'provider'>): Network {
  const network = networkOf(key);
  if (!network) throw new TypeError(`flockd does not post to ${key.provider ?? ''}`);
  return network;
}

/**
 * What a failure can be about beyond one bot: the network, which is a server of its own at Mastodon and Bluesky, and the app,
 * which is known at one server.
 */
export function reachOf(key: BotKey): { network: string; app: string } {
  const { name } = networkFor(key);
  const network = key.server === undefined ? name : `${name} ${key.server}`;
  return { network, app: `${network} ${key.appKeys.reveal().token}` };
}

/** A network as people know it, or its server: `X`, `mastodon.social`. */
export const placeOf = (key: Pick<BotKey, 'provider' | 'server'>): string =>
  key.server === undefined ? networkFor(key).title : new URL(key.server).host;

/** The identity of an account among all networks and providers. A DID is the same at every server. */
export const accountKey = (
  userId: string,
  { provider, server }: Pick<BotKey, 'provider' | 'server'>,
): string =>
  [provider === 'x' ? undefined : provider, provider === 'mastodon' ? server : undefined, userId]
    .filter((part) => part !== undefined)
    .join(' ');

/** Where the networks are reached that are not reached by the server of a key. */
export interface Addresses {
  /** The base of the X API, without a trailing slash. */
  api: string;
  /** The directory of Bluesky's accounts. */
  directory?: string | undefined;
}

/** The requests of all bots. */
interface OpenNetworks {
  openAccount: OpenAccount;
  /** What time it is at the network of a key. */
  askTime: (key: BotKey) => Promise<TimeAnswer>;
}

/** Opens the networks; the sessions of Bluesky last as long as the result. */
export function openNetworks({ api, directory }: Addresses, send: Send, clock: Clock): OpenNetworks {
  const atX = openX(api, send, clock);
  const atBluesky = openBluesky({ send, clock, ...(directory !== undefined && { directory }) });
  return {
    openAccount(key) {
      const { name } = networkFor(key);
      if (name === 'x') return atX(key);
      const { server = '', userId = '' } = key;
      const secret = new Secret(key.accessToken.reveal().token);
      return name === 'mastodon'
        ? openMastodon(server, send, clock)(secret)
        : atBluesky({ userId, server, appPassword: secret });
    },
    askTime(key) {
      const { name } = networkFor(key);
      if (name === 'x') return timeOfX(api, send, clock);
      return (name === 'mastodon' ? timeOfMastodon : timeOfBluesky)(key.server ?? '', send, clock);
    },
  };
}
