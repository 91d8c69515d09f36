import type { Figures, Measure } from './figures.ts';
import { shown } from './numbers.ts';
import { ownSlots, sameSlot } from './rows/lateness.ts';
import { profileOf } from './rows/profiles.ts';
import { botsOf, memoryAfter, startOf } from './rows/standing.ts';
import type { Sizes } from './sizes.ts';

/** A goal and its figure. */
export interface Goal {
  goal: string;
  /** The figure as text; undefined if it was not measured. */
  figure?: string;
  kept?: boolean;
  /** The reason if it is missed: the name of the profile that shows it, and remarks. */
  why: string;
}

/** Flat means: per bot, a flock costs at most this many times as much as a flock of a hundredth of its size. */
const maxFlatRatio = 1.5;

/** All goals with their figures. The goals of posting are ratios within this run. */
export function goalsOf(figures: Figures, sizes: Sizes): Goal[] {
  return [
    ...postingGoals(figures, sizes),
    networksGoal(figures),
    ...flockGoals(figures, sizes),
    ...latenessGoals(figures, sizes),
    ...curveGoals(figures, sizes),
    ...packageGoals(figures),
  ];
}

const atLeast = (
  goal: string,
  value: number | undefined,
  bound: number,
  unit: string,
  why: string,
): Goal => ({
  goal,
  why,
  ...(value !== undefined && { figure: `${shown(value)} ${unit}`, kept: value >= bound }),
});

const below = (goal: string, value: number | undefined, bound: number, unit: string, why: string): Goal => ({
  goal,
  why,
  ...(value !== undefined && { figure: `${shown(value)} ${unit}`, kept: value <= bound }),
});

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b;

function postingGoals(figures: Figures, { inFlight }: Sizes): Goal[] {
  return ['plain', 'TLS'].flatMap((way) => {
    const of = (who: string): number | undefined =>
      figures.median({ row: 'posts', what: `${way}, 0 ms, ${inFlight} under way`, who, unit: 'posts/s' });
    const against = (who: string): number | undefined => ratio(of('durable path'), of(who));
    const goal = (text: string): string => `durable path (${way}), posts per second: at least ${text}`;
    const undiciRatio = ratio(of('undici, minimal signer'), of('tweepy'));
    const remark = undiciRatio === undefined ? '' : `; undici without a ledger makes ${shown(undiciRatio)} ×`;
    return [
      atLeast(
        goal('2 × bare twitter-api-v2 without a ledger'),
        against('bare twitter-api-v2'),
        2,
        '×',
        profileOf.path,
      ),
      atLeast(
        goal('0.5 × undici with a minimal signer'),
        against('undici, minimal signer'),
        0.5,
        '×',
        profileOf.path,
      ),
      atLeast(goal('20 × tweepy'), against('tweepy'), 20, '×', profileOf.path + remark),
    ];
  });
}

const flockd = { row: 'standing', who: 'flockd run' };

function networksGoal(figures: Figures): Goal {
  const of = (who: string): number | undefined =>
    figures.median({ row: 'networks', what: 'one post of each bot', who, unit: 'CPU µs/post' });
  const goal = 'processor time of a post of a flock at three networks: at most 1.2 × one at X alone';
  return below(goal, ratio(of('x, mastodon, bluesky'), of('x')), 1.2, '×', '');
}

function flockGoals(figures: Figures, { flocks }: Sizes): Goal[] {
  const largest = Math.max(...flocks);
  const of = (what: string, unit: string): number | undefined => figures.median({ ...flockd, what, unit });
  const first = (bots: number, unit: string): number | undefined => of(startOf('first start', bots), unit);
  const again = (bots: number, unit: string): number | undefined => of(startOf('second start', bots), unit);
  const [all, one] = [again(largest, 'MB at rest'), again(1, 'MB at rest')];
  const perBot = all === undefined || one === undefined ? undefined : (1000 * (all - one)) / (largest - 1);
  const statuses = figures.fact(`statuses ${largest}`);
  const name = botsOf(largest);
  const memory = memoryAfter('second start', largest);
  return [
    below('memory: at most 1 KB per bot above the process’s own, second start', perBot, 1, 'KB', memory),
    below(`${name} in under 200 MB, second start`, all, 200, 'MB', memory),
    below(
      `${name} in under 200 MB, first start`,
      first(largest, 'MB at rest'),
      200,
      'MB',
      memoryAfter('first start', largest),
    ),
    below(
      `${name} loaded and scheduled for the first time in under 3 s`,
      first(largest, 'ms to rest'),
      3000,
      'ms',
      'it reads every poem and writes down where each bot begins, once in a lifetime',
    ),
    below(
      `${name} loaded and scheduled again in under 3 s`,
      again(largest, 'ms to rest'),
      3000,
      'ms',
      profileOf.starts,
    ),
    {
      goal: 'READY announced, with STATUS while loading',
      why: 'see Start',
      ...(statuses && { figure: `${statuses.length} times`, kept: statuses.length > 0 }),
    },
    below('idle: under 0.5 % of a core', first(largest, '% CPU idle'), 0.5, '%', 'see Start'),
  ];
}

function latenessGoals(figures: Figures, { crowd, many }: Sizes): Goal[] {
  const of = (what: string, unit: string): number | undefined =>
    figures.median({ row: 'lateness', what, who: 'flockd run', unit });
  const last = of(sameSlot(crowd), 'ms to the last answer');
  return [
    below(
      `${botsOf(crowd)} due at once, 80 ms, 1,000 sockets: all posted in under 2 s`,
      last,
      2000,
      'ms',
      profileOf.posts,
    ),
    below(
      'p99 lateness of slots of their own under 50 ms',
      of(ownSlots(many), 'ms p99'),
      50,
      'ms',
      profileOf.posts,
    ),
  ];
}

function curveGoals(figures: Figures, { flocks }: Sizes): Goal[] {
  const largest = Math.max(...flocks);
  const smaller = flocks.filter((count) => count > 1 && count <= largest / 100).at(-1);
  if (smaller === undefined) return [];
  return ['ms to start, per bot', 'KB per bot', 'CPU µs/post'].map((unit) => {
    const of = (bots: number): number | undefined =>
      figures.median({ row: 'curve', who: 'flockd run', what: botsOf(bots), unit } satisfies Measure);
    const goal = `flat: ${unit}, ${botsOf(largest)} against ${smaller.toLocaleString('en-US')}: at most ${maxFlatRatio} ×`;
    return below(goal, ratio(of(largest), of(smaller)), maxFlatRatio, '×', 'see the curve');
  });
}

function packageGoals(figures: Figures): Goal[] {
  const help = figures.median({ row: 'starts', what: 'start', who: 'keymaker --help', unit: 'ms' });
  const node = figures.median({ row: 'starts', what: 'start', who: 'node -e 0', unit: 'ms' });
  const size = figures.median({ row: 'package', what: 'production install', who: 'keymaker', unit: 'MB' });
  const native = figures.fact('native');
  return [
    below(
      '`--help` under 100 ms',
      help,
      100,
      'ms',
      `Node itself takes ${shown(node ?? NaN)} ms to do nothing`,
    ),
    {
      goal: 'no dependency with a native build step',
      why: '',
      ...(native && { figure: native.join(', ') || 'none', kept: native.length === 0 }),
    },
    below('production install under 15 MB', size, 15, 'MB', 'largest parts of the installed package'),
  ];
}
