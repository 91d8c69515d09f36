import { wrapAnsi } from 'fast-wrap-ansi';
import { inMicros, showUsdAlike } from '../cost.ts';
import { tableLines } from '../text.ts';
import type { ClockChange, Outcome } from './clock-changes.ts';
import type { Broken, Report } from './audit.ts';

/** A number as people write it, and what there are so many of: `1 bot`, `14,600 posts`. */
const count = (number: number, thing = ''): string =>
  `${number.toLocaleString('en-US')}${thing === '' ? '' : ` ${thing}${number === 1 ? '' : 's'}`}`;

/** How often: `never`, `once`, `twice`, `3 times`. */
export const times = (number: number): string =>
  ['never', 'once', 'twice'][number] ?? `${count(number)} times`;

/** A few names: `howl, prowl and 3 more`. */
export function listed(names: readonly string[]): string {
  const [first = '', second] = names;
  if (second === undefined) return first;
  return names.length === 2 ? `${first} and ${second}` : `${first}, ${second} and ${names.length - 2} more`;
}

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
  const first = parts.findIndex(([number]) => number > 0);
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(' ');
}

/** An instant in ISO 8601, to the minute, in UTC. */
const minutes = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)}`;

/** What became of the slots in the hours that clocks skipped or showed twice, as a person reads it. */
export function showClockChanges(changes: readonly ClockChange[]): string[] {
  if (changes.length === 0) return [];
  const felt = changes.filter(({ bots }) => bots.length > 0);
  const others = changes.length - felt.length;
  const rest =
    felt.length === 0 ? 'no slot falls into any of them' : `no slot falls into ${count(others)} of them`;
  return [
    `${count(changes.length, 'clock change')} in the zones of the flock${others > 0 ? `; ${rest}` : ''}`,
    ...felt.flatMap(showChange),
  ];
}

function showChange({ at, timezone, from, to, by, bots }: ClockChange): string[] {
  const groups = new Map<string, string[]>();
  for (const bot of bots) {
    const said = describeClockChange(bot, by > 0);
    groups.set(said, [...(groups.get(said) ?? []), bot.bot]);
  }
  return [
    `${at.slice(0, 10)} ${timezone} ${from} → ${to}`,
    ...Array.from(groups, ([said, names]) => `  ${listed(names)}: ${said}`),
  ];
}

function describeClockChange({ times: due, everyHour, posted }: Outcome, isForward: boolean): string {
  const made = posted.length === 0 ? 'not posted' : `posted ${times(posted.length)}`;
  if (everyHour)
    return isForward ? 'posts every hour, and goes on' : `posts every hour; ${made} in these two`;
  const [first = ''] = due;
  const what = due.length === 1 ? first : `${first} and ${count(due.length - 1)} more`;
  const comes = due.length === 1 ? 'comes' : 'come';
  if (!isForward) return `${what} ${comes} twice; ${made}`;
  const where = posted.length === 0 ? 'not posted' : 'posted once, right after the gap';
  return `${what} ${due.length === 1 ? 'does' : 'do'} not come; ${where}`;
}

/** The width of the first column. Characters. */
const label = 13;

/** A flock of more than so many is not listed bot by bot; only those that are not fine. */
const maxBots = 60;

/**
 * A report as a person reads it, line by line; an empty line is one.
 *
 * @param seconds - how long the rehearsal took
 * @param columns - how wide the terminal is
 */
export function showReport(report: Report, seconds: number, columns: number): string[] {
  const { bots, days, from, until } = report;
  const usd = showUsdAlike([report.bill, ...bots.map((bot) => bot.usd)].map(inMicros));
  const row = ([name, text]: readonly [string, string]): string[] =>
    wrapAnsi(text, Math.max(20, columns - label))
      .split('\n')
      .map((line, index) => (index === 0 ? name.padEnd(label) : ' '.repeat(label)) + line);
  return [
    `${count(days, 'day')} of ${count(bots.length, 'bot')}, from ${minutes(from)} to ${minutes(until)} UTC, in ${seconds.toFixed(1)} s`,
    '',
    ...rowsOf(report, usd).flatMap(row),
    '',
    ...table(bots, usd),
    ...block(showClockChanges(report.clockChanges)),
    ...block(troublesOf(bots)),
    ...block(report.leftOut.flatMap(({ bot, why, hint }) => told(`${bot} is left out: ${why}`, hint))),
    ...block(brokenOf(report.broken)),
  ];
}

/** In a word what it came to. */
export const verdictOf = ({ kept }: Report): string =>
  kept ? 'All as promised.' : 'Not all is as it should be: see above.';

function rowsOf(report: Report, usd: Shown): (readonly [name: string, text: string])[] {
  const { posted, lines, passedOver, broken, late, spread, missed, inDoubt, unsettled, refused, faults } =
    report;
  const waits = report.bots.filter(({ budgetWaits }) => budgetWaits > 0);
  const settled = unsettled === 0 ? 'settled' : `${unsettled} of them not settled`;
  const wrong = broken.filter(({ what }) => what !== 'ledger').length;
  const rows: (readonly [string, string, boolean?])[] = [
    [
      'every line',
      wrong === 0
        ? `once, in order: ${count(posted, 'post')}`
        : `NO: wrong ${times(wrong)} in ${count(posted, 'post')}`,
    ],
    ['refrains', `${times(lines - posted)} joined with the line after it`, lines > posted],
    ['', `${times(passedOver)} let go`, passedOver > 0],
    ['late', late ? latenessWords(late, spread) : 'nothing was posted'],
    ['slots missed', missed === 0 ? 'none' : `${count(missed)}: their time passed while a bot had to wait`],
    ['refused', refused === 0 ? 'none' : `${count(refused)}: ${counted(report.refusals)}`],
    [
      'in doubt',
      inDoubt === 0 ? 'none' : `${count(inDoubt)}, ${inDoubt === 1 || unsettled > 0 ? '' : 'all '}${settled}`,
    ],
    [
      'budget',
      `${listed(waits.map(({ bot }) => bot))} waited for it, ${times(sum(waits))} in all`,
      waits.length > 0,
    ],
    ['cost', costOf(report, usd)],
    ['faults', counted(faults.drawn), faults.rate > 0],
  ];
  return rows.filter(([, , isThere = true]) => isThere).map(([name, text]) => [name, text] as const);
}

function latenessWords({ p50, p99, max }: NonNullable<Report['late']>, spread: number): string {
  const spreads = spread === 0 ? '' : `\nbeside the spread, which is up to ${duration(spread)}`;
  if (max === 0) return `no post${spreads}`;
  const within = (ms: number): string => (ms === 0 ? 'at once' : `within ${duration(ms)}`);
  return `half ${within(p50)}, 99 % ${within(p99)}\nat most ${duration(max)}${spreads}`;
}

/** How a sum of micros is shown. */
type Shown = (micros: number) => string;

function costOf({ usd, bill, faults }: Report, shown: Shown): string {
  const cost = shown(inMicros(usd));
  const more = inMicros(bill) - inMicros(usd);
  if (more === 0) return `${cost}; the sandbox's bill agrees`;
  const lost = faults.rate > 0 ? ', since answers got lost' : '';
  return `${cost}; the sandbox bills ${shown(Math.abs(more))} ${more > 0 ? 'more' : 'less'}${lost}`;
}

