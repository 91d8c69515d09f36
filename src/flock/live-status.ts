import { inMicros } from '../cost/money.ts';
import type { BotState } from '../posting/bot-state.ts';
import { capOf, spentBy, spentByFlock, type Purse } from '../posting/budget.ts';
import type { Ledger } from '../posting/ledger.ts';
import type { BotFiles, FlockNow } from './bot-condition.ts';
import { statusOf, statusOfAll, type BotStatus, type Status } from './flock-status.ts';

/** What a bot's status was made of, and until when it holds. */
interface Known {
  files: BotFiles;
  state: BotState | undefined;
  status: BotStatus;
  until: number;
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
  takeUp(bots: readonly BotFiles[]): void {
    this.#bots = bots;
    this.#known.clear();
  }

  read(given: Omit<FlockNow, 'history'>): Status {
    const flock = { ...given, history: this.#ledger.history() };
    const common = commonTo(flock);
    if (common !== this.#common) this.#known.clear();
    this.#common = common;
    return {
      flock: statusOfAll(
        Array.from(this.#ledger.states(), ([, state]) => state),
        flock,
      ),
      bots: this.#bots.map((files) => this.#statusOf(files, flock)),
    };
  }

  #statusOf(files: BotFiles, flock: FlockNow): BotStatus {
    const state = this.#ledger.state(files.bot);
    const known = this.#known.get(files.bot);
    if (known?.files === files && known.state === state && flock.now < known.until) return known.status;
    const status = statusOf(files, state, flock);
    this.#known.set(files.bot, { files, state, status, until: goodUntil(status, files, state, flock) });
    return status;
  }
}

/** What of the flock matters to each of its bots: where it changes, so may all of them. */
const commonTo = ({ purse, isStopped, history, now }: FlockNow): string => {
  const { post, linkPost } = purse.prices;
  const spent = spentByFlock(history, purse.timezone, now);
  const caps = [post, linkPost].map((usd) => capOf('flock', purse.budget, spent, inMicros(usd)));
  return JSON.stringify([isStopped, caps, purseKey(purse)]);
};

const purseKey = ({ prices, timezone, budget }: Purse): unknown => [prices, timezone, budget];

/** When a status changes by itself: something comes, or a day is over. */
function goodUntil(
  { next, until }: BotStatus,
  { settings }: BotFiles,
  state: BotState | undefined,
  { purse, now }: FlockNow,
): number {
  const { ends } = spentBy(state, settings?.timezone ?? purse.timezone, now);
  const instants = [next, until].map((instant) => (instant === undefined ? Infinity : Date.parse(instant)));
  const soonest = Math.min(ends.day, ...instants.filter((instant) => instant > now));
  // A post that is under way is in doubt after a while.
  return state?.open ? Math.min(soonest, now + 1000) : soonest;
}
