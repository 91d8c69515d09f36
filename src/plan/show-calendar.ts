import { asKept } from '../poems/tweet-text.ts';
import { localTime } from '../text.ts';
import type { BotPlan } from './flock-plan.ts';
import type { PredictedPost } from './predicted.ts';
import { count, cut, heading, line, type Room, type ShownLine } from './shown-line.ts';

/** What is shown of a calendar without being asked for all of it. */
const mostPosts = 3;
const mostLines = 40;

/** The posts of each bot, or the first few of them. */
export class Calendar {
  readonly #room: Room;
  readonly #posts = new Map<string, PredictedPost[]>();
  #all = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  add(post: PredictedPost): void {
    const known = this.#posts.get(post.bot);
    if (!known) this.#posts.set(post.bot, [post]);
    else if (this.#room.calendar || known.length < mostPosts) known.push(post);
    this.#all++;
  }

  /** Each bot's posts in its zone, day by day. */
  *lines(plans: readonly BotPlan[]): Generator<ShownLine> {
    const posting = plans.filter(({ bot }) => this.#posts.has(bot.name));
    const { bots, posts } = this.#share(posting.length);
    let left = this.#all;
    for (const plan of posting.slice(0, bots)) {
      const shown = (this.#posts.get(plan.bot.name) ?? []).slice(0, posts);
      left -= shown.length;
      yield line();
      yield* this.#ofBot(plan, shown);
    }
    if (left === 0) return;
    yield line();
    yield line(`… and ${count(left, 'more post')}: --calendar shows all, --bot NAME those of one bot`);
  }

  /** How many bots are shown with how many posts each, where each has two lines besides. */
  #share(posting: number): { bots: number; posts: number } {
    if (this.#room.calendar) return { bots: Infinity, posts: Infinity };
    const posts = Math.max(1, Math.min(mostPosts, Math.floor(mostLines / posting) - 2));
    return { bots: Math.floor(mostLines / (posts + 2)), posts };
  }

  *#ofBot({ bot }: BotPlan, shown: readonly PredictedPost[]): Generator<ShownLine> {
    const { timezone, schedule } = bot.settings;
    // A schedule of six fields is one that has seconds.
    const withSeconds = schedule.trim().split(/\s+/).length > 5;
    const width = shown.reduce((most, post) => Math.max(most, numberOf(post).length), 0);
    yield heading(`${bot.name}, in ${timezone}`);
    let today = '';
    for (const post of shown) {
      const { weekday, date, time } = localTime(post.at, timezone, withSeconds);
      const day = date === today ? '' : `${weekday} ${date}`;
      today = date;
      const start = `  ${day.padEnd(14)}  ${time}  ${numberOf(post).padStart(width)}  `;
      const { columns } = this.#room;
      const text = inOneLine(asKept(post.text));
      yield line(start + (columns === undefined ? text : cut(text, Math.max(10, columns - start.length))));
    }
  }
}

/** `14`, or for a refrain that is joined with what follows it `14-15` */
const numberOf = ({ line: first, lines }: PredictedPost): string =>
  lines === 1 ? `${first + 1}` : `${first + 1}-${first + lines}`;

const inOneLine = (text: string): string => text.replaceAll('\n', ' / ').replaceAll('\t', ' ');
