import type { BotStatus, FlockStatus } from '../flock/status.ts';
import type { BotState } from '../ledger/state.ts';
import type { Check, LastReload } from './health.ts';
import type { Outcome } from './metrics-ledger.ts';

/** What is known of one bot when its metrics are read. */
export interface BotFacts {
  status: Pick<BotStatus, 'bot' | 'state' | 'done' | 'of' | 'last' | 'next' | 'spent' | 'budget'>;
  /** What the ledger says of it. */
  state: BotState | undefined;
  /** What came of its posts since the process began. */
  settled: Readonly<Record<Outcome, number>>;
}

/** Everything that is measured, at one moment. */
export interface Facts {
  version: string;
  bots: readonly BotFacts[];
  flock: Pick<FlockStatus, 'stopped' | 'spent' | 'budget'>;
  /** For how long the scheduler is overdue. Milliseconds. */
  overdue: number;
  checks: readonly Check[];
  reload: LastReload;
}

/** One value of a metric. */
export interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** A metric, and how its values are read from the facts. */
export interface Row {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  labels: readonly string[];
  /** Now and then there is none: a good moment to let others have their turn. */
  samples: (facts: Facts) => Iterable<Sample | undefined>;
}

/**
 * With more bots than this no bot has series of its own, so that a scrape stays small and holds up no post: one series
 * without the label `bot` stands for all of them.
 */
export const mostBots = 2000;

/** How the values of all bots become one. */
const together = {
  sum: (a: number, b: number): number => a + b,
  least: Math.min,
  most: Math.max,
};

interface Shape extends Pick<Row, 'name' | 'help'> {
  type?: Row['type'];
  /** Besides `bot`. */
  labels?: readonly string[];
}

/** What is measured: one value, several with labels, or nothing. */
export type Measured = number | undefined | readonly Sample[];

/** A metric of each bot. @param how - its values become one; undefined where that would mean nothing */
export function ofBots(
  { name, help, type = 'gauge', labels = [] }: Shape,
  how: keyof typeof together | undefined,
  measure: (bot: BotFacts) => Measured,
): Row {
  const samples = ({ bots }: Facts): Iterable<Sample | undefined> => {
    if (bots.length > mostBots) return how === undefined ? [] : joined(bots, measure, together[how]);
    return bots.flatMap((bot) => named(bot.status.bot, samplesOf(measure(bot))));
  };
  return { name, help, type, labels: ['bot', ...labels], samples };
}

/** A metric of the whole flock. */
export const ofFlock = (
  { name, help, type = 'gauge', labels = [] }: Shape,
  measure: (facts: Facts) => Measured,
): Row => ({ name, help, type, labels, samples: (facts) => samplesOf(measure(facts)) });

function samplesOf(measured: Measured): readonly Sample[] {
  if (measured === undefined) return [];
  return typeof measured === 'number' ? [{ labels: {}, value: measured }] : measured;
}

const named = (bot: string, samples: readonly Sample[]): Sample[] =>
  samples.map(({ labels, value }) => ({ labels: { bot, ...labels }, value }));

/** So many bots take no time. */
const few = 256;

/** One sample for all bots, or one for each set of labels. */
function* joined(
  bots: readonly BotFacts[],
  measure: (bot: BotFacts) => Measured,
  join: (a: number, b: number) => number,
): Generator<Sample | undefined> {
  const all = new Map<string, Sample>();
  for (const [index, bot] of bots.entries()) {
    if (index % few === 0) yield undefined;
    for (const { labels, value } of samplesOf(measure(bot))) {
      const key = Object.values(labels).join();
      const known = all.get(key);
      all.set(key, { labels, value: known ? join(known.value, value) : value });
    }
  }
  yield* all.values();
}
