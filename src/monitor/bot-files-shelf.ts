import { stat } from 'node:fs/promises';
import pMap from 'p-map';
import type { Bot, Flock } from '../flock/load.ts';
import { readBotFiles } from '../flock/read-status.ts';
import type { BotFiles } from '../flock/status.ts';

interface Kept {
  bot: Bot;
  /** Tells the poem's file from what it was before; undefined where nobody has looked yet. */
  mark: string | undefined;
  files: BotFiles;
}

/** Reads at a time: posts need the few threads that read files more than a page does. */
const readers = 2;

/** So many poems are looked at each time, in turns; a large flock is gone through in a while. */
const inOneTurn = 400;

/** What the files of a flock say of its bots. A poem is read again only when it has changed. */
export class BotFilesShelf {
  #flock: Flock | undefined;
  #unfit: readonly BotFiles[] = [];
  #kept = new Map<string, Kept>();
  #turn = 0;
  #files: readonly BotFiles[] | undefined;

  /** What is known of every bot, by name: the same array as long as nothing is new. */
  async files(flock: Flock): Promise<readonly BotFiles[]> {
    if (flock !== this.#flock) await this.#take(flock);
    const { bots } = flock;
    const due = Math.min(inOneTurn, bots.length);
    const turn = Array.from({ length: due }, (_, n) => bots[(this.#turn + n) % bots.length]);
    this.#turn = due === 0 ? 0 : (this.#turn + due) % bots.length;
    await pMap(turn, (bot) => bot && this.#look(bot), { concurrency: readers });
    return (this.#files ??= [...Array.from(this.#kept.values(), ({ files }) => files), ...this.#unfit].sort(
      (a, b) => (a.bot < b.bot ? -1 : 1),
    ));
  }

  async #take(flock: Flock): Promise<void> {
    this.#flock = flock;
    this.#unfit = await readBotFiles({ bots: [], misfits: flock.misfits });
    this.#kept = new Map(
      flock.bots.map((bot) => {
        const known = this.#kept.get(bot.name);
        return [bot.name, known?.bot === bot ? known : { bot, mark: undefined, files: unread(bot) }];
      }),
    );
    this.#files = undefined;
  }

  async #look(bot: Bot): Promise<void> {
    const kept = this.#kept.get(bot.name);
    const mark = await markOf(bot.poemFile);
    if (kept?.mark === mark) return;
    const [files] = await readBotFiles({ bots: [bot], misfits: [] });
    // Another flock may have been taken up meanwhile.
    if (!files || this.#kept.get(bot.name)?.bot !== bot) return;
    this.#kept.set(bot.name, { bot, mark, files });
    this.#files = undefined;
  }
}

/** A bot whose poem nobody has looked at yet. */
const unread = ({ name: bot, bundle, settings, unopened }: Bot): BotFiles => ({
  bot,
  account: bundle.screenName,
  key: bundle,
  lines: 0,
  linked: new Set(),
  settings,
  unfit: undefined,
  unopened,
});

async function markOf(file: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch {
    return 'none';
  }
}
