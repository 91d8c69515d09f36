import { roundsOf, type Bench, type Row } from '../row.ts';
import { postAsDaemon } from './posts.ts';
import { botsOf } from './standing.ts';

const id = 'curve';
const who = 'flockd run';

export const curve: Row = {
  id,
  title: 'Cost per bot, from a small flock to a large one',
  about:
    'Starting and memory are those above, less what flockd takes for one bot, shared out among the bots; the posts are those of a flock that is due all the time.',
  async measure(bench) {
    const { sizes, figures, x } = bench;
    for (const bots of sizes.flocks.filter((count) => count > 1)) {
      for (const [unit, counted, factor] of perBot) {
        const cost = costPerBot(bench, bots, counted, factor);
        if (cost !== undefined) figures.add({ row: id, what: botsOf(bots), who, unit }, cost);
      }
    }
    const way = x.way();
    if (!way) return;
    for (const round of roundsOf(sizes.largeRounds, 10_000)) {
      for (const bots of sizes.flocks.filter((count) => count > 1 && (count <= sizes.crowd || round === 0))) {
        const { posts, cpu = NaN } = await postAsDaemon(
          bench,
          { ...way, inFlight: sizes.inFlight, rounds: 1 },
          bots,
        );
        figures.add({ row: id, what: botsOf(bots), who, unit: 'CPU µs/post' }, cpu / posts);
      }
    }
  },
};

/** Each curve: its name, and the units for a flock and for one bot, which is at rest as soon as it is ready. */
const perBot = [
  ['ms to start, per bot', ['ms to rest', 'ms to READY'], 1],
  ['KB per bot', ['MB after GC', 'MB after GC'], 1000],
] as const;

/** Undefined if it was not measured, or if it is too small to measure. */
function costPerBot(
  { figures }: Bench,
  bots: number,
  [unit, unitOfOne]: (typeof perBot)[number][1],
  factor: number,
): number | undefined {
  const of = (count: number, counted: string): number | undefined =>
    figures.median({ row: 'standing', what: `second start, ${botsOf(count)}`, who, unit: counted });
  const [all, one] = [of(bots, unit), of(1, unitOfOne)];
  if (all === undefined || one === undefined || all <= one) return undefined;
  return (factor * (all - one)) / (bots - 1);
}
