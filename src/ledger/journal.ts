import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, replaceFile } from '../fs.ts';
import { type LedgerEvent, ledgerEvent, nameBefore } from './events.ts';
import { openStateFolder, type StateFolder } from './folder.ts';
import { FlockHistory } from './history.ts';
import { applyEvent, type BotState, botState, putState } from './state.ts';

/** What was tried and its outcome, for every bot of a flock. It survives crashes; only what it has kept is trusted. */
export interface Ledger extends AsyncDisposable {
  /** What it says of a bot now, or undefined if the bot has not begun. */
  state(bot: string): BotState | undefined;
  /** What it says of every bot that has begun. */
  states(): Iterable<[bot: string, state: BotState]>;
  /** What the whole flock did, including what is being written, so that no budget is spent twice. */
  history(): FlockHistory;
  /**
   * Keeps events. Resolves when they would survive a power cut, and only then shows them in {@link state}.
   *
   * @throws {FlockError} `io` if they cannot be kept; after that nothing is kept any more
   */
  record(...events: LedgerEvent[]): Promise<void>;
}

/** An event that the ledger has kept, and what it said of the event's bot before and after it. */
export interface Change {
  event: LedgerEvent;
  before: BotState | undefined;
  after: BotState;
}

/** A journal is compacted when it has this many lines, and this many times as many as there are bots. */
const maxLines = 10_000;
const maxLinesPerBot = 4;

interface JournalOptions {
  /** In place of {@link maxLines}. */
  manyLines?: number;
  /** Called after each write: throws if this process is not the ledger's only writer any more. */
  mustBeOurs?: () => Promise<void>;
}

const journalName = 'journal.jsonl';
const newName = 'journal.new';

const journalIn = (folder: string): string => path.join(folder, journalName);

interface Batch {
  lines: string[];
  /** What the lines say. */
  changes: Change[];
  kept: Promise<void>;
}

/**
 * The ledger as a journal: one line of JSON for each event, appended and synced before it counts. Events that come during a
 * write share the next write and its sync.
 */
export class Journal implements Ledger {
  readonly #folder: StateFolder;
  readonly #mustBeOurs: JournalOptions['mustBeOurs'];
  readonly #states: Map<string, BotState>;
  /** The states as they will be when everything that is being written is kept, if they differ. */
  readonly #coming = new Map<string, BotState>();
  readonly #history: FlockHistory;
  readonly #comingHistory: FlockHistory;
  /** The number of the last line, and how many lines the file has. */
  #last: number;
  #lines: number;
  readonly #maxLines: number;
  readonly #subscribers: ((change: Change) => void)[] = [];
  #next: Batch | undefined;
  #tail: Promise<void> = Promise.resolve();
  #failure: FlockError | undefined;

  private constructor(
    folder: StateFolder,
    { states, history, last, lines }: JournalContents,
    { manyLines = maxLines, mustBeOurs }: JournalOptions,
  ) {
    this.#folder = folder;
    this.#mustBeOurs = mustBeOurs;
    this.#states = states;
    this.#history = history;
    this.#comingHistory = new FlockHistory(history.toJSON());
    this.#last = last;
    this.#lines = lines;
    this.#maxLines = manyLines;
  }

  /**
   * Opens the journal in a folder, or begins one.
   *
   * @throws {FlockError} `data` if it is damaged or newer than this program, `io` if it cannot be written
   */
  static async open(where: string | StateFolder, options: JournalOptions = {}): Promise<Journal> {
    try {
      const folder = typeof where === 'string' ? await openStateFolder(where) : where;
      try {
        return new Journal(folder, await recover(folder), options);
      } catch (error) {
        await folder[Symbol.asyncDispose]();
        throw error;
      }
    } catch (cause) {
      throw cannotKeep(typeof where === 'string' ? where : where.path, cause);
    }
  }

  state(bot: string): BotState | undefined {
    return this.#states.get(bot);
  }

  states(): Iterable<[bot: string, state: BotState]> {
    return this.#states;
  }

  history(): FlockHistory {
    return this.#comingHistory;
  }

