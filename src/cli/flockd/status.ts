import * as z from 'zod';
import { wantsColor } from '../../config/environment.ts';
import { readStatus } from '../../daemon/read-status.ts';
import { isService } from '../../daemon/systemd.ts';
import { type Places, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { type BotStatus, hasToPost, needsSomebody, type Status } from '../../flock/status.ts';
import { parseBotName } from '../../poems/bot-name.ts';
import { moreWatches } from '../../watch.ts';
import { command, jsonFlag, nonEmpty, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import {
  flockWords,
  keylessTroubles,
  sayTroubles,
  mostUrgentFirst,
  statusTable,
  troublesOf,
  unknownTroubles,
} from '../tables.ts';
import type { Terminal } from '../terminal.ts';
import { notInFlock, onLedger } from './ledger.ts';

export const status = command({
  summary: 'Show how every bot stands: its place, its last and next post, and what is wrong',
  schema: z.object({
    bot: nonEmpty.optional().meta({ description: 'this bot alone', kind: 'bot' }),
    bad: toggle('only bots that need you or are checking'),
    json: jsonFlag,
    ...placeFlags,
  }),
  exits: { partly: 'a bot needs you, or flockd does not run' },
  examples: [
    ['flockd status --bad', 'what is wrong, and how to repair it'],
    ['flockd status --json', 'for a program'],
  ],
  async run(args, terminal) {
    await using context = await onLedger(openContext(args), terminal);
    const whole = await readStatus(context);
    const { flock, bots: all, unknown, keyless } = whole;
    const chosen = args.bot === undefined ? all : [theOne(args.bot, whole, args)];
    const bots = args.bad ? chosen.filter(needsSomebody) : chosen;
    if (args.json) terminal.print(`${JSON.stringify({ flock, bots, unknown, keyless }, null, 2)}\n`);
    else {
      const start = isService(context.paths.root)
        ? 'systemctl start flockd'
        : withInvocationFlags(args, 'flockd')('run');
      if (all.length === 0)
        terminal.say(`No bots yet: ${withInvocationFlags(args)('make-keys ./poems')} makes their keys.`);
      else show(whole, bots, { now: context.clock.now(), start }, terminal);
      if (args.bot === undefined) {
        const names = keyless.map(({ bot }) => bot);
        const keys = keylessTroubles(names, withInvocationFlags(args));
        sayTroubles([...unknownTroubles(unknown), ...keys], terminal);
      }
    }
    const isDead = flock.running === false && chosen.some(({ state }) => hasToPost(state));
    return isDead || bots.some(needsSomebody) ? 'partly' : 'done';
  },
});

/** @throws {FlockError} `usage` if there is none of that name, or it has no key yet */
function theOne(
  text: string,
  { bots, keyless }: Awaited<ReturnType<typeof readStatus>>,
  places: Places,
): BotStatus {
  const name = parseBotName(text);
  const found = bots.find(({ bot }) => bot === name);
  if (found) return found;
  if (keyless.some(({ bot }) => bot === name)) {
    const hint = withInvocationFlags(places)(`make-keys ./poems --bot=${name}`);
    throw new FlockError('usage', `${name} has a poem and no key yet`, { hint });
  }
  throw notInFlock(
    name,
    bots.map(({ bot }) => bot),
  );
}

/** @param bots - those that are shown */
function show(
  { flock, bots: all }: Status,
  bots: readonly BotStatus[],
  { now, start }: { now: number; start: string },
  terminal: Terminal,
): void {
  const isTerminal = process.stdout.isTTY;
  if (bots.length > 0) {
    const { columns } = terminal;
    const colors = wantsColor(isTerminal);
    const lines = statusTable(mostUrgentFirst(bots), { columns, colors, now: isTerminal ? now : undefined });
    terminal.print(`${lines.join('\n')}\n\n`);
  }
  if (flock.stopped) {
    terminal.say('The flock is paused: no bot posts.', 'bold');
    terminal.say('hint: flockd resume');
  }
  if (flock.running === false) terminal.say(`flockd does not run: nothing is posted until ${start}`, 'bold');
  if (flock.unwatched !== undefined) {
    terminal.say(`No inotify watches are left (${flock.unwatched}): flockd looks for changes every second.`);
    terminal.say(`hint: ${moreWatches}`);
  }
  if (bots.length === 0) terminal.say('No bot needs you.');
  terminal.say(flockWords(flock, all));
  sayTroubles(troublesOf(bots, now), terminal);
}
