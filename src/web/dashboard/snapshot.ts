import { stat } from 'node:fs/promises';
import pMap from 'p-map';
import type { Clock } from '../../clock.ts';
import type { Bot } from '../../config/flock-file.ts';
import type { Daemon } from '../../daemon/daemon.ts';
import { LiveStatus, readBotFiles } from '../../daemon/read-status.ts';
import type { Flock } from '../../flock/load.ts';
import { type BotFiles, type PostPages, statusOfAll } from '../../flock/status.ts';
import { flockView, type FlockView, recentPosts } from '../../flock/view.ts';
import { fingerprint } from '../../ledger/cursor.ts';
import { FlockHistory, type RecentPost } from '../../ledger/history.ts';
import type { Ledger } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import type { EventLog } from '../../log.ts';
import { readPoem } from '../../poems/find.ts';
import { type Line, linesOf } from '../../poems/poem.ts';
import { withoutControls } from '../../poems/tweet-text.ts';
import { allSplits } from '../../posting/edits.ts';
import { EventLoopYield } from '../../yield.ts';
import { SlotForecast } from './forecast.ts';

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
export class BotFileCache {
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
    this.#unfit = await readBotFiles({ bots: [], invalidBots: flock.invalidBots });
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
    const [files] = await readBotFiles({ bots: [bot], invalidBots: [] });
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

/** A poem in which a post was not found is not read for it again before this has passed. Milliseconds. */
const retryMissed = 60_000;

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
    this.#missed = new Map(
      [...this.#missed].filter(([name, at]) => shown.has(name) && now - at < retryMissed),
    );
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

/** A view is built again no sooner than this after the last one. Milliseconds. */
const freshFor = 1000;

/** The next view waits so many times as long as the last one took to build, which keeps the processor free for posts. */
const pausePerBuild = 20;

/** Views of a running flock: one for all who ask, at most a second old, and none where nobody asks. */
export class SnapshotCache {
  readonly #parts: MonitorParts;
  readonly #files = new BotFileCache();
  readonly #status: LiveStatus;
  readonly #texts = new PostTexts(readPoem);
  readonly #forecast: SlotForecast;
  /** How long the last view took, without the turns of others. Milliseconds. */
  #took = 0;
  #newest: { at: number; fresh: number; view: Promise<FlockView> } | undefined;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
    this.#status = new LiveStatus(parts.ledger);
    this.#forecast = new SlotForecast(parts.clock);
  }

  /** The flock as it stands. */
  view(): Promise<FlockView> {
    const { clock } = this.#parts;
    const at = clock.elapsed();
    const newest = this.#newest;
    if (newest && at - newest.at < newest.fresh) return newest.view;
    const next = { at, fresh: Infinity, view: this.#read() };
    next.view.then(
      () => (next.fresh = Math.max(freshFor, this.#took * pausePerBuild)),
      () => (next.fresh = 0),
    );
    this.#newest = next;
    return next.view;
  }

  /** Something was done: the next view is a new one. */
  forget(): void {
    this.#newest = undefined;
  }

  /** Reads what is on the disk, then builds the view. */
  async #read(): Promise<FlockView> {
    const { flock: current, ledger, clock } = this.#parts;
    const { bots, purse } = current();
    const files = await this.#files.files(current());
    await this.#texts.find(recentPosts(ledger.history()), bots, clock.elapsed());
    await this.#forecast.count({ files, purse });
    this.#status.update(files);
    const turns = new EventLoopYield();
    const view = await this.#build(files, turns);
    this.#took = turns.worked;
    return view;
  }

  /** Everything in it is of one moment, though others have their turns before it is done. */
  async #build(files: readonly BotFiles[], turns: EventLoopYield): Promise<FlockView> {
    const { flock, ledger, clock, isStopped: stopped, version, pages } = this.#parts;
    const { purse, keyless: withoutKey } = flock();
    const keyless = withoutKey.map(({ name }) => name);
    const history = new FlockHistory(ledger.history().toJSON());
    const states = new Map(ledger.states());
    const isStopped = stopped();
    const now = clock.now();
    const { timezone } = purse;
    const { textOf } = this.#texts;
    const stateOf = (bot: string): BotState | undefined => states.get(bot);
    const moment = { history, purse, isStopped, now, pages };
    const all = statusOfAll(states.values(), moment);
    const status = { flock: all, bots: await turns.all(this.#status.each(moment, stateOf)) };
    const planned = await this.#forecast.planned(
      { ...moment, files, standing: status.bots, state: stateOf },
      turns,
    );
    const input = {
      now,
      version,
      timezone,
      status,
      files,
      keyless,
      stateOf,
      history,
      textOf,
      planned,
      pages,
    };
    return turns.through(flockView(input));
  }
}

/** What a running flockd shows of itself. Nothing here posts but by {@link Daemon.execute}. */
export interface MonitorParts {
  /** The flock as it was read last. */
  flock: () => Flock;
  ledger: Ledger;
  daemon: Pick<Daemon, 'stats' | 'overdue' | 'execute'>;
  clock: Clock;
  log: EventLog;
  /** By the stop switch. */
  isStopped: () => boolean;
  /** Where posts are seen. */
  pages: PostPages;
  /** The state folder, where the ledger and the stop switch are. */
  state: string;
  version: string;
}