  async record(...events: LedgerEvent[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (events.length === 0) return;
    // An impossible event must not reach the disk, because the journal could never be read again.
    const changes = this.#changesOf(events.map((event) => ledgerEvent.parse(event)));
    const batch = (this.#next ??= this.#beginBatch());
    for (const { event, before, after } of changes) {
      putState(this.#coming, event, after);
      this.#comingHistory.apply(event, before);
    }
    batch.changes.push(...changes);
    batch.lines.push(...events.map((event) => formatLine(++this.#last, event)));
    await batch.kept;
    for (const change of changes) for (const notify of this.#subscribers) notify(change);
  }

  /** Calls a subscriber with every change from now on, in the order of the journal, when it is kept. */
  subscribe(notify: (change: Change) => void): void {
    this.#subscribers.push(notify);
  }

  /**
   * The changes of one bot since the journal was compacted, oldest first, under its earlier names too. It reads the file, so
   * that nothing is kept in memory for it.
   */
  async changesOf(bot: string): Promise<Change[]> {
    const names = [bot, ...(this.#states.get(bot)?.was ?? [])];
    return changesIn((await this.#folder.read(journalName)) ?? '', names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail;
    await this.#folder[Symbol.asyncDispose]();
  }

  /** What events change, one after the other. @throws {RangeError} for impossible events */
  #changesOf(events: readonly LedgerEvent[]): Change[] {
    const latest = new Map<string, BotState>();
    const latestOf = (bot: string): BotState | undefined =>
      latest.get(bot) ?? this.#coming.get(bot) ?? this.#states.get(bot);
    return events.map((event) => {
      const before = latestOf(nameBefore(event));
      if (event.event === 'renamed' && latestOf(event.bot))
        throw new RangeError(`${event.bot} is another bot`);
      const after = applyEvent(before, event);
      latest.set(event.bot, after);
      return { event, before, after };
    });
  }

  #beginBatch(): Batch {
    const batch: Batch = { lines: [], changes: [], kept: Promise.resolve() };
    batch.kept = this.#tail.then(() => this.#folder.gather()).then(() => this.#keep(batch));
    this.#tail = batch.kept.catch(() => undefined);
    return batch;
  }

  async #keep(batch: Batch): Promise<void> {
    this.#next = undefined;
    if (this.#failure) throw this.#failure;
    try {
      await this.#append(batch.lines.join(''));
      for (const { event, before, after } of batch.changes) {
        putState(this.#states, event, after);
        if (this.#coming.get(event.bot) === after) this.#coming.delete(event.bot);
        this.#history.apply(event, before);
      }
      this.#lines += batch.lines.length;
      if (this.#lines > Math.max(this.#maxLines, maxLinesPerBot * this.#states.size)) await this.#compact();
    } catch (cause) {
      // What a failed sync left on the disk is unknown, and a second one would not tell: nothing more is kept.
      this.#failure = cannotKeep(this.#folder.path, cause);
      throw this.#failure;
    }
  }

  async #append(lines: string): Promise<void> {
    const folder = this.#folder;
    await folder.append(journalName, lines);
    await folder.sync(journalName);
    // Only what the next start will read counts: an open file that was removed or replaced takes writes as well.
    await Promise.all([folder.verify(journalName), this.#mustBeOurs?.()]);
  }

  /** Replaces the journal by a shorter one that says the same. Nothing else is written meanwhile. */
  async #compact(): Promise<void> {
    // The lines of the next batch have their numbers already.
    const last = this.#last - (this.#next?.lines.length ?? 0);
    await replaceIn(this.#folder, formatSnapshot(last, { states: this.#states, history: this.#history }));
    this.#lines = this.#states.size + (this.#history.isEmpty ? 1 : 2);
  }
}

/** Replaces the whole journal: after a crash at any moment there is the old one or the new one, whole. */
async function replaceIn(folder: StateFolder, text: string): Promise<void> {
  await folder.remove(newName);
  try {
    await folder.append(newName, text);
    await folder.sync(newName);
    await folder.rename(newName, journalName);
  } catch (error) {
    // It would keep a full disk full.
    await folder.remove(newName).catch(() => undefined);
    throw error;
  }
  await folder.syncNames();
}

async function recover(folder: StateFolder): Promise<JournalContents> {
  const name = journalIn(folder.path);
  const text = renewed((await folder.read(journalName)) ?? '', name);
  const contents = readContents(text, name);
  // The text may come from the page cache, and after a failed sync would never get to the disk: a synced copy is there before
  // anything depends on it. The copy has no torn tail.
  await replaceIn(folder, text);
  return contents;
}

/** Whether a folder has a journal, even one that cannot be read. Without a journal, no bot of its flock has begun. */
export async function hasJournal(folder: string): Promise<boolean> {
  try {
    await access(journalIn(folder));
    return true;
  } catch (error) {
    return systemCode(error) !== 'ENOENT';
  }
}

/**
 * Reads the journal in a folder without changing it, even while a daemon writes to it.
 *
 * @throws {FlockError} `data` if it is damaged or newer than this program, `io` if it cannot be read
 */
export async function readJournal(folder: string): Promise<JournalContents> {
  const name = journalIn(folder);
  let text = '';
  try {
    text = await readFile(name, 'utf8');
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT')
      throw new FlockError('io', `cannot read ${name}: ${reasonOf(cause)}`, {
        hint: 'check who owns it, and run this as the one who runs flockd',
        cause,
      });
  }
  return readContents(text, name);
}

/**
 * Replaces the journal in a folder that no process has open.
 *
 * @param aside - the name under which the old journal is kept beside it
 * @throws {FlockError} `io` if it cannot be written; then the old one is unchanged
 */
export async function writeJournal(folder: string, text: string, aside: string | undefined): Promise<void> {
  try {
    await using opened = await openStateFolder(folder);
    if (aside !== undefined) await replaceFile(path.join(folder, aside), await readFile(journalIn(folder)));
    await replaceIn(opened, text);
  } catch (cause) {
    throw cannotKeep(folder, cause);
  }
}

function cannotKeep(place: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  return new FlockError('io', `cannot keep the ledger in ${place}: ${reasonOf(cause)}`, {
    hint: 'is the disk full, read-only or failing? mend it and start flockd again; nothing is lost',
    cause,
  });
}

/*
 * The journal as text. Its lines are numbered without a gap: a header first; then, if it was compacted, the history of the
 * flock and the state of each bot; then one event a line.
 */

/**
 * One record of the journal: a line of JSON whose first field is its number and whose last, `crc`, is the CRC-32 (8 hex
 * digits) of the text before it. `{"n":7,"event":"posted","bot":"howl",…,"crc":"1c291ca3"}`
 *
 * @param record - with at least one field
 */
export function formatLine(n: number, record: object): string {
  const open = `{"n":${n},${JSON.stringify(record).slice(1, -1)}`;
  return `${open}${endOf(open)}\n`;
}

const endOf = (open: string): string => `,"crc":"${crc32(open).toString(16).padStart(8, '0')}"}`;
const lengthOfEnd = endOf('').length;

/** The record in a line without its newline, or undefined if the line is damaged. */
export function parseLine(line: string): unknown {
  const open = line.slice(0, -lengthOfEnd);
  const isWhole = open.startsWith('{') && line.slice(-lengthOfEnd) === endOf(open);
  return isWhole ? JSON.parse(`${open}}`) : undefined;
}

/**
 * The version that this program writes; it refuses newer ones. Version 1 had no history, version 2 no looks that cost and no
 * held posts.
 */
const journalVersion = 3;

const header = z.object({ n: z.int(), journal: z.literal('flockd'), version: z.int() });
const numbered = z.object({ n: z.int() });
const stateRecord = z.object({ state: z.unknown(), bot: z.string() });

/** What a journal says. */
export interface JournalContents {
  states: Map<string, BotState>;
  history: FlockHistory;
  /** The number of its last line. */
  last: number;
  /** How many lines it has. */
  lines: number;
}

export const formatHeader = (n: number): string =>
  formatLine(n, { journal: 'flockd', version: journalVersion });

/**
 * A whole journal that says the same as the lines up to `last`, in one line for the flock and one for each bot. Its own lines
 * end with that number, too. There are enough numbers, because every bot has had at least one event, and a flock with a
 * history one more.
 */
export function formatSnapshot(
  last: number,
  { states, history }: Pick<JournalContents, 'states' | 'history'>,
): string {
  const records = [
    ...(history.isEmpty ? [] : [{ history }]),
    ...Array.from(states, ([bot, state]) => ({ bot, state })),
  ];
  const first = last - records.length;
  return [formatHeader(first), ...records.map((record, index) => formatLine(first + index + 1, record))].join(
    '',
  );
}

/**
 * A journal that lines may be added to: without a torn tail, with the header of this version, so that an older program refuses
 * what may follow it. An empty text becomes an empty journal.
 *
 * @throws {FlockError} `data` if the header or the last line is damaged, or the journal is newer than this program
 */
function renewed(text: string, name: string): string {
  const whole = withoutTornTail(text, name);
  if (whole === '') return formatHeader(0);
  const end = whole.indexOf('\n') + 1;
  const record = parseLine(whole.slice(0, end - 1));
  checkHeader(record, `${name}:1`);
  return formatHeader(numbered.parse(record).n) + whole.slice(end);
}

/**
 * The text up to its last whole line. A last line without its end was being written during a power cut, so it was never
 * acknowledged. A last line that lacks only its newline, or has another byte in its place, was acknowledged.
 *
 * @throws {FlockError} `data` for the latter
 */
function withoutTornTail(text: string, name: string): string {
  const end = text.lastIndexOf('\n') + 1;
  const tail = text.slice(end);
  if (parseLine(tail) !== undefined) return `${text}\n`;
  if (parseLine(tail.slice(0, -1)) !== undefined) throw damaged(`${name}:${text.split('\n').length}`);
  return text.slice(0, end);
}

/**
 * What a journal says, without a torn tail.
 *
 * @throws {FlockError} `data`, with the line, if the journal is damaged or newer than this program
 */
export function readContents(journal: string, name: string): JournalContents {
  const text = withoutTornTail(journal, name);
  const contents: JournalContents = { states: new Map(), history: new FlockHistory(), last: -1, lines: 0 };
  let begin = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', begin)) {
    const place = `${name}:${++contents.lines}`;
    const record = parseLine(text.slice(begin, end));
    const n = numbered.safeParse(record).data?.n;
    if (contents.lines === 1) checkHeader(record, place);
    else if (n !== contents.last + 1) throw damaged(place);
    else fold(contents, record, place);
    contents.last = n ?? contents.last;
    begin = end + 1;
  }
  return contents;
}

function checkHeader(record: unknown, place: string): void {
  const found = header.safeParse(record);
  if (!found.success) throw damaged(place);
  if (found.data.version > journalVersion) {
    throw new FlockError('data', `${place}: written by a newer flockd (version ${found.data.version})`, {
      hint: 'upgrade flockd on this machine',
    });
  }
}

function fold(contents: JournalContents, record: unknown, place: string): void {
  const { states, history } = contents;
  try {
    if (has(record, 'history')) {
      contents.history = new FlockHistory(record.history);
      return;
    }
    if (has(record, 'state')) {
      const { bot, state } = stateRecord.parse(record);
      states.set(bot, botState.parse(state));
      return;
    }
    const event = ledgerEvent.parse(record);
    const before = states.get(nameBefore(event));
    putState(states, event, applyEvent(before, event));
    history.apply(event, before);
  } catch (cause) {
    throw damaged(place, cause);
  }
}

/** The changes of a bot in a journal. @param names - of the bot: the present one, then its earlier ones */
function changesIn(text: string, names: readonly string[]): Change[] {
  const records = names.flatMap((name) => linesWith(text, `"bot":${JSON.stringify(name)}`));
  // Backwards: an earlier name may have been another bot's before, or be another one's now.
  let [name] = names;
  const events: LedgerEvent[] = [];
  let state: BotState | undefined;
  for (const { record } of records.sort((a, b) => b.at - a.at)) {
    const compacted = stateRecord.safeParse(record).data;
    if (compacted?.bot === name) {
      state = botState.parse(compacted?.state);
      break;
    }
    const event = ledgerEvent.safeParse(record).data;
    if (!event || event.bot !== name) continue;
    events.push(event);
    if (event.event === 'begun') break;
    if (event.event === 'renamed') name = event.from;
  }
  return events.reverse().map((event) => {
    const before = state;
    state = applyEvent(before, event);
    return { event, before, after: state };
  });
}

/** The records of the lines that have a text in them, and where each begins. A line that is being written is none yet. */
function linesWith(text: string, part: string): { at: number; record: unknown }[] {
  const found: { at: number; record: unknown }[] = [];
  for (let hit = text.indexOf(part); hit >= 0;) {
    const at = text.lastIndexOf('\n', hit) + 1;
    const end = text.indexOf('\n', hit);
    const record = end < 0 ? undefined : parseLine(text.slice(at, end));
    if (record !== undefined) found.push({ at, record });
    hit = end < 0 ? -1 : text.indexOf(part, end);
  }
  return found;
}

const has = <Name extends string>(record: unknown, name: Name): record is Record<Name, unknown> =>
  typeof record === 'object' && record !== null && name in record;

function damaged(place: string, cause?: unknown): FlockError {
  return new FlockError('data', `${place}: the journal is damaged here`, {
    hint: 'restore the state folder from a backup; flockd posts nothing rather than guess',
    cause,
  });
}
