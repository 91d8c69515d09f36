import { randomBytes } from 'node:crypto';
import { wrapAnsi } from 'fast-wrap-ansi';
import * as z from 'zod';
import { systemClock } from '../../clock.ts';
import { inMicros, showUsd } from '../../cost.ts';
import { isStopped } from '../../daemon/stop-switch.ts';
import { stateOf } from '../../flock/status.ts';
import { readPoem } from '../../poems/find.ts';
import { networks } from '../../networks/networks.ts';
import { rehearse as rehearseFlock, type Report } from '../../rehearsal/rehearse.ts';
import { takeNetworkAway } from '../../rehearsal/stage.ts';
import { columnsOf, counted, grouped, listedFirst, saidOnce, shellWord, tableLines } from '../../text.ts';
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
  summary: 'Simulate the days to come in a sandbox: what the flock posts, costs and survives',
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
async function readOptions(args: Args, terminal: Terminal) {
  const { paths, whole, ledger, isChosen } = await readFlockToCome(args, terminal);
  if (isStopped(paths.state)) terminal.warn('the flock is paused; the rehearsal assumes that it is not');
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

const number = (value: number): string => value.toLocaleString('en-US');

/** How often: `never`, `once`, `twice`, `3 times`. */
export const times = (count: number): string => ['never', 'once', 'twice'][count] ?? `${number(count)} times`;

/** The names of at most two bots, and how many there are besides. */
const named = (bots: readonly string[]): string => listedFirst(bots, 2);

/** A duration in milliseconds: `0 s`, `4.2 s`, `3 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return ms > 0 && ms < 10_000 ? `${Math.ceil(ms / 100) / 10} s` : `${seconds} s`;
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/** An instant in ISO 8601, to the minute, in UTC. */
const minutes = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)}`;

/** What became of the slots in the hours that clocks skipped or showed twice, as a person reads it. */
export function showClockChanges(changes: Report['clockChanges']): string[] {
  if (changes.length === 0) return [];
  const felt = changes.filter(({ bots }) => bots.length > 0);
  const others = changes.length - felt.length;
  const rest = felt.length === 0 ? 'any of them' : `${number(others)} of them`;
  const none = others > 0 ? `; no slot falls into ${rest}` : '';
  return [
    `${counted(changes.length, 'clock change')} in the zones of the flock${none}`,
    ...felt.flatMap(showChange),
  ];
}

function showChange({ at, timezone, from, to, by, bots }: Report['clockChanges'][number]): string[] {
  const groups = grouped(bots, (outcome) => describeOutcome(outcome, { isForward: by > 0 }));
  return [
    `${at.slice(0, 10)} ${timezone} ${from} → ${to}`,
    ...Array.from(groups, ([said, outcomes]) => `  ${named(outcomes.map(({ bot }) => bot))}: ${said}`),
  ];
}

function describeOutcome(
  { times: due, everyHour, posted }: Report['clockChanges'][number]['bots'][number],
  { isForward }: { isForward: boolean },
): string {
  const made = posted.length === 0 ? 'not posted' : `posted ${times(posted.length)}`;
  if (everyHour)
    return isForward ? 'posts every hour, and goes on' : `posts every hour; ${made} in these two`;
  const [first = ''] = due;
  const isOne = due.length === 1;
  const what = isOne ? first : `${first} and ${number(due.length - 1)} more`;
  if (!isForward) return `${what} ${isOne ? 'comes' : 'come'} twice; ${made}`;
  const where = posted.length === 0 ? 'not posted' : 'posted once, right after the gap';
  return `${what} ${isOne ? 'does' : 'do'} not come; ${where}`;
}

/** The width of the first column. Characters. */
const label = 13;

/** A larger flock is not listed bot by bot; only its bots that are not fine are. */
const maxBots = 60;

/**
 * A report as a person reads it, line by line.
 *
 * @param seconds - how long the rehearsal took
 * @param columns - the width of the terminal
 */
export function showReport(report: Report, seconds: number, columns: number): string[] {
  const { bots, days, from, until } = report;
  const row = ([name, text]: readonly [string, string]): string[] =>
    wrapAnsi(text, Math.max(20, columns - label))
      .split('\n')
      .map((line, index) => (index === 0 ? name.padEnd(label) : ' '.repeat(label)) + line);
  return [
    `${counted(days, 'day')} of ${counted(bots.length, 'bot')}, from ${minutes(from)} to ${minutes(until)} UTC, in ${seconds.toFixed(1)} s`,
    '',
    ...rowsOf(report).flatMap(row),
    '',
    ...table(bots),
    ...block(showClockChanges(report.clockChanges)),
    ...block(troublesOf(bots)),
    ...block(report.leftOut.flatMap(({ bot, why, hint }) => withHint(`${bot} is left out: ${why}`, hint))),
    ...block(brokenOf(report.broken)),
  ];
}

/** The result in one line. */
export const verdictOf = ({ kept }: Report): string =>
  kept ? 'All as promised.' : 'Not all is as it should be: see above.';

function rowsOf(report: Report): (readonly [name: string, text: string])[] {
  const { posted, lines, passedOver, broken, missed, inDoubt, unsettled, refused, refusals, faults } = report;
  const waits = report.bots.filter(({ budgetWaits }) => budgetWaits > 0);
  const allWaits = waits.reduce((sum, { budgetWaits }) => sum + budgetWaits, 0);
  const waiters = named(waits.map(({ bot }) => bot));
  const all = inDoubt === 1 ? '' : 'all ';
  const settled = unsettled === 0 ? `${all}settled` : `${unsettled} of them not settled`;
  const wrong = broken.filter(({ what }) => what !== 'ledger').length;
  const posts = counted(posted, 'post');
  const order = wrong === 0 ? `once, in order: ${posts}` : `NO: wrong ${times(wrong)} in ${posts}`;
  const rows: (readonly [string, string, boolean?])[] = [
    ['every line', order],
    ['refrains', `${times(lines - posted)} joined with the line after it`, lines > posted],
    ['', `${times(passedOver)} skipped`, passedOver > 0],
    ['late', latenessOf(report)],
    ['slots missed', missed === 0 ? 'none' : `${number(missed)}: they passed while a bot had to wait`],
    ['refused', refused === 0 ? 'none' : `${number(refused)}: ${namesAndCounts(refusals)}`],
    ['in doubt', inDoubt === 0 ? 'none' : `${number(inDoubt)}, ${settled}`],
    ['budget', `${waiters} waited for it, ${times(allWaits)} in all`, waits.length > 0],
    ['cost', costOf(report)],
    ['faults', namesAndCounts(faults.drawn), faults.rate > 0],
  ];
  return rows.filter(([, , isThere = true]) => isThere).map(([name, text]) => [name, text] as const);
}

function latenessOf({ late, spread }: Report): string {
  if (!late) return 'nothing was posted';
  const spreads = spread === 0 ? '' : `\nnot counting the spread of up to ${duration(spread)}`;
  if (late.max === 0) return `no post${spreads}`;
  const within = (ms: number): string => (ms === 0 ? 'at once' : `within ${duration(ms)}`);
  return `half ${within(late.p50)}, 99 % ${within(late.p99)}\nat most ${duration(late.max)}${spreads}`;
}

function costOf({ usd, bill, faults }: Report): string {
  const cost = showUsd(inMicros(usd));
  const more = inMicros(bill) - inMicros(usd);
  if (more === 0) return `${cost}; the sandbox's bill agrees`;
  const lost = faults.rate > 0 ? ', because answers got lost' : '';
  return `${cost}; the sandbox bills ${showUsd(Math.abs(more))} ${more > 0 ? 'more' : 'less'}${lost}`;
}

