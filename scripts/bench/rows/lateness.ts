import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { offsetIn } from '../../../src/schedule/schedule.ts';
import { firstAccount, nameOf, remember, writeSettings } from '../flock-folders.ts';
import { Flockd, type FlockdOptions } from '../flockd.ts';
import { quantile, range } from '../numbers.ts';
import { type Bench, roundsOf, type Row } from '../row.ts';
import type { Helper } from '../stage.ts';
import { cronAt, farAway, secondAfter } from '../times.ts';
import { openScheduler, schedulers } from './schedulers.ts';
import { botsOf, stateOf } from './standing.ts';

const id = 'lateness';
const who = 'flockd run';

export const sameSlot = (bots: number): string => `${botsOf(bots)}, one slot`;
export const ownSlots = (bots: number): string => `${botsOf(bots)}, slots of their own`;

export const lateness: Row = {
  id,
  title: 'Lateness',
  about:
    'Milliseconds after the slot. flockd’s posts are timed where they arrive, at an X that takes 80 ms, over 1,000 sockets, each with its intent on the disk; the others call an empty function. Slots of their own are a millisecond apart, and are watched for six seconds. A call that never came is lost.',
  async measure(bench) {
    const { crowd, many, flockRounds, spread, watched } = bench.sizes;
    const one = { bots: crowd, spread: 0, watched: 1, what: sameSlot(crowd) };
    for (const _ of roundsOf(flockRounds, 20_000)) await timeFlockd(bench, one);
    for (const scheduler of schedulers) await timeScheduler(bench, scheduler, one);
    const own = { bots: many, spread, watched, what: ownSlots(many) };
    await timeFlockd(bench, own);
    for (const scheduler of schedulers) await timeScheduler(bench, scheduler, own);
  },
};

/** The slots of a measurement. */
interface Slots {
  what: string;
  bots: number;
  /** The time from the first slot to the last, and the part of it that is measured. Milliseconds. */
  spread: number;
  watched: number;
}

function note(
  { figures }: Bench,
  scheduler: string,
  what: string,
  late: readonly number[],
  due: number,
): void {
  const measure = { row: id, who: scheduler, what };
  figures.add({ ...measure, unit: 'ms p50' }, quantile(late, 0.5));
  figures.add({ ...measure, unit: 'ms p99' }, quantile(late, 0.99));
  figures.add({ ...measure, unit: 'ms max' }, quantile(late, 1));
  figures.add({ ...measure, unit: '% lost' }, (100 * (due - late.length)) / due);
}

async function timeScheduler(bench: Bench, scheduler: string, slots: Slots): Promise<void> {
  const { bots, watched, what } = slots;
  if (bots > bench.sizes.crowd && scheduler !== 'bare heap') {
    const why = 'registering so many takes too long, see above';
    bench.figures.leaveOut({ row: id, who: scheduler, what, unit: 'ms p50' }, why);
    return;
  }
  const lead = 500 + bots * (scheduler === 'bare heap' ? 0.01 : 0.3);
  const { helper, from } = await registeredInTime(bench, scheduler, slots, lead);
  const answer = z.object({ late: z.array(z.number()), due: z.number() });
  const { late, due } = await helper.ask(
    { ask: 'late', until: from + watched, maxLateness: bench.sizes.maxLateness },
    answer,
  );
  note(bench, scheduler, what, late, due);
  await helper.end();
}

/** Registers all calls before the first slot. If that fails, it tries again with twice the time. @param lead - milliseconds */
async function registeredInTime(
  bench: Bench,
  scheduler: string,
  slots: Slots,
  lead: number,
): Promise<{ helper: Helper; from: number }> {
  const { bots, spread } = slots;
  const helper = await openScheduler(bench, scheduler);
  const from = secondAfter(lead);
  const { done } = await helper.ask({ ask: 'register', bots, from, spread }, z.object({ done: z.number() }));
  if (done < from) return { helper, from };
  await helper.end();
  return registeredInTime(bench, scheduler, slots, 2 * lead);
}

/** Posts that are later than this count as lost. Milliseconds. */
const maxLateness = 20_000;

async function timeFlockd(bench: Bench, { bots, spread, watched, what }: Slots): Promise<void> {
  const { x, sizes, figures } = bench;
  const root = bench.flockOf(bots);
  const options = {
    root,
    state: stateOf(bench, bots),
    api: x.way({ isSlow: true })?.base ?? '',
    sockets: sizes.manyInFlight,
  };
  const start = await timeOfStart(bench, bots, options);
  remember(root);
  const { flockd, from } = await restingInTime(bench, options, spread, 2 * start + 2_000);
  const { posts } = await x.count();
  await x.note();
  const slots = new Map(range(bots).map((bot) => [firstAccount + bot, from + offsetIn(spread, nameOf(bot))]));
  const due = [...slots.values()].filter((slot) => slot < from + watched).length;
  await x.count(posts + due, from + watched + maxLateness - Date.now());
  await sleep(from + watched - Date.now());
  const came = (await x.noted()).filter(([account]) => (slots.get(account) ?? Infinity) < from + watched);
  await flockd.stop();
  const late = came.map(([account, at]) => at - (slots.get(account) ?? NaN));
  note(bench, who, what, late, due);
  const last = came.reduce((latest, [, , answered]) => Math.max(latest, answered), 0) - from;
  if (spread === 0) figures.add({ row: id, who, what, unit: 'ms to the last answer' }, last);
}

/** Starts flockd so that it rests before the first slot. If that fails, it tries again with twice the time. @param lead - milliseconds */
async function restingInTime(
  bench: Bench,
  options: FlockdOptions,
  spread: number,
  lead: number,
): Promise<{ flockd: Flockd; from: number }> {
  const from = secondAfter(lead);
  writeSettings(options.root, { schedule: cronAt(from), spread: `${Math.max(spread, 1) / 1000}s` });
  const flockd = new Flockd(bench.stage, options);
  await flockd.rest();
  if (Date.now() < from) return { flockd, from };
  await flockd.stop();
  return restingInTime(bench, options, spread, 2 * lead);
}

/** The time that a second start takes. If the flock was never started, this starts it first, with distant slots. */
async function timeOfStart({ stage, figures }: Bench, bots: number, options: FlockdOptions): Promise<number> {
  const what = `second start, ${botsOf(bots)}`;
  const known = figures.median({ row: 'standing', what, who, unit: 'ms to rest' });
  if (known !== undefined) return known;
  writeSettings(options.root, { schedule: farAway() });
  const flockd = new Flockd(stage, options);
  const rest = await flockd.rest();
  await flockd.stop();
  return rest;
}
