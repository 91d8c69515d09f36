import { setTimeout as sleep } from 'node:timers/promises';
import { Flockd } from '../flockd.ts';
import { emptyState, writeSettings } from '../flock-folders.ts';
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
    'The real flockd on a folder of bundles and poems, all slots half a year away. READY is when systemd is told; at rest is when it has nothing more to do, each bot begun, written down and put on the agenda. The second start finds the ledger of the first. Memory is the process’s resident set: as it stands, and after its garbage was collected, which Node does by itself when it has a mind to. The schedulers hold an empty function for each bot: no bundle, no poem, no ledger.',
  async measure(bench) {
    const { sizes } = bench;
    for (const bots of sizes.flocks) {
      const isLarge = isLargest(bench, bots);
      for (const round of roundsOf(isLarge ? sizes.largeRounds : sizes.flockRounds, 10_000)) {
        await start(bench, bots, 'first start', round === 0 && (isLarge || bots === 1));
        await start(bench, bots, 'second start', false);
      }
    }
    for (const scheduler of ['node-cron, a task per bot', 'croner', 'bare heap'] as const) {
      for (const bots of sizes.flocks.filter((count) => count >= sizes.crowd))
        await hold(bench, scheduler, bots);
    }
  },
};

/** How a start is called in the table. */
export const startOf = (which: string, bots: number): string => `${which}, ${botsOf(bots)}`;

/** The name of what says where the memory is. */
export const memoryAfter = (which: string, bots: number): string =>
  `memory after a ${which} of ${botsOf(bots)}, its garbage collected`;

/** The state folder that the starts of a flock leave behind. */
export const stateOf = ({ stage }: Bench, bots: number): string => stage.file(`state-${bots}`);

async function start(bench: Bench, bots: number, which: string, watched: boolean): Promise<void> {
  const { stage, sizes, figures, flockOf } = bench;
  const root = flockOf(bots);
  writeSettings(root, { schedule: farAway() });
  const state = which === 'first start' ? emptyState(stateOf(bench, bots)) : stateOf(bench, bots);
  const flockd = new Flockd(stage, { root, state });
  const measure = { row: id, who };
  const what = startOf(which, bots);
  const ready = await flockd.said(/READY=1/);
  const rest = await flockd.rest();
  figures.add({ ...measure, what, unit: 'ms to READY' }, ready);
  figures.add({ ...measure, what, unit: 'ms to rest' }, rest);
  figures.say(`statuses ${bots}`, flockd.statuses);
  if (watched) {
    const before = { cpu: flockd.cpu, at: performance.now() };
    await sleep(sizes.idle);
    const share = (flockd.cpu - before.cpu) / (performance.now() - before.at);
    figures.add({ ...measure, what, unit: '% CPU idle' }, 100 * share);
  }
  figures.add({ ...measure, what, unit: 'MB resident' }, memoryOf(flockd.pid).rss);
  const { peak, left } = await flockd.memory();
  figures.add({ ...measure, what, unit: 'MB peak' }, peak);
  figures.add({ ...measure, what, unit: 'MB after GC' }, left.rss);
  if (isLargest(bench, bots)) figures.say(memoryAfter(which, bots), memoryLines(left));
  await flockd.stop();
}

const isLargest = ({ sizes }: Bench, bots: number): boolean => bots === Math.max(...sizes.flocks);

/** Where the memory is: spaces of the heap, and the rest. */
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
