import Table from 'cli-table3';
import { z } from 'zod';
import { openContext, type Context } from '../../context.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { statusOf, type BotStatus } from '../../flock/flock-status.ts';
import { loadFlock } from '../../flock/load-flock.ts';
import { readJournal } from '../../posting/journal.ts';
import { nextAfter } from '../../schedule/slots.ts';
import { offsetIn } from '../../schedule/spread.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import type { Terminal } from '../terminal.ts';

export const status = command({
  flags: { json: { type: 'boolean', describe: 'as JSON, on standard output' }, ...placeFlags },
  examples: [['flockd status --json', 'for a program']],
  schema: z.object({
    json: z.boolean().default(false),
    ...placeSchema,
  }),
  async run(args, terminal) {
    await using context = openContext(args);
    const bots = await readStatus(context);
    if (args.json) terminal.print(`${JSON.stringify({ bots }, null, 2)}\n`);
    else show(bots, terminal);
    const unhealthy = bots.some(
      ({ state }) => state === 'parked' || state === 'unfit' || state === 'in doubt',
    );
    return unhealthy ? 'partly' : 'done';
  },
});

/** How every bot stands, by the flock's files and its ledger alone: a daemon may run meanwhile. */
async function readStatus({ paths, keys, clock }: Context): Promise<BotStatus[]> {
  const flock = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const states = await readJournal(paths.state);
  const now = clock.now();
  const fit = flock.bots.map(({ name, bundle, settings }) => {
    const { schedule: expression, timezone, spread, paused, atEnd } = settings;
    const state = states.get(name);
    const slot = nextAfter({ expression, timezone }, state?.served ?? now);
    const next = state?.owed?.retryAt ?? (slot === undefined ? undefined : slot + offsetIn(spread, name));
    return statusOf({
      bot: name,
      account: bundle.screenName,
      state,
      paused,
      atEnd,
      next,
      now,
      unfit: undefined,
    });
  });
  const unfit = flock.misfits.map(({ bot, error }) => {
    const reason = { why: error.message, hint: error.hint };
    return statusOf({
      bot,
      account: undefined,
      state: states.get(bot),
      paused: false,
      atEnd: 'loop',
      next: undefined,
      now,
      unfit: reason,
    });
  });
  return [...fit, ...unfit].sort((a, b) => (a.bot < b.bot ? -1 : 1));
}

function show(bots: readonly BotStatus[], terminal: Terminal): void {
  if (bots.length === 0) {
    terminal.say('No bots yet: keymaker make-keys ./poems makes their keys.');
    return;
  }
  const wide = terminal.columns >= 100;
  const heads = [
    'bot',
    ...(wide ? ['account'] : []),
    'lines',
    ...(wide ? ['last post'] : []),
    'next',
    'state',
  ];
  const table = new Table({ head: heads, style: { head: [], border: [], compact: true }, chars: plain });
  for (const bot of bots) {
    const account = bot.account === undefined ? '' : `@${bot.account}`;
    const last = bot.last === undefined ? '' : short(bot.last.at);
    const next = bot.next === undefined ? '' : short(bot.next);
    const cells = [
      bot.bot,
      ...(wide ? [account] : []),
      progress(bot),
      ...(wide ? [last] : []),
      next,
      bot.state,
    ];
    table.push(cells);
  }
  terminal.print(`${table.toString()}\n`);
  for (const { bot, why, hint } of bots) {
    if (why === undefined) continue;
    terminal.say();
    terminal.say(`${bot}: ${why}`);
    if (hint !== undefined) terminal.say(`hint: ${hint}`);
  }
}

const width = 10;

function progress({ done, of }: BotStatus): string {
  const full = of === 0 ? 0 : Math.round((done / of) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${done}/${of}`;
}

/** To the minute, in UTC. */
const short = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)}`;

const plain = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ].map((part) => [part, '']),
);
