import { FlockError } from '../errors.ts';
import type { Bot } from '../flock/load-flock.ts';
import type { BotState } from '../ledger/state.ts';
import { linesOf } from '../poems/poem.ts';
import { eventsOf } from './order.ts';
import { keyMark, type NextStep, step, type StepOptions } from './step.ts';

/** Whether a bot still owes what a person asked for, be it as a refrain that takes a second way, and may post at once. */
const isAsked = (state: BotState | undefined, next: NextStep, now: number): boolean =>
  state?.owed !== undefined && !state.open && next !== 'when changed' && next <= now;

const notCounted = (bot: string, awaited: string): FlockError =>
  new FlockError(
    'tryLater',
    `${bot} cannot post yet: ${awaited} was restored, and nobody knows what it has spent of the flock's budget`,
    {
      hint: `flockd looks while it runs; ask again after that, or let ${awaited} rest: flockd pause ${awaited}`,
    },
  );

/**
 * Posts a bot's next line now, besides what its schedule wants; the ledger then says what came of it. Nobody else may run
 * the bot meanwhile.
 *
 * @throws {FlockError} where it cannot post now, as {@link eventsOf} says, and as {@link step}; `tryLater` also where nobody
 * knows yet what the flock has spent
 */
export async function postNow(bot: Bot, options: StepOptions): Promise<void> {
  const { ledger, clock, uncounted } = options;
  // In the middle of an upload it may be unreadable for a moment, but whoever waits for the answer is told at once.
  await linesOf(bot.poemFile, bot.settings.unit, options.readPoem);
  const before = ledger.state(bot.name);
  // A bot that is new here begins with a step, and then waits for its slot; one whose key was replaced is freed by one.
  if (!before || (before.parked && before.parked.key !== keyMark(bot))) await step(bot, options);
  const { paused, atEnd } = bot.settings;
  const readiness = { paused, atEnd, isStopped: options.isStopped() };
  const order = { order: 'post', bot: bot.name } as const;
  const events = eventsOf(order, ledger.state(bot.name), clock.now(), readiness);
  const awaited = uncounted.awaited(options.purse());
  if (awaited !== undefined) throw notCounted(bot.name, awaited);
  await ledger.record(...events);
  let next: NextStep = clock.now();
  while (isAsked(ledger.state(bot.name), next, clock.now())) next = await step(bot, options);
}