function table(bots: Report['bots']): string[] {
  const shown = bots.length > maxBots ? bots.filter(({ state }) => stateOf(state).name !== 'posting') : bots;
  const isMixed = bots.some(({ network }) => network !== 'x');
  const at = (network: string): string[] => (isMixed ? [network] : []);
  const rows = [
    ['bot', ...at('network'), 'posts', 'refused', 'in doubt', 'cost', 'state'],
    ...shown.map(({ bot, network, posted, refused, inDoubt, usd: cost, state }) => [
      bot,
      ...at(networks[network].title),
      number(posted),
      number(refused),
      number(inDoubt),
      showUsd(inMicros(cost)),
      stateOf(state).name,
    ]),
  ];
  const left = bots.length - shown.length;
  return [
    ...(shown.length > 0 ? tableLines(rows, { right: isMixed ? [2, 3, 4, 5] : [1, 2, 3, 4] }) : []),
    ...(left > 0 ? [`${counted(left, 'bot')} more are posting; --json has every one`] : []),
  ];
}

/** What keeps bots from posting at the end, once for all bots that it concerns. */
function troublesOf(bots: Report['bots']): string[] {
  const troubles = bots.flatMap(({ bot, state, why, hint }) =>
    why === undefined ? [] : [{ bot, text: `${stateOf(state).name} at the end: ${why}`, hint }],
  );
  return saidOnce(troubles).flatMap(({ bots: names, text, hint }) =>
    withHint(`${named(names)}: ${text}`, hint),
  );
}

const withHint = (text: string, hint?: string): string[] =>
  hint === undefined ? [text] : [text, `hint: ${hint}`];

/** The maximum number of broken promises that are shown: a poem that goes wrong goes wrong often. */
const maxBroken = 12;

function brokenOf(broken: Report['broken']): string[] {
  const shown = broken.slice(0, maxBroken).map(describeBroken);
  const others = broken.length - shown.length;
  return others > 0 ? [...shown, `and ${number(others)} more: --json has every one`] : shown;
}

function describeBroken(broken: Report['broken'][number]): string {
  const { bot } = broken;
  switch (broken.what) {
    case 'twice':
      return `${bot}: line ${broken.line} was posted once too often, at ${minutes(broken.at)}`;
    case 'skipped':
      return `${bot}: line ${broken.line} was left out, before ${minutes(broken.at)}`;
    case 'strange':
      return `${bot}: the post at ${minutes(broken.at)} is not line ${broken.line}, which was due`;
    case 'ledger':
      return `${bot}: the ledger says ${broken.says}`;
  }
}

const block = (lines: string[]): string[] => (lines.length === 0 ? [] : ['', ...lines]);

/** `duplicate 18, wait 12` */
const namesAndCounts = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(', ') || 'none';
