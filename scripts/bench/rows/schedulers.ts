import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Bench } from '../row.ts';
import type { Helper } from '../stage.ts';
import { cpuOf } from '../usage.ts';

/** The schedulers that flockd is compared with. */
export const schedulers = ['node-cron, a task per bot', 'croner', 'bare heap'] as const;

const kinds: Record<string, string> = {
  'node-cron, a task per bot': 'node-cron',
  croner: 'croner',
  'bare heap': 'heap',
};

const limits: Record<string, { bots: number; why: string }> = {
  croner: { bots: 10_000, why: 'takes 90 KB per bot and a minute to register so many' },
};

/** The maximum of bots for a scheduler, and the reason. */
export const largest = (scheduler: string): { bots: number; why: string } =>
  limits[scheduler] ?? { bots: Infinity, why: '' };

const registration = z.object({ register: z.number(), perBot: z.number() });

export const openScheduler = ({ stage }: Bench, scheduler: string): Promise<Helper> =>
  stage.helper('competitors/scheduler.ts', { flags: ['--expose-gc'], args: [kinds[scheduler] ?? ''] });

/** The cost of a distant schedule for each bot: milliseconds, kilobytes, percent. */
export async function registered(
  bench: Bench,
  scheduler: string,
  bots: number,
): Promise<z.infer<typeof registration> & { idle: number }> {
  const helper = await openScheduler(bench, scheduler);
  const found = await helper.ask({ ask: 'hold', bots }, registration);
  const before = { cpu: cpuOf(helper.pid), at: performance.now() };
  await sleep(bench.sizes.idle);
  const idle = (100 * (cpuOf(helper.pid) - before.cpu)) / (performance.now() - before.at);
  await helper.end();
  return { ...found, idle };
}
