import type { Bot } from '../flock/load.ts';
import type { RecentPost } from '../ledger/history.ts';
import { type Line, linesOf } from '../poems/poem.ts';
import { withoutControls } from '../poems/tweet-text.ts';
import { allSplits, fingerprint } from '../posting/cursor.ts';

/** A poem in which a post was not found is not read for it again before this has passed. Milliseconds. */
const patience = 60_000;

/**
 * The texts of the last posts. The ledger has their fingerprints alone; the poem has them still. A text that was found is kept,
 * so a poem is read once for each new post that is to be shown, and an edit does not change what was posted.
 */
export class PostTexts {
  readonly #readPoem: (file: string) => Promise<string>;
  #found = new Map<string, string>();
  #missed = new Map<string, number>();

  constructor(readPoem: (file: string) => Promise<string>) {
    this.#readPoem = readPoem;
  }

  textOf = (post: RecentPost): string | undefined => this.#found.get(nameOf(post));

  /** Looks for the texts of posts that are to be shown. @param now - milliseconds, on any clock */
  async find(posts: readonly RecentPost[], bots: readonly Bot[], now: number): Promise<void> {
    const shown = new Set(posts.map(nameOf));
    this.#found = new Map([...this.#found].filter(([name]) => shown.has(name)));
    this.#missed = new Map([...this.#missed].filter(([name, at]) => shown.has(name) && now - at < patience));
    const wanted = posts.filter((post) => !this.#found.has(nameOf(post)) && !this.#missed.has(nameOf(post)));
    if (wanted.length === 0) return;
    const names = new Set(wanted.map(({ bot }) => bot));
    const named = new Map<string, Bot>();
    for (const bot of bots) if (names.has(bot.name)) named.set(bot.name, bot);
    for (const bot of names) {
      const own = wanted.filter((post) => post.bot === bot);
      const lines = await this.#linesOf(named.get(bot));
      for (const post of own) {
        const text = findIn(lines, post) ?? findIn(allSplits(lines), post);
        if (text === undefined) this.#missed.set(nameOf(post), now);
        else this.#found.set(nameOf(post), text);
      }
    }
  }

  async #linesOf(bot: Bot | undefined): Promise<readonly Line[]> {
    if (!bot) return [];
    try {
      return await linesOf(bot.poemFile, bot.settings.unit, this.#readPoem);
    } catch {
      // What is wrong with the poem is told of its bot.
      return [];
    }
  }
}

const nameOf = ({ bot, print, lines }: RecentPost): string => `${bot} ${lines} ${print}`;

/** The text where it was, or wherever an edit has moved it. */
function findIn(poem: readonly Line[], { line, lines, print }: RecentPost): string | undefined {
  const textAt = (place: number): string =>
    withoutControls(
      poem
        .slice(place, place + lines)
        .map(({ text }) => text)
        .join('\n'),
    );
  const isIt = (place: number): boolean => fingerprint(textAt(place)) === print;
  if (poem.length === 0) return undefined;
  if (isIt(line)) return textAt(line);
  const place = poem.findIndex((_, index) => isIt(index));
  return place < 0 ? undefined : textAt(place);
}
