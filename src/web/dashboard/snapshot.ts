import { stat } from 'node:fs/promises';
import pMap from 'p-map';
import { Temporal } from 'temporal-polyfill';
import type { Clock } from '../../clock.ts';
import { type Bot, splitOf } from '../../config/flock-file.ts';
import { messageOf } from '../../errors.ts';
import type { Flock } from '../../flock/load.ts';
import {
  type BotFiles,
  type BotStatus,
  type FlockNow,
  type FlockStatus,
  invalidFiles,
  isCapped,
  maxRequest,
  type PostPages,
  readBotFiles,
  statusOf,
  statusOfAll,
  withoutPoem,
} from '../../flock/status.ts';
import { FlockHistory, type RecentPost } from '../../ledger/history.ts';
import type { Ledger } from '../../ledger/journal.ts';
import { type BotState, fingerprint } from '../../ledger/state.ts';
import type { EventLog } from '../../log.ts';
import type { NetworkName } from '../../networks/network.ts';
import { networkFor } from '../../networks/networks.ts';
import { readPoem } from '../../poems/find.ts';
import { type Line, linesOf } from '../../poems/poem.ts';
import { asKept, withoutControls } from '../../poems/tweet-text.ts';
import { unlimitedBudget } from '../../posting/budget.ts';
import { allSplits } from '../../posting/edits.ts';
import { keyCauses } from '../../posting/post.ts';
import { calendarEnds } from '../../schedule/schedule.ts';
import { iso, localTime } from '../../text.ts';
import { EventLoopYield } from '../../yield.ts';
import { shownDays, SlotForecast, type UpcomingPost, UpcomingToday } from './forecast.ts';

interface FlockDay {
  /** `2026-08-22` */
  day: string;
  /** Posts made, those in doubt included, and posts still to come. */
  posted: number;
  planned: number;
}

/** One bot as it stands. */
export interface BotView extends BotStatus {
  /** The page of its account, where that is known. */
  home: string | undefined;
  /** Since when a person has paused it, where one has. */
  pausedSince: string | undefined;
  /** Whether it is parked until a person gives it another key: nothing else lets it continue. */
  needsKey: boolean;
  /** Whether a budget, its own or the flock's, keeps it from posting now. */
  capped: boolean;
}

/** One of the last posts, as it reads where it was posted. */
interface PostView {
  bot: string;
  network: NetworkName | undefined;
  at: string;
  /** The first of its lines, counted from 1, and how many of them it has. */
  line: number;
  lines: number;
  /** Undefined where it is not in the poem any more. */
  text: string | undefined;
  /** Undefined where its id or its account is not known. */
  url: string | undefined;
}

/** A running flock at one moment. As in {@link FlockStatus}, instants are ISO 8601 and sums US dollars. */
export interface FlockView {
  now: string;
  version: string;
  /** Another text whenever anything in the ledger or the files has changed, which need not show in the rest of the view. */
  revision: string;
  /** Where the flock's days and months begin. */
  timezone: string;
  flock: FlockStatus;
  /** By name. */
  bots: BotView[];
  /** The names of those that have a poem and no key yet; they are not among the bots. */
  keyless: string[];
  /** From half a year back to two months ahead, oldest first. */
  days: FlockDay[];
  /** The last posts, newest first. */
  recent: PostView[];
  /** The next posts of the day, soonest first. */
  upcoming: UpcomingPost[];
}

const maxRecent = 40;

/** A view is built again no sooner than this after the last one. Milliseconds. */
const freshFor = 1000;

/** The next view waits this many times as long as the last one took to build, which keeps the processor free for posts. */
const pausePerBuild = 20;

/** A poem may be edited while nothing else happens, so those who watch get a view at least this often. Milliseconds. */
const maxAge = 60_000;

