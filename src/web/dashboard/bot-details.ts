import { attemptAsync, FlockError } from '../../errors.ts';
import { type BotSettings, splitOf, type Bot } from '../../config/flock-file.ts';
import { hasToPost, maxRequest } from '../../flock/status.ts';
import { madeAt } from '../../ledger/events.ts';
import type { RecentPost } from '../../ledger/history.ts';
import type { Change } from '../../ledger/journal.ts';
import { describeChange } from '../../ledger/log-events.ts';
import { type BotState, doneIn } from '../../ledger/state.ts';
import { placeOf } from '../../networks/networks.ts';
import { readPoem } from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { readingOf } from '../../posting/edits.ts';
import { offsetIn } from '../../schedule/schedule.ts';
import { iso, linesInWords } from '../../text.ts';
import { type BotView, type FlockView, PostTexts, type SnapshotCache, urlOf } from './snapshot.ts';
import { predictPosts, type UpcomingPost } from './forecast.ts';

/** A part of a poem. Lines are counted from 1. */
interface PoemPart {
  lines: { number: number; text: string; is: 'posted' | 'next' | 'to come' }[];
  /** How many lines the whole poem has. */
  of: number;
  /** With which line the parts before and after it begin, where there are any. */
  earlier: number | undefined;
  later: number | undefined;
}

/** Something that has happened to a bot. */
export interface HistoryEntry {
  at: string;
  level: 'info' | 'warn' | 'error';
  /** Without the bot's name: `posted line 3 of 14`. */
  message: string;
  /** Of a post. */
  text?: string | undefined;
  url?: string | undefined;
}

/** A post that nobody knows the outcome of. */
interface Doubt {
  /** Tells it from any other post in doubt. */
  name: string;
  at: string;
  line: number;
  lines: number;
  text: string | undefined;
}

/** One bot as its page shows it. */
export interface BotDetails {
  bot: BotView;
  /** Undefined where its bundle or its settings are wrong. */
  settings: BotSettings | undefined;
  /** How long after each slot it posts, by `spread`. Milliseconds. */
  offset: number;
  /** Undefined where it cannot be read. */
  poem: PoemPart | undefined;
  next: UpcomingPost[];
  /** Newest first. */
  history: HistoryEntry[];
  /** Since when everything is in the history; what was before is summed up in the ledger. Undefined where nothing was. */
  historyFrom: string | undefined;
  doubt: Doubt | undefined;
  /** The place of its account: `X`, `mastodon.social`. */
  key: { place: string; changed: string | undefined };
}

/** Where the details of a bot come from, besides the view of its flock. */
export interface DetailSources {
  snapshots: Pick<SnapshotCache, 'sourcesOf'>;
  /** What has happened to a bot, as the ledger still has it, oldest first. */
  changesOf: (bot: string) => Promise<Change[]>;
  /** When its key bundle was written. Milliseconds since 1970. */
  keyChanged: (bot: string) => Promise<number | undefined>;
}

/** The name of a post in doubt, which a form has to carry: it settles that post and no other. */
export const doubtName = (open: NonNullable<BotState['open']>): string => `${open.at}.${open.line}`;

const maxNext = 5;
const maxHistory = 40;

/** Longer than any schedule that a person would look at. */
const farAhead = 366 * 86_400_000;

/**
 * Reads what the page of a bot shows.
 *
 * @param from - the first line of the poem that is shown; by default a few before the bot's place
 * @returns undefined if the flock has no such bot
 */
export async function readDetails(
  { bots }: FlockView,
  name: string,
  { snapshots, changesOf, keyChanged }: DetailSources,
  from?: number,
): Promise<BotDetails | undefined> {
  const view = bots.find(({ bot }) => bot === name);
  if (!view) return undefined;
  const sources = snapshots.sourcesOf(name);
  const { bot, state, isStopped, ...moment } = sources;
  const settings = bot?.settings;
  const stateOf = (): BotState | undefined => state;
  const canPost = bot && !isStopped && hasToPost(view.state);
  const bounds = { max: maxNext, until: moment.now + farAhead };
  const changed = await keyChanged(name);
  return {
    bot: view,
    settings,
    offset: settings ? offsetIn(settings.spread, name) : 0,
    poem: bot && (await partOf(bot, state, from)),
    next: canPost ? await predictPosts([bot], { ...moment, stateOf }, bounds) : [],
    ...(await pastOf(view, await changesOf(name), sources)),
    key: { place: placeOf(bot?.bundle ?? {}), changed: changed === undefined ? undefined : iso(changed) },
  };
}

