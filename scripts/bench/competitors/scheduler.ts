/**
 * Another scheduler, which calls a function for each bot at its slot. Argument: its name. It posts nothing and stores nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cron } from 'croner';
import cron from 'node-cron';
import TinyQueue from 'tinyqueue';
import { z } from 'zod';
import { answerQuestions } from '../questions.ts';
import { cronAt } from '../times.ts';

/** Calls a function at an instant: milliseconds since 1970. */
type Schedule = (instant: number, call: () => void) => unknown;

const heap = new TinyQueue<{ instant: number; call: () => void }>([], (a, b) => a.instant - b.instant);
let timer: { instant: number; handle: NodeJS.Timeout } | undefined;

function arm(): void {
  const next = heap.peek();
  if (!next || (timer && timer.instant <= next.instant)) return;
  clearTimeout(timer?.handle);
  const wait = Math.min(next.instant - Date.now(), 2 ** 31 - 1);
  timer = { instant: next.instant, handle: setTimeout(wake, wait) };
}

function wake(): void {
  timer = undefined;
  for (let next = heap.peek(); next && next.instant <= Date.now(); next = heap.peek()) heap.pop()?.call();
  arm();
}

const schedulers: Record<string, Schedule> = {
  'node-cron': (instant, call) => cron.schedule(cronAt(instant), call, { timezone: 'UTC' }),
  croner: (instant, call) => new Cron(cronAt(instant), { timezone: 'UTC' }, call),
  heap: (instant, call) => {
    heap.push({ instant, call });
    arm();
  },
};

const kind = process.argv[2] ?? '';
const schedule = schedulers[kind];
/** The resolution of the scheduler: cron expressions have whole seconds. Milliseconds. */
const grain = kind === 'heap' ? 1 : 1000;

const question = z.discriminatedUnion('ask', [
  /** Holds a schedule for each bot, half a year away, on 960 different minutes. */
  z.object({ ask: z.literal('hold'), bots: z.number() }),
  /** Registers a call for each bot, at equal distances over `spread` from an instant on. */
  z.object({ ask: z.literal('register'), bots: z.number(), from: z.number(), spread: z.number() }),
  /** The lateness of each call that was due before an instant, and the number of due calls. Answers after `maxLateness`. */
  z.object({ ask: z.literal('late'), until: z.number(), maxLateness: z.number() }),
]);

/** Kilobytes. */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 1000;
}

const halfYear = 182 * 86_400_000;
const slots: number[] = [];
const calls: { slot: number; late: number }[] = [];

answerQuestions(async (asked) => {
  if (!schedule) throw new Error(`there is no scheduler ${kind}`);
  const what = question.parse(asked);
  switch (what.ask) {
    case 'hold': {
      const before = { memory: memory(), at: performance.now() };
      const first = Date.now() + halfYear;
      for (let bot = 0; bot < what.bots; bot++) schedule(first + (bot % 960) * 60_000, () => undefined);
      const register = performance.now() - before.at;
      return { register, perBot: (memory() - before.memory) / what.bots };
    }
    case 'register':
      for (let bot = 0; bot < what.bots; bot++) {
        const slot = Math.floor((what.from + (bot / what.bots) * what.spread) / grain) * grain;
        slots.push(slot);
        schedule(slot, () => calls.push({ slot, late: Date.now() - slot }));
      }
      return { done: Date.now() };
    case 'late': {
      await sleep(Math.max(0, what.until + what.maxLateness - Date.now()));
      const late = calls.filter(({ slot }) => slot < what.until).map((call) => call.late);
      return { late, due: slots.filter((slot) => slot < what.until).length };
    }
  }
});
