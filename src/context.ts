import { systemClock, type Clock } from './clock.ts';
import type { Send } from './http/exchange.ts';
import { openSender } from './http/send.ts';
import { KeyStore } from './keys/key-store.ts';
import type { TokenPair } from './keys/token-pair.ts';
import { openOAuth1Client, type OAuth1Client } from './oauth/oauth1-client.ts';
import { xProvider, type Provider } from './oauth/provider.ts';
import { apiUrl, flockPaths, type FlockPaths } from './settings.ts';
import { openX, type OpenXClient } from './x/x-client.ts';

/** What a person chose on the command line about where things are. */
export interface Places {
  root?: string | undefined;
  keys?: string | undefined;
}

/** Everything a command works with that reaches outside the process. Made here and nowhere else. */
export interface Context extends AsyncDisposable {
  paths: FlockPaths;
  clock: Clock;
  keys: KeyStore;
  provider: Provider;
  oauth: (appKeys: TokenPair) => OAuth1Client;
  openX: OpenXClient;
  /** The most one request takes. Milliseconds. */
  deadline: number;
}

const deadline = 10_000;
const sockets = 64;

/** @throws {FlockError} `config` where a setting of the environment is wrong */
export function openContext(places: Places): Context {
  const paths = flockPaths(places);
  const api = apiUrl();
  const clock = systemClock;
  const sender = openSender({ deadline, sockets });
  const send: Send = (request) => sender.send(request);
  const provider = xProvider(api);
  return {
    paths,
    clock,
    keys: new KeyStore(paths.keys),
    provider,
    oauth: (appKeys) => openOAuth1Client(provider, { send, clock, appKeys }),
    openX: openX(api, send, clock),
    deadline,
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}
