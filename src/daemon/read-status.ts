import pMap from 'p-map';
import type { Clock } from '../clock.ts';
import type { FlockPaths } from '../config/environment.ts';
import { type Bot, readFlockFile } from '../config/flock-file.ts';
import { inMicros } from '../cost.ts';
import { FlockError } from '../errors.ts';
import {
  type Flock,
  loadFlock,
  type InvalidBot,
  namesIn,
  type UnknownBot,
  unknownBots,
  withoutRenamed,
} from '../flock/load.ts';
import {
  type BotFiles,
  type BotStatus,
  type FlockNow,
  hasToPost,
  type PostPages,
  type Status,
  statusOf,
  statusOfAll,
  statusOfFlock,
} from '../flock/status.ts';
import type { KeyStore } from '../keys/store.ts';
import { type Ledger, readJournal } from '../ledger/journal.ts';
import { spentBy, spentByFlock } from '../ledger/spending.ts';
import type { BotState } from '../ledger/state.ts';
import { readPoem } from '../poems/find.ts';
import { linesOf } from '../poems/poem.ts';
import { hasLink } from '../poems/tweet-text.ts';
import { exceededBudget, type FlockBudget } from '../posting/budget.ts';
import { whyUnwatchable } from '../watch.ts';
import { isLocked } from './lock.ts';
import { isStopped } from './stop-switch.ts';

/** Where a flock is, and what is needed to read it. */
interface FlockPlace {
  paths: FlockPaths;
  keys: KeyStore;
  clock: Clock;
  pages: PostPages;
}

/** How a flock stands, which bots only `flock.json` knows, and which have a poem and no key yet. */
export interface WholeStatus extends Status {
  unknown: UnknownBot[];
  keyless: { bot: string; poem: string }[];
}

/**
 * How a flock stands, by its files and its ledger alone: a daemon may run meanwhile.
 *
 * @throws {FlockError} `config` for the flock's settings, `data` and `io` for its ledger
 */
export async function readStatus({ paths, keys, clock, pages }: FlockPlace): Promise<WholeStatus> {
  const flockFile = await readFlockFile(paths.flockFile);
  const loaded = await loadFlock(paths.root, keys, flockFile);
  const { states, history } = await readJournal(paths.state);
  const flock = withoutRenamed(loaded, states);
  const { purse } = flock;
  const now = { history, purse, isStopped: isStopped(paths.state), now: clock.now(), pages };
  const running = await isLocked(paths.state).catch(cannotTell);
  const misfits = running === true ? flock.misfits.map(maybeInMemory) : flock.misfits;
  const status = statusOfFlock(await readBotFiles({ ...flock, misfits }), states, now);
  const shouldRun = status.bots.some(({ state }) => hasToPost(state));
  const unwatched = running === true ? whyUnwatchable(paths.state) : undefined;
  return {
    ...status,
    flock: {
      ...(running !== undefined && { running }),
      shouldRun,
      ...(unwatched !== undefined && { unwatched }),
      ...status.flock,
    },
    unknown: unknownBots(flockFile.named, namesIn(flock)),
    keyless: flock.keyless.map(({ name, poemFile }) => ({ bot: name, poem: poemFile })),
  };
}

/** A daemon that runs may have read the bundle before it was encrypted. */
function maybeInMemory(misfit: InvalidBot): InvalidBot {
  if (misfit.isSealedOff !== true) return misfit;
  const { exit, message, hint } = misfit.error;
  const said = `${message}; where flockd had read it before, it posts until a restart`;
  return { ...misfit, error: new FlockError(exit, said, hint === undefined ? {} : { hint }) };
}

function cannotTell(error: unknown): undefined {
  if (!(error instanceof FlockError)) throw error;
}

/** Poems read at a time. */
const readers = 32;

/** What the files of every bot say of it, by its name: settings, key and poem. Read once, it is good until they change. */
export async function readBotFiles({ bots, misfits }: Pick<Flock, 'bots' | 'misfits'>): Promise<BotFiles[]> {
  const fit = await pMap(bots, readBot, { concurrency: readers });
  const unfit = misfits.map(({ bot, error }) => ({ ...nothing, bot, account: undefined, ...unfitBy(error) }));
  return [...fit, ...unfit].sort((a, b) => (a.bot < b.bot ? -1 : 1));
}

