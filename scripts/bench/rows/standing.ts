import { setTimeout as sleep } from 'node:timers/promises';
import { Flockd } from '../flockd.ts';
import { emptyState, remember, writeSettings } from '../flock-folders.ts';
import { roundsOf, type Bench, type Row } from '../row.ts';
import { farAway } from '../times.ts';
import { memoryOf } from '../usage.ts';
import { largest, registered } from './schedulers.ts';

const id = 'standing';
const who = 'flockd run';

export const botsOf = (count: number): string =>
  `${count.toLocaleString('en-US')} bot${count === 1 ? '' : 's'}`;

export const standing: Row = {
  id,
  title: 'Start, memory, idle',
  about:
    'The real flockd on a folder of bundles and poems, all slots half a year away. READY is when systemd is told; at rest is when it has nothing more to do, each bot begun, written down and put on the agenda. The second start finds the ledger of the first. The flock’s files were written or read shortly before. Memory is the process’s resident set: at once, after a while in which flockd gives back what starting took, and after its garbage was collected by force. The schedulers hold an empty function for each bot: no bundle, no poem, no ledger.',
  async measure(bench) {
    const { sizes } = bench;
    const [smallest] = sizes.flocks;
    const resting: (() => Promise<void>)[] = [];
    for (const bots of sizes.flocks) {
      const isLarge = isLargest(bench, bots);
      const rounds = isLarge ? sizes.largeRounds : sizes.flockRounds;
      for (const round of roundsOf(rounds, 10_000)) {
        const isWatched = isLarge || bots === smallest;
        const first = await start(bench, bots, 'first start', { isWatched: isWatched && round === 0 });
        await first.stop({ hasTime: isLarge });
        const second = await start(bench, bots, 'second start', { isWatched: false });
        // Other rows are measured while these processes rest.
        if (isWatched && round === rounds - 1) resting.push(() => second.stop({ hasTime: true }));
        else await second.stop({ hasTime: false });
      }
    }
    for (const scheduler of ['node-cron, a task per bot', 'croner', 'bare heap'] as const) {
      for (const bots of sizes.flocks.filter((count) => count >= sizes.crowd))
        await hold(bench, scheduler, bots);
    }
    for (const stop of resting) await stop();
  },
};

/** The name of a start in the table. */
export const startOf = (which: string, bots: number): string => `${which}, ${botsOf(bots)}`;

/** The name of a memory report. */
export const memoryAfter = (which: string, bots: number): string =>
  `memory at rest after a ${which} of ${botsOf(bots)}`;

/** The state folder of a flock's starts. */
export const stateOf = ({ stage }: Bench, bots: number): string => stage.file(`state-${bots}`);

/** A running flockd. */
interface Started {
  /** Measures it and ends it. `hasTime`: whether to wait first until it has released memory. */
  stop: (options: { hasTime: boolean }) => Promise<void>;
}

async function start(
  bench: Bench,
  bots: number,
  which: string,
  { isWatched }: { isWatched: boolean },
): Promise<Started> {
  const { stage, sizes, figures, flockOf } = bench;
  const root = flockOf(bots);
  writeSettings(root, { schedule: farAway() });
  if (which === 'second start') remember(root);
  const state = which === 'first start' ? emptyState(stateOf(bench, bots)) : stateOf(bench, bots);
  const flockd = new Flockd(stage, { root, state });
  const what = startOf(which, bots);
  const add = (unit: string, value: number): void => figures.add({ row: id, who, what, unit }, value);
  add('ms to READY', await flockd.said(/READY=1/));
  add('ms to rest', await flockd.rest());
  const rested = performance.now();
  figures.say(`statuses ${bots}`, flockd.statuses);
  if (isWatched) {
    const before = { cpu: flockd.cpu, at: performance.now() };
    await sleep(sizes.idle);
    const share = (flockd.cpu - before.cpu) / (performance.now() - before.at);
    add('% CPU idle', 100 * share);
  }
  add('MB at once', memoryOf(flockd.pid).rss);
  return {
    async stop({ hasTime }) {
      if (hasTime) {
        await sleep(rested + sizes.givingBack - performance.now());
        add('MB at rest', memoryOf(flockd.pid).rss);
      }
      const { peak, left } = await flockd.memory();
      add('MB peak', peak);
      add('MB after GC', left.rss);
      if (isLargest(bench, bots)) figures.say(memoryAfter(which, bots), memoryLines(left));
      await flockd.stop();
    },
  };
}

const isLargest = ({ sizes }: Bench, bots: number): boolean => bots === Math.max(...sizes.flocks);

/** The memory by spaces of the heap, and the rest. */
function memoryLines({ rss, spaces }: Awaited<ReturnType<Flockd['memory']>>['left']): string[] {
  const mb = (amount: number): string => `${amount.toFixed(0)} MB`;
  const large = spaces.filter(([, , taken]) => taken >= 1);
  const rest = large.reduce((left, [, , taken]) => left - taken, rss);
  return [
    ...large.map(
      ([name, used, taken]) => `${mb(taken)} ${name.replaceAll('_', ' ')}, ${mb(used)} of it in use`,
    ),
    `${mb(rest)} Node itself, its code and its stacks`,
  ];
}

async function hold(bench: Bench, scheduler: string, bots: number): Promise<void> {
  const measure = { row: id, who: scheduler, what: botsOf(bots) };
  const most = largest(scheduler);
  if (bots > most.bots) {
    bench.figures.leaveOut({ ...measure, unit: 'ms to register' }, most.why);
    return;
  }
  const { register, perBot, idle } = await registered(bench, scheduler, bots);
  bench.figures.add({ ...measure, unit: 'ms to register' }, register);
  bench.figures.add({ ...measure, unit: 'KB per bot' }, perBot);
  bench.figures.add({ ...measure, unit: '% CPU idle' }, idle);
}
