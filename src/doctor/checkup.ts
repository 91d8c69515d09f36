import type { Clock } from '../clock.ts';
import type { FlockPaths } from '../config/environment.ts';
import type { FlockFile } from '../config/flock-file.ts';
import type { BotName } from '../flock/bot.ts';
import type { Send } from '../http/exchange.ts';
import type { KeyBundle, TokenPair } from '../keys/bundle.ts';
import type { KeyStore } from '../keys/store.ts';
import type { Provider } from '../oauth/providers.ts';

/** A flock to be examined, and the means. */
export interface Checkup {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  send: Send;
  /** @throws {FlockError} `usage` where there is no such provider */
  provider: (id: string, custom: FlockFile['providers']) => Provider;
  /** The bots to examine; none for all of them. */
  chosen: ReadonlySet<BotName>;
  /** A call of keymaker that works where doctor was called: `reauth howl` with the same `--root`. */
  keymaker: (call: string) => string;
}

/** A bundle that can be read, and where it is. */
export interface Held {
  bot: BotName;
  file: string;
  bundle: KeyBundle;
}

/** What the offline half learnt that the online half builds on. */
export interface Known {
  flockFile: FlockFile;
  /** The app keys set now, where they are. */
  appKeys: TokenPair | undefined;
  /** All good bundles, chosen or not. */
  held: Held[];
}

/** The id of the provider a bundle is for. */
export const providerIdOf = ({ bundle }: Held): string => bundle.provider ?? 'x';

/** Whether a bot is to be examined. */
export const isChosen = ({ chosen }: Checkup, bot: BotName): boolean => chosen.size === 0 || chosen.has(bot);