function table(bots: Report['bots'], usd: Shown): string[] {
  const listed = bots.length > maxBots ? bots.filter(({ state }) => state !== 'fine') : bots;
  const rows = [
    ['bot', 'posts', 'refused', 'in doubt', 'cost', 'state'],
    ...listed.map((bot) => [
      bot.bot,
      count(bot.posted),
      count(bot.refused),
      count(bot.inDoubt),
      usd(inMicros(bot.usd)),
      bot.state,
    ]),
  ];
  const shown = tableLines(rows, { right: [1, 2, 3, 4] });
  if (listed.length === bots.length) return shown;
  const others = `${count(bots.length - listed.length, 'bot')} more are fine; --json has every one`;
  return listed.length === 0 ? [others] : [...shown, others];
}

/** What is the matter, once for all bots with the same trouble. */
function troublesOf(bots: Report['bots']): string[] {
  const groups = new Map<string, { bots: string[]; first: Report['bots'][number] }>();
  for (const bot of bots) {
    if (bot.why === undefined) continue;
    const key = JSON.stringify([bot.state, bot.why, bot.hint]);
    const group = groups.get(key) ?? { bots: [], first: bot };
    groups.set(key, group);
    group.bots.push(bot.bot);
  }
  return [...groups.values()].flatMap(({ bots: names, first: { state, why = '', hint } }) =>
    told(`${listed(names)} ${names.length === 1 ? 'is' : 'are'} ${state} at the end: ${why}`, hint),
  );
}

const told = (what: string, hint: string | undefined): string[] =>
  hint === undefined ? [what] : [what, `hint: ${hint}`];

/** A poem that goes wrong goes wrong often. */
const maxBroken = 12;

function brokenOf(broken: readonly Broken[]): string[] {
  const shown = broken.slice(0, maxBroken).map(describeBroken);
  const others = broken.length - shown.length;
  return others > 0 ? [...shown, `and ${count(others)} more: --json has every one`] : shown;
}

function describeBroken(broken: Broken): string {
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
const counted = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, times]) => `${name} ${count(times)}`)
    .join(', ') || 'none';
const sum = (bots: Report['bots']): number => bots.reduce((all, { budgetWaits }) => all + budgetWaits, 0);
