import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { systemClock } from '../../clock.ts';
import { isStopped } from '../../daemon/stop-switch.ts';
import { readPoem } from '../../poems/find.ts';
import { type RehearsalOptions, rehearse as rehearseFlock, type Report } from '../../rehearsal/rehearse.ts';
import { showReport, verdictOf } from '../../rehearsal/show-report.ts';
import { takeNetworkAway } from '../../rehearsal/stage.ts';
import { columnsOf, shellWord } from '../../text.ts';
import { botFlags, command, jsonFlag, placeFlags } from '../command.ts';
import { stopSignal, type Terminal } from '../terminal.ts';
import { readFlockToCome, spanFlags } from './span.ts';

const flags = z.object({
  ...spanFlags(365),
  faults: z
    .string()
    .regex(/^(\d+|\d*\.\d+)$/, 'should be a share of all requests, from 0 to 1')
    .transform(Number)
    .pipe(z.number().max(1, 'should be a share of all requests, from 0 to 1'))
    .default(0)
    .meta({ description: 'the share of requests that fail, from 0 to 1', placeholder: 'SHARE' }),
  seed: z
    .string()
    .regex(/^[^-\p{Cc}]\P{Cc}{0,99}$/u, 'should be up to 100 characters, the first no dash')
    .optional()
    .meta({ description: 'the same text makes the same requests fail', placeholder: 'TEXT' }),
  bot: botFlags.meta({ description: 'only this bot; may be repeated' }),
  json: jsonFlag,
  ...placeFlags,
});

export const rehearse = command({
  summary: 'Simulate the days to come with a sandbox as X: what the flock posts, costs and survives',
  schema: flags,
  exits: { partly: 'a line was posted wrongly, or a bot needs you' },
  examples: [
    ['flockd rehearse', 'a year of the flock, without a single real post'],
    ['flockd rehearse --days 30 --faults 0.05', 'a month with a bad network'],
  ],
  async run(args, terminal) {
    const begun = systemClock.elapsed();
    // This may ask a flockd of this machine for its ledger, so the network is taken away after it.
    const options = await readOptions(args, terminal);
    using _silence = takeNetworkAway();
    using progress = openProgressLine(process.stderr);
    // At a signal it cleans up.
    const stopped = new AbortController();
    void stopSignal(terminal).then(() => stopped.abort());
    const report = await rehearseFlock({
      ...options,
      signal: stopped.signal,
      progress: (share, posts) => {
        progress.show(`rehearses: ${Math.floor(share * 100)} %, ${posts.toLocaleString('en-US')} posts`);
      },
    });
    const seconds = Math.round(systemClock.elapsed() - begun) / 1000;
    progress.clear();
    if (args.json) terminal.print(`${JSON.stringify({ ...report, seconds }, null, 2)}\n`);
    else {
      for (const line of showReport(report, seconds, terminal.columns)) terminal.say(line);
      if (args.faults > 0) {
        terminal.say();
        terminal.say('The same faults again:');
        // On one line, so that it can be copied.
        terminal.print(`${callAgain(args, report)}\n`);
      }
      terminal.say();
      terminal.say(verdictOf(report), report.kept ? 'green' : 'bold');
    }
    return report.kept ? 'done' : 'partly';
  },
});

type Args = z.infer<typeof flags>;

/** The command line that makes the same requests fail. */
function callAgain({ bot, root, keys, faults }: Args, { from, days, seed }: Report): string {
  const given = Object.entries({ root, keys, from, days, faults, seed });
  const words = [...given, ...bot.map((name) => ['bot', name] as const)].flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, shellWord(String(value))],
  );
  return ['flockd', 'rehearse', ...words].join(' ');
}

/** Reads the flock's files and its ledger. @throws {FlockError} `usage` if a bot does not exist */
async function readOptions(args: Args, terminal: Terminal): Promise<RehearsalOptions> {
  const { paths, whole, ledger, isChosen } = await readFlockToCome(args, terminal);
  if (isStopped(paths.state)) terminal.warn('the flock is stopped; the rehearsal assumes that it is not');
  const flock = {
    ...whole,
    bots: whole.bots.filter(({ name }) => isChosen(name)),
    invalidBots: whole.invalidBots.filter(({ bot }) => isChosen(bot)),
  };
  return {
    flock,
    begun: ledger,
    from: args.from ?? systemClock.now(),
    days: args.days,
    faults: args.faults,
    seed: args.seed ?? randomBytes(4).toString('hex'),
    readPoem,
  };
}

/** The line is written this often at most. Milliseconds. */
const progressInterval = 100;

/** A line on a terminal that says how far something is, in place of the one before. Elsewhere there is none. */
function openProgressLine(stream: NodeJS.WriteStream) {
  let last = -Infinity;
  const clear = (): void => {
    if (last !== -Infinity) stream.write('\r\u001b[K');
    last = -Infinity;
  };
  return {
    show(text: string): void {
      const now = systemClock.elapsed();
      if (!stream.isTTY || now < last + progressInterval) return;
      last = now;
      stream.write(`\r\u001b[K${text.slice(0, columnsOf(stream) - 1)}`);
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
