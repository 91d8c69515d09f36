import * as z from 'zod';
import { systemClock } from '../../clock.ts';
import { isStopped } from '../../daemon/stop-switch.ts';
import { shownPath } from '../../fs.ts';
import { planAsIcs } from '../../plan/icalendar.ts';
import { FlockPlan, readBots } from '../../plan/plan.ts';
import { planAsJson, showPlan } from '../../plan/render.ts';
import { readPoem } from '../../poems/find.ts';
import { botFlags, command, jsonFlag, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { readFlockToCome, spanFlags } from './span.ts';

const schema = z
  .object({
    ...spanFlags(30),
    bot: botFlags.meta({ description: 'only this bot; may be repeated' }),
    calendar: toggle('show every post, not only the next few'),
    json: jsonFlag,
    ics: toggle('print a calendar (iCalendar)'),
    ...placeFlags,
  })
  .refine(({ json, ics }) => !(json && ics), { path: ['ics'], error: 'cannot be given with --json' });

type Args = z.infer<typeof schema>;

export const plan = command({
  summary: 'Show what the flock will post and when, what it costs, and what to check in the poems',
  schema,
  exits: { partly: 'a bot cannot post' },
  examples: [
    ['flockd plan', 'what the flock will post in 30 days, and what it costs'],
    ['flockd plan --bot howl --days 365', 'every post of one bot in a year'],
    ['flockd plan --ics > flock.ics', 'for a calendar'],
  ],
  async run(args, terminal) {
    const read = await readPlan(args, terminal);
    const { flock, invalidBots, passedOver } = read;
    if (args.json) print(planAsJson(flock, read), terminal);
    else if (args.ics) print(planAsIcs(flock, systemClock.now()), terminal);
    else show(read, args, terminal);
    if (args.ics)
      for (const { bot, error } of invalidBots)
        terminal.warn(`${bot} needs you: ${error.message}`, error.hint);
    const isPartly = invalidBots.length > 0 || passedOver.some(({ kind }) => kind === 'refused');
    return isPartly ? 'partly' : 'done';
  },
});

/** Reads the flock's files and its ledger only. A daemon may run meanwhile. */
async function readPlan(args: Args, terminal: Terminal) {
  const { paths, whole, ledger, isChosen: chosen } = await readFlockToCome(args, terminal);
  if (isStopped(paths.state))
    terminal.warn('the flock is stopped; the plan assumes that it is not', 'flockd resume lets it go on');
  const { bots, invalidBots } = await readBots(whole, ledger.states, readPoem);
  const from = args.from ?? systemClock.now();
  const span = { from, until: from + args.days * day };
  const { flockBudget } = whole;
  const { history } = ledger;
  const flock = new FlockPlan({ bots, chosen, span, flockBudget, history, deadline });
  const passedOver = args.bot.length > 0 ? [] : whole.passedOver;
  return {
    flock,
    invalidBots: invalidBots.filter(({ bot }) => chosen(bot)),
    passedOver: passedOver.map((one) => ({ ...one, file: shownPath(one.file) })),
  };
}

const day = 86_400_000;

/** The deadline of a request, as in the daemon. Milliseconds. */
const deadline = 10_000;

type ReadPlan = Awaited<ReturnType<typeof readPlan>>;

function show(read: ReadPlan, { bot, calendar }: Args, terminal: Terminal): void {
  const { flock, invalidBots, passedOver } = read;
  if (flock.chosen.length + invalidBots.length + passedOver.length === 0) {
    terminal.say('No poems yet: they are text files in the poems folder.');
    return;
  }
  const columns = process.stdout.isTTY ? terminal.columns : undefined;
  const whole = bot.length > 0;
  const room = { columns, whole, calendar: calendar || whole };
  for (const { text, style } of showPlan(flock, read, room)) terminal.say(text, style);
}

/** The least size of a part that is printed. Characters. */
const minPart = 65_536;

function print(parts: Iterable<string>, terminal: Terminal): void {
  let waiting = '';
  for (const part of parts) {
    waiting += part;
    if (waiting.length < minPart) continue;
    terminal.print(waiting);
    waiting = '';
  }
  terminal.print(waiting);
}