/** What has happened to a bot, and the post that it does not know the outcome of. */
async function pastOf(
  { bot: name }: BotView,
  changes: readonly Change[],
  { bot, state, history, pages, now }: ReturnType<SnapshotCache['sourcesOf']>,
): Promise<Pick<BotDetails, 'history' | 'historyFrom' | 'doubt'>> {
  const told = changes
    .toReversed()
    .flatMap((change) => entryOf(change, name))
    .slice(0, maxHistory);
  // Posts from before the journal was compacted.
  const first = changes[0]?.event.at ?? Infinity;
  const earlier = history.recent().filter((post) => post.bot === name && post.at < first);
  const open = inDoubt(state?.open, now);
  const texts = new PostTexts(readPoem);
  const made = [...told.flatMap(({ post }) => post ?? []), ...earlier, ...(open ? [open] : [])];
  await texts.find(made, bot ? [bot] : [], 0);
  const seen = (post: RecentPost) => ({ text: texts.textOf(post), url: urlOf(post, bot, pages) });
  const entries = told.map(({ post, ...entry }) => ({ ...entry, ...(post && seen(post)) }));
  const before = earlier.map((post): HistoryEntry => {
    const message = `posted ${linesInWords(post.line + 1, post.lines)}`;
    return { at: iso(post.at), level: 'info', message, ...seen(post) };
  });
  return {
    history: [...entries, ...before].slice(0, maxHistory),
    historyFrom: changes[0]?.before && changes.length < maxHistory ? iso(first) : undefined,
    doubt: open && {
      name: doubtName(open),
      at: iso(open.at),
      line: open.line + 1,
      lines: open.lines,
      text: texts.textOf(open),
    },
  };
}

/** A post whose request is over, and has had no answer. */
const inDoubt = (open: BotState['open'], now: number): BotState['open'] =>
  open && open.look !== true && now >= open.at + maxRequest ? open : undefined;

/** A change in words, and the post that was made. @param name - of its bot, which may have had another one then */
function entryOf({ event, before }: Change, name: string): (HistoryEntry & { post?: RecentPost })[] {
  const entry = describeChange(event, before);
  if (!entry) return [];
  const { level, message } = entry;
  const open = before?.open;
  if (event.event !== 'posted' || !open) return [{ at: iso(event.at), level, message }];
  const at = madeAt(event, open);
  const { line, lines, print } = open;
  return [{ at: iso(at), level, message, post: { bot: name, at, id: event.id, line, lines, print } }];
}

/** A poem of at most so many lines is shown whole. */
const maxWhole = 36;
/** Of a longer one: the lines before its place and from there on, and the lines of another part. */
const around = { before: 6, after: 18 };
const perPart = 100;

/** The part of a poem around a bot's place, or from a line on. */
async function partOf(
  bot: Bot,
  state: BotState | undefined,
  from: number | undefined,
): Promise<PoemPart | undefined> {
  const found = await attemptAsync(linesOf(bot.poemFile, splitOf(bot), readPoem));
  // The status of the bot says what is wrong with its poem.
  if (found instanceof FlockError) return undefined;
  const { lines, place } = state
    ? readingOf(state.place, found, bot.rules)
    : { lines: found, place: undefined };
  const next = place?.next ?? (state ? undefined : 0);
  const isDone = place ? doneIn(place) : () => false;
  const [begin, end] = windowOf(lines.length, next ?? 0, from);
  const part = lines.slice(begin, end).map(({ text }, index) => {
    const at = begin + index;
    const is = at === next ? ('next' as const) : isDone(at) ? ('posted' as const) : ('to come' as const);
    return { number: at + 1, text, is };
  });
  return {
    lines: part,
    of: lines.length,
    earlier: begin > 0 ? Math.max(1, begin + 1 - perPart) : undefined,
    later: end < lines.length ? end + 1 : undefined,
  };
}

function windowOf(length: number, next: number, from: number | undefined): [begin: number, end: number] {
  if (from !== undefined && from <= length) return [from - 1, from - 1 + perPart];
  if (length <= maxWhole) return [0, length];
  const shown = around.before + around.after;
  const begin = Math.max(0, Math.min(next - around.before, length - shown));
  return [begin, begin + shown];
}
