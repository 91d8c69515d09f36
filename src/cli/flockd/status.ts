import Table from 'cli-table3';
import pMap from 'p-map';
import { z } from 'zod';
import { openContext, type Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { statusOf, type BotStatus, type StatusInput } from '../../flock/flock-status.ts';
import { loadFlock, type Bot } from '../../flock/load-flock.ts';
import { linesOf } from '../../poems/lines-of.ts';
import { readPoem } from '../../poems/read-poems.ts';
import type { BotState } from '../../posting/bot-state.ts';
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
  const fit = await pMap(
    flock.bots,
    async (bot) => {
      const state = states.get(bot.name);
      return statusOf({ ...(await readBot(bot, state, now)), state, now });
    },
    { concurrency: readers },
  );
  const unfit = flock.misfits.map(({ bot, error }) => {
    const reason = { why: error.message, hint: error.hint };
    const unknown = { account: undefined, lines: 0, paused: false, atEnd: 'loop', next: undefined } as const;
    return statusOf({ bot, ...unknown, state: states.get(bot), now, unfit: reason });
  });
  return [...fit, ...unfit].sort((a, b) => (a.bot < b.bot ? -1 : 1));
}

/** Poems read at a time. */
const readers = 32;

/** What a bot's own files say of it. */
async function readBot(
  { name, bundle, settings, poemFile }: Bot,
  state: BotState | undefined,
  now: number,
): Promise<Omit<StatusInput, 'state' | 'now'>> {
  const { schedule: expression, timezone, spread, paused, atEnd, unit } = settings;
  const slot = nextAfter({ expression, timezone }, state?.served ?? now);
  const next = state?.owed?.retryAt ?? (slot === undefined ? undefined : slot + offsetIn(spread, name));
  const known = { bot: name, account: bundle.screenName, paused, atEnd, next };
  try {
    const { length } = await linesOf(poemFile, unit, readPoem);
    return { ...known, lines: length, unfit: undefined };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    return { ...known, lines: 0, unfit: { why: error.message, hint: error.hint } };
  }
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