interface SnapshotOptions {
  ledger: Ledger;
  clock: Clock;
  log: EventLog;
  /** By the stop switch. */
  isStopped: () => boolean;
  /** Where posts are seen. */
  pages: PostPages;
  version: string;
}

const noBots = { bots: [], invalidBots: [], keyless: [], passedOver: [] };
const noFlock: Flock = { ...noBots, flockBudget: unlimitedBudget };

/**
 * The view of a running flock that the page, the metrics and the live view share. It is built where one of them asks and the
 * last one is a second old. Those who {@link watch} get another when something has changed or is due, and none otherwise.
 */
export class SnapshotCache {
  readonly #options: SnapshotOptions;
  readonly #files = new BotFileCache();
  readonly #texts = new PostTexts(readPoem);
  readonly #forecast: SlotForecast;
  readonly #upcoming = new UpcomingToday();
  readonly #watchers = new Set<(view: FlockView) => void>();
  #flock = noFlock;
  #changes = 0;
  #newest: Promise<FlockView> | undefined;
  /** Until when no other view is built, by the monotonic clock; Infinity while one is. */
  #freshUntil = 0;
  /** How long it took to build, without the time it yielded. Milliseconds. */
  #took = 0;
  /** When it changes by itself. Milliseconds since 1970. */
  #validUntil = 0;
  #timer: { instant: number; cancel: () => void } | undefined;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#forecast = new SlotForecast(options.clock);
  }

  /** A bot of the flock with its files, and what holds for the whole flock now. */
  sourcesOf(name: string) {
    const { ledger, clock, isStopped, pages } = this.#options;
    const { bots, flockBudget } = this.#flock;
    const history = new FlockHistory(ledger.history().toJSON());
    const bot = bots.find((one) => one.name === name);
    return {
      bot,
      state: ledger.state(name),
      history,
      flockBudget,
      isStopped: isStopped(),
      pages,
      now: clock.now(),
    };
  }

  /** Takes the flock as its files are now. */
  update(flock: Flock): void {
    this.#flock = flock;
    this.changed();
  }

  /** To be called when anything has changed: the ledger, the stop switch. */
  readonly changed = (): void => {
    this.#changes++;
    this.#wakeAt(this.#options.clock.now());
  };

  /** Logs an error in showing the flock, each once. */
  readonly failed = (error: unknown): void => {
    const reason = messageOf(error);
    this.#options.log
      .once('monitor', reason)
      .error({ event: 'monitor-failed', reason }, `cannot show the flock: ${reason}`);
  };

  /** Something was done for the one who asks next, so the next view is a new one. */
  forget(): void {
    this.#newest = undefined;
    this.#freshUntil = 0;
    this.changed();
  }

  /** The flock as it stands, at most a second old; older only where building takes long. */
  view(): Promise<FlockView> {
    const { clock } = this.#options;
    const began = clock.elapsed();
    if (this.#newest && began < this.#freshUntil) return this.#newest;
    const changes = this.#changes;
    const view = this.#build();
    this.#newest = view;
    this.#freshUntil = Infinity;
    const built = (pause: number): void => {
      if (this.#newest === view) this.#freshUntil = began + pause;
    };
    view.then(
      () => {
        built(Math.max(freshFor, this.#took * pausePerBuild));
        this.#wakeAt(changes === this.#changes ? this.#validUntil : clock.now());
      },
      () => built(0),
    );
    return view;
  }

  /** Gives a watcher a view now, and another after each change. @returns ends it */
  watch(show: (view: FlockView) => void): () => void {
    this.#watchers.add(show);
    this.#wakeAt(this.#options.clock.now());
    return () => {
      this.#watchers.delete(show);
      if (this.#watchers.size > 0) return;
      this.#timer?.cancel();
      this.#timer = undefined;
    };
  }

  /** Sets the timer for an instant, or for when the next view may be built if that is later. */
  #wakeAt(instant: number): void {
    const { clock } = this.#options;
    // A view that is being built sets the timer when it is done.
    if (this.#watchers.size === 0 || this.#freshUntil === Infinity) return;
    const earliest = Math.max(instant, clock.now() + this.#freshUntil - clock.elapsed());
    if (this.#timer && this.#timer.instant <= earliest) return;
    this.#timer?.cancel();
    this.#timer = { instant: earliest, cancel: clock.at(earliest, () => void this.#show()) };
  }

  async #show(): Promise<void> {
    this.#timer = undefined;
    try {
      const view = await this.view();
      for (const show of this.#watchers) show(view);
    } catch (error) {
      this.failed(error);
      this.#wakeAt(this.#options.clock.now() + freshFor);
    }
  }

  /** Everything in a view is of one moment, though others run before it is done. */
  async #build(): Promise<FlockView> {
    const { ledger, clock, isStopped, version, pages } = this.#options;
    const { bots: withKeys, flockBudget, keyless } = this.#flock;
    const files = await this.#files.files(this.#flock);
    const { timezone } = flockBudget;
    const revision = `${this.#changes}.${this.#files.changes}`;
    const history = new FlockHistory(ledger.history().toJSON());
    const states = new Map(ledger.states());
    const moment = { history, flockBudget, isStopped: isStopped(), now: clock.now(), pages };
    const { now } = moment;
    const flock = statusOfAll(states.values(), moment);
    const recent = history.recent().slice(0, maxRecent);
    await this.#texts.find(recent, withKeys, clock.elapsed());
    const turns = new EventLoopYield();
    const bots: BotView[] = [];
    for (const one of files) {
      bots.push(viewOf(one, states.get(one.bot), moment));
      if (turns.isOver) await turns.give();
    }
    const stateOf: StateOf = (bot) => states.get(bot);
    const planned = await this.#forecast.planned({ ...moment, files, standing: bots, stateOf }, turns);
    const upcoming = await this.#nextToday(bots, { ...moment, stateOf, files, flock });
    const byName = new Map<string, Bot>(withKeys.map((bot) => [bot.name, bot]));
    const isPartial = this.#files.isPartial || this.#forecast.isPartial;
    this.#validUntil = isPartial ? now : Math.min(now + maxAge, changesAt(bots, states, moment));
    this.#took = turns.worked;
    return {
      now: iso(now),
      version,
      revision,
      timezone,
      flock,
      bots,
      keyless: keyless.map(({ name }) => name),
      days: daysOf(history, { timezone, now, planned }),
      recent: recent.map((post) => {
        const bot = byName.get(post.bot);
        return {
          bot: post.bot,
          network: bot && networkFor(bot.bundle).name,
          at: iso(post.at),
          line: post.line + 1,
          lines: post.lines,
          text: this.#texts.textOf(post),
          url: urlOf(post, bot, pages),
        };
      }),
      upcoming,
    };
  }

  /** A bug in the prediction hides the posts of today, and nothing else. */
  async #nextToday(
    standing: readonly BotView[],
    {
      files,
      flock,
      ...moment
    }: FlockNow & { stateOf: StateOf; files: readonly BotFiles[]; flock: FlockStatus },
  ): Promise<UpcomingPost[]> {
    const botOf = (name: string): Bot | undefined => this.#flock.bots.find((bot) => bot.name === name);
    const poemOf = (name: string): unknown => files.find(({ bot }) => bot === name);
    const ends = Date.parse(flock.dayEnds);
    try {
      return await this.#upcoming.posts({ ...moment, botOf, standing, poemOf, ends });
    } catch (error) {
      this.failed(error);
      return [];
    }
  }
}

type StateOf = (bot: string) => BotState | undefined;

function viewOf(files: BotFiles, state: BotState | undefined, moment: FlockNow): BotView {
  const status = statusOf(files, state, moment);
  const canPost = status.state === 'fine' || status.state === 'waiting';
  return {
    ...status,
    home: files.key && moment.pages?.(files.key)?.account,
    pausedSince: state?.paused === undefined ? undefined : iso(state.paused),
    needsKey: status.state === 'parked' && keyCauses.has(state?.owed?.why ?? ''),
    capped: canPost && isCapped(files, state, moment),
  };
}

/** The page of a post. @param bot - where the flock has it still */
export const urlOf = ({ id }: RecentPost, bot: Bot | undefined, pages: PostPages): string | undefined =>
  id === undefined || !bot ? undefined : pages(bot.bundle)?.post(id);

/** When something of this changes though nothing happens: a wait, a day or a request is over. Milliseconds since 1970. */
function changesAt(
  bots: readonly BotStatus[],
  states: ReadonlyMap<string, BotState>,
  { now }: { now: number },
): number {
  let first = Infinity;
  for (const { bot, next, until, timezone } of bots) {
    const requestEnds = (states.get(bot)?.open?.at ?? Infinity) + maxRequest;
    const dayEnds = calendarEnds(timezone, now).day;
    for (const instant of [Date.parse(next ?? ''), Date.parse(until ?? ''), requestEnds, dayEnds])
      if (instant > now) first = Math.min(first, instant);
  }
  return first;
}

/** Every day that is shown, oldest first. @param planned - posts to come by day, today's included */
export function daysOf(
  history: Pick<FlockHistory, 'days'>,
  { timezone, now, planned }: { timezone: string; now: number; planned: ReadonlyMap<string, number> },
): FlockDay[] {
  const made = new Map<string, number>();
  for (const [ends, { posts }] of history.days.list()) {
    const day = localTime(ends - 1, timezone).date;
    // Where the zone was changed since, two days of the old calendar can be one of the new.
    made.set(day, (made.get(day) ?? 0) + posts);
  }
  const today = Temporal.PlainDate.from(localTime(now, timezone).date);
  return Array.from({ length: shownDays.past + shownDays.ahead + 1 }, (_, index) => {
    const day = today.add({ days: index - shownDays.past }).toString();
    const toCome = index < shownDays.past ? 0 : planned.get(day);
    return { day, posted: made.get(day) ?? 0, planned: toCome ?? 0 };
  });
}

/** Poems read at a time: posts need the few threads that read files more than a page does. */
const concurrency = 2;

const perTurn = 400;

/** What the files of a flock say of its bots. A poem is read again only when it has changed. */
export class BotFileCache {
  /** Whether poems are left to read: their bots have no lines until then. */
  isPartial = false;
  /** How often a poem was found to be another one than before. */
  changes = 0;
  #flock: Flock | undefined;
  /** By bot. `mark` tells the poem's file from what it was before; undefined before it is read. */
  #cache = new Map<string, { bot: Bot; mark: string | undefined; files: BotFiles }>();
  #turn = 0;

  /** What is known of every bot, by name. */
  async files(flock: Flock): Promise<readonly BotFiles[]> {
    const { bots, invalidBots } = flock;
    if (flock !== this.#flock) this.#update(flock);
    const due = Math.min(perTurn, bots.length);
    const turn = Array.from({ length: due }, (_, n) => bots[(this.#turn + n) % bots.length]);
    this.#turn = due === 0 ? 0 : (this.#turn + due) % bots.length;
    await pMap(turn, (bot) => bot && this.#check(bot), { concurrency });
    const cached = [...this.#cache.values()];
    this.isPartial = cached.some(({ mark }) => mark === undefined);
    return [...cached.map(({ files }) => files), ...invalidBots.map(invalidFiles)].sort((a, b) =>
      a.bot < b.bot ? -1 : 1,
    );
  }

  #update(flock: Flock): void {
    this.#flock = flock;
    this.#cache = new Map(
      flock.bots.map((bot) => {
        const known = this.#cache.get(bot.name);
        return [bot.name, known?.bot === bot ? known : { bot, mark: undefined, files: withoutPoem(bot) }];
      }),
    );
  }

  async #check(bot: Bot): Promise<void> {
    const mark = await markOf(bot.poemFile);
    if (this.#cache.get(bot.name)?.mark === mark) return;
    const files = await readBotFiles(bot);
    // There may be another flock meanwhile.
    if (this.#cache.get(bot.name)?.bot !== bot) return;
    this.#cache.set(bot.name, { bot, mark, files });
    this.changes++;
  }
}

const markOf = (file: string): Promise<string> =>
  stat(file).then(
    ({ mtimeMs, ctimeMs, size, ino }) => `${mtimeMs} ${ctimeMs} ${size} ${ino}`,
    () => 'none',
  );

/** A poem in which a post was not found is read again for it after this time. Milliseconds. */
const retryMissed = 60_000;

/**
 * The texts of the last posts. The ledger has only their fingerprints; the poem still has the texts. A text that was found is
 * kept, so a poem is read once for each new post, and an edit does not change what was posted.
 */
export class PostTexts {
  readonly #readPoem: (file: string) => Promise<string>;
  #found = new Map<string, string>();
  #missed = new Map<string, number>();

  constructor(readPoem: (file: string) => Promise<string>) {
    this.#readPoem = readPoem;
  }

  textOf = (post: RecentPost): string | undefined => this.#found.get(keyOf(post));

  /** Finds the texts of posts that are to be shown, and forgets all others. @param now - milliseconds, on any clock */
  async find(posts: readonly RecentPost[], bots: readonly Bot[], now: number): Promise<void> {
    const shown = new Set(posts.map(keyOf));
    this.#found = new Map([...this.#found].filter(([key]) => shown.has(key)));
    this.#missed = new Map([...this.#missed].filter(([key, at]) => shown.has(key) && now - at < retryMissed));
    const wanted = posts.filter((post) => !this.#found.has(keyOf(post)) && !this.#missed.has(keyOf(post)));
    for (const name of new Set(wanted.map(({ bot }) => bot))) {
      const bot = bots.find((one) => one.name === name);
      const lines = bot ? await this.#linesOf(bot) : [];
      const inLines = finderIn(lines);
      const inSplits = finderIn(bot ? allSplits(lines, bot.rules) : []);
      for (const post of wanted) {
        if (post.bot !== name) continue;
        const text = inLines(post) ?? inSplits(post);
        if (text === undefined) this.#missed.set(keyOf(post), now);
        else this.#found.set(keyOf(post), asKept(text));
      }
    }
  }

  #linesOf(bot: Bot): Promise<readonly Line[]> {
    // The status of the bot says what is wrong with the poem.
    return linesOf(bot.poemFile, splitOf(bot), this.#readPoem).catch(() => []);
  }
}

const keyOf = ({ bot, print, lines }: RecentPost): string => `${bot} ${lines} ${print}`;

/** Finds posts in a poem: where they were, or wherever an edit has moved them. */
function finderIn(poem: readonly Line[]): (post: RecentPost) => string | undefined {
  const textAt = (index: number, lines: number): string =>
    withoutControls(
      poem
        .slice(index, index + lines)
        .map(({ text }) => text)
        .join('\n'),
    );
  const printAt = (index: number, lines: number): string => fingerprint(textAt(index, lines));
  // By the number of lines of a post: each line of a poem is read once, however many posts are looked for.
  const known = new Map<number, Map<string, number>>();
  const placesOf = (lines: number): Map<string, number> => {
    const places = known.get(lines) ?? new Map(poem.map((_, n) => [printAt(n, lines), n] as const).reverse());
    known.set(lines, places);
    return places;
  };
  return ({ line, lines, print }) => {
    if (line < poem.length && printAt(line, lines) === print) return textAt(line, lines);
    const place = placesOf(lines).get(print);
    return place === undefined ? undefined : textAt(place, lines);
  };
}
