import type { BotPlan } from './flock-plan.ts';
import { localTime } from './local-time.ts';
import type { PredictedPost } from './predicted.ts';
import { count, cut, heading, line, type Room, type ShownLine } from './shown-line.ts';

/** The posts of each bot that are shown, and how many there are besides. */
export class Calendar {
  readonly #room: Room;
  readonly #most: number;
  readonly #posts = new Map<string, { shown: PredictedPost[]; more: number }>();

  /** @param bots - how many there are, which share the room */
  constructor(room: Room, bots: number) {
    this.#room = room;
    this.#most = isShort(room) ? Math.max(leastPosts, Math.floor(mostPosts / Math.max(1, bots))) : Infinity;
  }

  add(post: PredictedPost): void {
    const known = this.#posts.get(post.bot) ?? { shown: [], more: 0 };
    this.#posts.set(post.bot, known);
    if (known.shown.length < this.#most) known.shown.push(post);
    else known.more++;
  }

  /** Each bot's posts in its zone, day by day. */
  *lines(plans: readonly BotPlan[]): Generator<ShownLine> {
    const posting = plans.filter(({ bot }) => this.#posts.has(bot.name));
    const shown = isShort(this.#room) ? posting.slice(0, mostBots) : posting;
    for (const plan of shown) {
      yield line();
      yield* this.#ofBot(plan);
    }
    const more = posting.length - shown.length;
    if (more === 0) return;
    yield line();
    yield line(`… and ${count(more, 'more bot')}: --bot NAME shows one of them`);
  }

  *#ofBot({ bot }: BotPlan): Generator<ShownLine> {
    const { timezone, schedule } = bot.settings;
    const { shown, more } = this.#posts.get(bot.name) ?? { shown: [], more: 0 };
    // A schedule of six fields is one that has seconds.
    const withSeconds = schedule.trim().split(/\s+/).length > 5;
    const numbers = shown.map(numberOf);
    const width = Math.max(...numbers.map(({ length }) => length));
    yield heading(`${bot.name}, in ${timezone}`);
    let today = '';
    for (const [index, post] of shown.entries()) {
      const { weekday, date, time } = localTime(post.at, timezone, withSeconds);
      const day = date === today ? '' : `${weekday} ${date}`;
      today = date;
      const start = `  ${day.padEnd(14)}  ${time}  ${(numbers[index] ?? '').padStart(width)}  `;
      const { columns } = this.#room;
      const text = inOneLine(post.text);
      yield line(start + (columns === undefined ? text : cut(text, Math.max(10, columns - start.length))));
    }
    if (more > 0) yield line(`  … and ${count(more, 'more post')}`);
  }
}

/** What a terminal shows of a calendar without being asked for all of it. */
const mostPosts = 40;
const leastPosts = 3;
const mostBots = 20;

const isShort = ({ columns, whole }: Room): boolean => columns !== undefined && !whole;

/** `14`, or for a refrain that is joined with what follows it `14-15` */
const numberOf = ({ line: first, lines }: PredictedPost): string =>
  lines === 1 ? `${first + 1}` : `${first + 1}-${first + lines}`;

const inOneLine = (text: string): string => text.replaceAll('\n', ' / ').replaceAll('\t', ' ');
