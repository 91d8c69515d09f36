import { inUsd } from '../cost.ts';
import { type BotPlan, type FlockPlan, microsPerMonth, sumOf } from './plan.ts';
import type { PredictedPost } from './predict.ts';
import { type LeftOut, notesOf, notesOfFlock } from './render-text.ts';
import { describeExcess, type Excess, xLimits } from './x-limits.ts';
import { iso } from '../text.ts';

/** A plan for programs, part by part: a large flock has millions of posts, and none of them is kept. */
export function* planAsJson(plan: FlockPlan, { invalidBots, passedOver }: LeftOut): Generator<string> {
  const { span, flockBudget } = plan;
  const { version, date } = flockBudget.prices;
  yield `{\n  "from": "${iso(span.from)}",\n  "until": "${iso(span.until)}",\n`;
  yield `  "prices": ${JSON.stringify({ version, date })},\n  "posts": `;
  yield* list(plan.posts(), postAsJson);
  const bots = plan.bots();
  yield ',\n  "bots": ';
  yield* list(bots, (bot) => botAsJson(bot, plan));
  yield ',\n  "unfit": ';
  yield* list(invalidBots, ({ bot, error: { message, hint } }) => ({ bot, why: message, hint }));
  yield ',\n  "passedOver": ';
  yield* list(passedOver, ({ file, why, hint }) => ({ file, why, hint }));
  const sums = {
    usd: inUsd(sumOf(bots, ({ micros }) => micros)),
    usdPerMonth: inUsd(microsPerMonth(bots, flockBudget.budget.usdPerMonth)),
    usdToEnd: inUsd(sumOf(bots, ({ microsToEnd }) => microsToEnd)),
    budget: flockBudget.budget,
    timezone: flockBudget.timezone,
    notes: notesOfFlock(plan),
  };
  for (const [name, value] of Object.entries(sums)) yield `,\n  "${name}": ${JSON.stringify(value)}`;
  yield ',\n  "lints": ';
  yield* list(plan.lints(), ({ code, bot, file, line, message }) => ({ code, bot, file, line, message }));
  yield ',\n  "limits": ';
  yield* list(plan.excesses(), excessAsJson);
  yield '\n}\n';
}

/** A list with one thing a line. */
function* list<T>(things: Iterable<T>, shown: (thing: T) => object): Generator<string> {
  let before = '[\n    ';
  for (const thing of things) {
    yield `${before}${JSON.stringify(shown(thing))}`;
    before = ',\n    ';
  }
  yield before.startsWith('[') ? '[]' : '\n  ]';
}

const postAsJson = ({ bot, at, line, lines, text, micros }: PredictedPost): object => ({
  bot,
  at: iso(at),
  line: line + 1,
  lines,
  text,
  usd: inUsd(micros),
});

function botAsJson(plan: BotPlan, { span }: FlockPlan): object {
  const { bot, outlook, standing, mostInDay } = plan;
  const { schedule, timezone, atEnd, budget } = bot.settings;
  const { posts, micros, linesLeft, microsToEnd, next, end, every } = outlook;
  return {
    bot: bot.name,
    account: bot.account ?? null,
    hasKey: bot.bundle !== undefined,
    file: bot.file,
    schedule,
    timezone,
    state: standing.condition,
    posts,
    mostInDay,
    next: next === undefined ? null : iso(next),
    lines: bot.lines.length,
    linesLeft,
    ends: end === undefined ? null : iso(end.at),
    ...(end?.about === true && { endsAbout: true }),
    loops: atEnd === 'loop',
    daysOfPass: every === undefined ? null : Math.round((every * bot.lines.length) / 8_640_000) / 10,
    usd: inUsd(micros),
    usdPerMonth: inUsd(outlook.microsPerMonth),
    usdToEnd: inUsd(microsToEnd),
    budget,
    notes: notesOf(plan, span),
  };
}

function excessAsJson(excess: Excess): object {
  const { limit, bots, peak } = excess;
  const { posts: allowed, within } = xLimits.limits[limit];
  const whose = limit === 'app' ? { bots } : { bot: bots[0] };
  const found = { allowed, minutes: within / 60_000, posts: peak.posts, until: iso(peak.at) };
  return { limit, ...whose, ...found, message: describeExcess(excess) };
}

/**
 * A plan for calendar programs, post by post, as an iCalendar.
 *
 * @param made - when it is made, in milliseconds since 1970
 * @see RFC 5545
 */
export function* planAsIcs(plan: FlockPlan, made: number): Generator<string> {
  const files = new Map<string, string>(plan.chosen.map(({ name, file }) => [name, file]));
  yield linesOf('BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//flockd//plan//EN', 'CALSCALE:GREGORIAN');
  for (const post of plan.posts()) yield formatEntry(post, files.get(post.bot) ?? '', made);
  yield linesOf('END:VCALENDAR');
}

/** A post as an entry of a calendar, at an instant without a duration. Bot and slot tell it from all others, whenever it is made. */
export function formatEntry(
  { bot, slot, at, text, line, lines }: Omit<PredictedPost, 'micros'>,
  file: string,
  made: number,
): string {
  const shown = lines === 1 ? `line ${line + 1}` : `lines ${line + 1} to ${line + lines}`;
  return linesOf(
    'BEGIN:VEVENT',
    `UID:${bot}-${slot}@flockd`,
    `DTSTAMP:${instant(made)}`,
    `DTSTART:${instant(at)}`,
    `SUMMARY:${escape(`${bot}: ${text}`)}`,
    `DESCRIPTION:${escape(`${shown} of ${file}`)}`,
    'TRANSP:TRANSPARENT',
    'END:VEVENT',
  );
}

const linesOf = (...lines: string[]): string => lines.map((line) => `${fold(line)}\r\n`).join('');

/** `20261121T090000Z` */
const instant = (milliseconds: number): string =>
  `${iso(milliseconds).slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** A text as a value. Control characters have no place in a calendar, but for the tab and the end of a line. */
const escape = (text: string): string =>
  text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r\n|[\r\n\u2028\u2029]/g, String.raw`\n`)
    .replaceAll(/(?!\t)\p{Cc}/gu, ' ');

/** A line may have so many octets, its end not counted; it goes on after a line break and a space. */
const maxOctets = 75;

function fold(line: string): string {
  let folded = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > maxOctets) {
      folded += '\r\n ';
      octets = 1;
    }
    folded += character;
    octets += size;
  }
  return folded;
}
