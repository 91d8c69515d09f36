import { inMicros, showUsd } from '../cost.ts';
import type { Flock } from '../flock/load.ts';
import { passedOverShown } from '../poems/find.ts';
import { showDate } from '../text.ts';
import { type Note, notesOf, notesOfFlock } from './bot-words.ts';
import { type FlockPlan, microsPerMonth, sumOf } from './flock-plan.ts';
import { describeExcess } from './limit-watch.ts';
import { xLimits } from './limits.ts';
import { describeLints, groupedLints } from './lint-words.ts';
import { showBots } from './show-bots.ts';
import { Calendar } from './show-calendar.ts';
import { count, heading, line, type Room, type ShownLine } from './shown-line.ts';

/** Who posts nothing though there is something of them, and what the poems folder holds that is read by nobody. */
export type LeftOut = Pick<Flock, 'misfits' | 'passedOver'>;

/** A plan for people: what it comes to, what to look at, and then what each bot posts when. */
export function* showPlan(plan: FlockPlan, leftOut: LeftOut, room: Room): Generator<ShownLine> {
  if (plan.chosen.length === 0) yield* showLeftOut(leftOut);
  else yield* showChosen(plan, leftOut, room);
}

function* showChosen(plan: FlockPlan, leftOut: LeftOut, room: Room): Generator<ShownLine> {
  const calendar = new Calendar(room);
  for (const post of plan.posts()) calendar.add(post);
  yield* showSums(plan);
  yield* section('Needs attention', all(showLeftOut(leftOut), showNotes(plan, room), showIgnored(leftOut)));
  yield* section("X's limits", showLimits(plan, room));
  yield* section('In the poems', showLints(plan, room));
  yield* section('The bots', showBots(plan.bots(), room));
  yield* calendar.lines(plan.bots());
}

function* section(title: string, lines: Iterable<ShownLine>): Generator<ShownLine> {
  let isFirst = true;
  for (const shown of lines) {
    if (isFirst) {
      yield line();
      yield heading(title);
    }
    isFirst = false;
    yield shown;
  }
}

function* all(...parts: Iterable<ShownLine>[]): Generator<ShownLine> {
  for (const part of parts) yield* part;
}

function* showSums(plan: FlockPlan): Generator<ShownLine> {
  const { span, purse } = plan;
  const bots = plan.bots();
  const [from, until] = [showDate(span.from, purse.timezone), showDate(span.until, purse.timezone)];
  const posts = sumOf(bots, (outlook) => outlook.posts);
  const cost = showUsd(sumOf(bots, ({ micros }) => micros));
  yield heading(`${from} to ${until}: ${count(posts, 'post')} of ${count(bots.length, 'bot')}, ${cost}`);
  const month = showUsd(microsPerMonth(bots, purse.budget.usdPerMonth));
  const free = plan.monthWithoutBudget();
  const capped = free === undefined ? '' : `, capped by the flock's budget (without it ${showUsd(free)})`;
  const toEnd = showUsd(sumOf(bots, ({ microsToEnd }) => microsToEnd));
  const { date, post, linkPost } = purse.prices;
  const prices = `${showUsd(inMicros(post))} a post, ${showUsd(inMicros(linkPost))} with a link`;
  yield line(
    `A month costs ${month}${capped}, all poems to their ends ${toEnd}, at X's prices of ${date} (${prices}).`,
  );
}

/** What keeps bots from posting, once for all that it keeps. */
function* showNotes(plan: FlockPlan, room: Room): Generator<ShownLine> {
  for (const { text, hint } of notesOfFlock(plan)) yield* told(text, hint);
  const groups = new Map<string, Note & { bots: string[] }>();
  for (const bot of plan.bots()) {
    for (const note of notesOf(bot, plan.span)) {
      const key = JSON.stringify(note);
      const group = groups.get(key) ?? { ...note, bots: [] };
      groups.set(key, group);
      group.bots.push(bot.bot.name);
    }
  }
  for (const { bots, text, hint } of groups.values()) yield* told(`${named(bots, room)}: ${text}`, hint);
}

function* showLeftOut({ misfits, passedOver }: LeftOut): Generator<ShownLine> {
  for (const { bot, error } of misfits) yield* told(`${bot} is unfit: ${error.message}`, error.hint);
  for (const { file, kind, why, hint } of passedOver)
    if (kind !== 'ignored') yield* told(`${file}: ${why}`, hint);
}

function* showIgnored({ passedOver }: LeftOut): Generator<ShownLine> {
  for (const { file, kind, why } of passedOverShown(passedOver))
    if (kind === 'ignored') yield line(`${file}: ${why}`);
}

function* told(text: string, hint: string | undefined): Generator<ShownLine> {
  yield line(text);
  if (hint !== undefined) yield line(`hint: ${hint}`);
}

function* showLimits(plan: FlockPlan, room: Room): Generator<ShownLine> {
  const most = plan.bots().reduce((highest, { mostInDay }) => Math.max(highest, mostInDay), 0);
  const { posts } = xLimits.limits['unverified-day'];
  const excesses = plan.excesses();
  if (excesses.length > 0) yield* shortened(excesses.map(describeExcess), room, 'more');
  else
    yield line(
      `All within them: no bot posts more than ${most} in 24 hours, of ${posts} without verification.`,
    );
}

/** Where it is, then what it is: `poems/howl.txt:12: night.It is a link to X: …` */
function* showLints(plan: FlockPlan, room: Room): Generator<ShownLine> {
  const shown = map(groupedLints(plan.lints()), describeLints);
  yield* shortened(shown, room, 'more: --bot NAME shows those of one bot, --json all');
}

/** What a terminal shows of a list that can be as long as a poem. */
const mostShown = 20;

function* shortened(texts: Iterable<string>, { columns, whole }: Room, rest: string): Generator<ShownLine> {
  const most = columns === undefined || whole ? Infinity : mostShown;
  let seen = 0;
  for (const text of texts) if (seen++ < most) yield line(text);
  if (seen > most) yield line(`… and ${(seen - most).toLocaleString('en-US')} ${rest}`);
}

function* map<T, U>(things: Iterable<T>, change: (thing: T) => U): Generator<U> {
  for (const thing of things) yield change(thing);
}

/** So many names a terminal shows. */
const mostNames = 3;

function named(bots: readonly string[], { columns, whole }: Room): string {
  const shown = columns === undefined || whole ? bots : bots.slice(0, mostNames);
  const more = bots.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}