const nothing = { lines: 0, linked: new Set<number>(), settings: undefined };

async function readBot({ name: bot, bundle, settings, poemFile, unopened }: Bot): Promise<BotFiles> {
  const known = { bot, account: bundle.screenName, key: bundle, settings, ...(unopened && { unopened }) };
  try {
    const lines = await linesOf(poemFile, settings.unit, readPoem);
    const linked = new Set(lines.flatMap(({ text }, line) => (hasLink(text) ? [line] : [])));
    return { ...known, lines: lines.length, linked, unfit: undefined };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { ...nothing, ...known, ...unfitBy(error) };
  }
}

const unfitBy = ({ message, hint }: FlockError): Pick<BotFiles, 'unfit'> => ({
  unfit: { why: message, hint },
});

/** What a bot's status was made of, and until when it holds. */
interface Known {
  files: BotFiles;
  state: BotState | undefined;
  status: BotStatus;
  until: number;
  /** What of the flock it was made of. */
  common: string;
}

/**
 * How a running flock stands, asked again and again: only what has changed since is worked out anew, so that asking once a
 * second costs next to nothing, in a flock of thousands too.
 */
export class LiveStatus {
  readonly #ledger: Pick<Ledger, 'state' | 'states' | 'history'>;
  readonly #known = new Map<string, Known>();
  #bots: readonly BotFiles[] = [];
  #common = '';

  constructor(ledger: Pick<Ledger, 'state' | 'states' | 'history'>) {
    this.#ledger = ledger;
  }

  /** Takes up what the files of every bot say, by name, when they were read anew. */
  update(bots: readonly BotFiles[]): void {
    this.#bots = bots;
    // Some of them have gone.
    if (this.#known.size > bots.length) this.#known.clear();
  }

  read(given: Omit<FlockNow, 'history'>): Status {
    const flock = { ...given, history: this.#ledger.history() };
    const states = Array.from(this.#ledger.states(), ([, state]) => state);
    return {
      flock: statusOfAll(states, flock),
      bots: [...this.each(flock, (bot) => this.#ledger.state(bot))],
    };
  }

  /** How each bot stands, by name, at a moment that may be over when the last one is worked out. */
  *each(flock: FlockNow, stateOf: (bot: string) => BotState | undefined): Generator<BotStatus> {
    const common = this.#commonTo(flock);
    for (const files of this.#bots) yield this.#statusOf(files, stateOf(files.bot), { flock, common });
  }

  /** One string for all as long as it is the same. */
  #commonTo(flock: FlockNow): string {
    const common = commonTo(flock);
    if (common !== this.#common) this.#common = common;
    return this.#common;
  }

  #statusOf(
    files: BotFiles,
    state: BotState | undefined,
    { flock, common }: { flock: FlockNow; common: string },
  ): BotStatus {
    const known = this.#known.get(files.bot);
    const isGood = known?.files === files && known.state === state && known.common === common;
    if (isGood && flock.now < known.until) return known.status;
    const status = statusOf(files, state, flock);
    this.#known.set(files.bot, {
      files,
      state,
      status,
      until: goodUntil(status, state, flock),
      common,
    });
    return status;
  }
}

/** What of the flock matters to each of its bots: where it changes, so may all of them. */
const commonTo = ({ purse, isStopped, history, now }: FlockNow): string => {
  const { post, linkPost } = purse.prices;
  const spent = spentByFlock(history, purse.timezone, now);
  const caps = [post, linkPost].map((usd) =>
    exceededBudget('flock', purse.budget, spent, { posts: 1, cost: inMicros(usd) }),
  );
  return JSON.stringify([isStopped, caps, purseKey(purse)]);
};

const purseKey = ({ prices, timezone, budget }: FlockBudget): unknown => [prices, timezone, budget];

/** When a status changes by itself: something comes, or a day is over. */
function goodUntil(
  { next, until, timezone }: BotStatus,
  state: BotState | undefined,
  { now }: FlockNow,
): number {
  const { ends } = spentBy(state, timezone, now);
  const instants = [next, until].map((instant) => (instant === undefined ? Infinity : Date.parse(instant)));
  const soonest = Math.min(ends.day, ...instants.filter((instant) => instant > now));
  // A post that is under way is in doubt after a while.
  return state?.open ? Math.min(soonest, now + 1000) : soonest;
}
