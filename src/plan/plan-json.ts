import { inUsd } from '../cost.ts';
import type { Flock } from '../flock/load.ts';
import { notesOf, notesOfFlock } from './bot-words.ts';
import { type BotPlan, type FlockPlan, microsPerMonth, sumOf } from './flock-plan.ts';
import { describeExcess, type Excess } from './limit-watch.ts';
import { xLimits } from './limits.ts';
import type { PredictedPost } from './predicted.ts';

/** A plan for programs, part by part: a large flock has millions of posts, and none of them is kept. */
export function* planAsJson(
  plan: FlockPlan,
  misfits: Flock['misfits'],
  passedOver: Flock['passedOver'] = [],
): Generator<string> {
  const { span, purse } = plan;
  const { version, date } = purse.prices;
  yield `{\n  "from": "${iso(span.from)}",\n  "until": "${iso(span.until)}",\n`;
  yield `  "prices": ${JSON.stringify({ version, date })},\n  "posts": `;
  yield* list(plan.posts(), postAsJson);
  const bots = plan.bots();
  yield ',\n  "bots": ';
  yield* list(bots, (bot) => botAsJson(bot, plan));
  yield ',\n  "unfit": ';
  yield* list(misfits, ({ bot, error: { message, hint } }) => ({ bot, why: message, hint }));
  yield ',\n  "passedOver": ';
  yield* list(passedOver, ({ file, why, hint }) => ({ file, why, hint }));
  const sums = {
    usd: inUsd(sumOf(bots, ({ micros }) => micros)),
    usdPerMonth: inUsd(microsPerMonth(bots, purse.budget.usdPerMonth)),
    usdToEnd: inUsd(sumOf(bots, ({ microsToEnd }) => microsToEnd)),
    budget: purse.budget,
    timezone: purse.timezone,
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
    hasKey: bot.hasKey,
    file: bot.file,
    schedule,
    timezone,
    state: standing.condition,
    posts,
    mostInDay,
    next: next === undefined ? null : iso(next),
    lines: bot.texts.length,
    linesLeft,
    ends: end === undefined ? null : iso(end.at),
    ...(end?.about === true && { endsAbout: true }),
    loops: atEnd === 'loop',
    daysOfPass: every === undefined ? null : Math.round((every * bot.texts.length) / 8_640_000) / 10,
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

const iso = (instant: number): string => new Date(instant).toISOString();
