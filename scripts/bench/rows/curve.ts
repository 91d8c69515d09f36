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
      for (const [unit, name, factor] of perBot) {
        const cost = costPerBot(bench, bots, name, factor);
        if (cost !== undefined) figures.add({ row: id, what: botsOf(bots), who, unit }, cost);
      }
    }
    const way = x.way(false, false);
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

const perBot = [
  ['ms to start, per bot', 'ms to rest', 1],
  ['KB per bot', 'MB after GC', 1000],
] as const;

function costPerBot({ figures }: Bench, bots: number, unit: string, factor: number): number | undefined {
  const of = (count: number): number | undefined =>
    figures.median({ row: 'standing', what: `second start, ${botsOf(count)}`, who, unit });
  const [all, one] = [of(bots), of(1)];
  return all === undefined || one === undefined ? undefined : (factor * (all - one)) / (bots - 1);
}
