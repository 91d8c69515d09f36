import { inMicros } from '../cost.ts';
import type { Ledger } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import { capOf, type Purse, spentBy, spentByFlock } from '../posting/budget.ts';
import type { BotFiles, FlockNow } from './bot-condition.ts';
import { type BotStatus, type Status, statusOf, statusOfAll } from './flock-status.ts';

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
  takeUp(bots: readonly BotFiles[]): void {
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
    capOf('flock', purse.budget, spent, { posts: 1, cost: inMicros(usd) }),
  );
  return JSON.stringify([isStopped, caps, purseKey(purse)]);
};

const purseKey = ({ prices, timezone, budget }: Purse): unknown => [prices, timezone, budget];

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
