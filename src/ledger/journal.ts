import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, replaceFile } from '../fs.ts';
import { type LedgerEvent, nameBefore, parseLedgerEvent } from './events.ts';
import { openStateFolder, readText, type StateFolder } from './folder.ts';
import {
  atThisVersion,
  formatEvent,
  formatHeader,
  formatSnapshot,
  type JournalContents,
  readContents,
  wholeLines,
} from './format.ts';
import { FlockHistory } from './history.ts';
import { applyEvent, type BotState, putState } from './state.ts';

const journalName = 'journal.jsonl';
const newName = 'journal.new';

/** A journal is rewritten once it has this many lines, and this many times as many as there are bots. */
const manyLines = 10_000;
const manyLinesPerBot = 4;

interface JournalOptions {
  /** With how many lines it is rewritten shorter. */
  manyLines?: number;
  /** Called after each write: throws where this process is not the ledger's only writer any more. */
  mustBeOurs?: () => Promise<void>;
}

/** An event that the ledger has kept, and what it said of the event's bot before and after it. */
export interface Change {
  event: LedgerEvent;
  before: BotState | undefined;
  after: BotState;
}

interface Batch {
  lines: string[];
  /** What the lines say. */
  changes: Change[];
  kept: Promise<void>;
}

/**
 * The ledger as a journal: one line of JSON for each event, appended and fsynced before it counts.
 * Events that come while a write is under way share the next one and its fsync.
 */
export class Journal implements Ledger {
  readonly #folder: StateFolder;
  readonly #states: Map<string, BotState>;
  /** What the states will be when all that is being written is kept, where they are others by then. */
  readonly #coming = new Map<string, BotState>();
  readonly #history: FlockHistory;
  readonly #comingHistory: FlockHistory;
  /** The number of the last line, and how many lines the file has. */
  #last: number;
  #lines: number;
  readonly #manyLines: number;
  readonly #mustBeOurs: () => Promise<void>;
  readonly #subscribers: ((change: Change) => void)[] = [];
  #next: Batch | undefined;
  #tail: Promise<void> = Promise.resolve();
  #failure: FlockError | undefined;

  private constructor(
    folder: StateFolder,
    { states, history, last, lines }: JournalContents,
    options: JournalOptions,
  ) {
    this.#folder = folder;
    this.#states = states;
    this.#history = history;
    this.#comingHistory = new FlockHistory(history.toJSON());
    this.#last = last;
    this.#lines = lines;
    this.#manyLines = options.manyLines ?? manyLines;
    this.#mustBeOurs = options.mustBeOurs ?? (() => Promise.resolve());
  }

  /**
   * Opens the journal in a folder, or begins one.
   *
   * @throws {FlockError} `data` where it is damaged or newer than this program, `io` where it cannot be written
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
    // An event that cannot be must not reach the disk, where it could never be read again.
    const changes = this.#changesOf(events.map(parseLedgerEvent));
    const batch = (this.#next ??= this.#beginBatch());
    for (const { event, before, after } of changes) {
      putState(this.#coming, event, after);
      this.#comingHistory.apply(event, before);
    }
    batch.changes.push(...changes);
    batch.lines.push(...events.map((event) => formatEvent(++this.#last, event)));
    await batch.kept;
    for (const change of changes) for (const hear of this.#subscribers) hear(change);
  }

  /** Tells a subscriber of every change from now on, in the order of the journal, once it is kept. */
  subscribe(hear: (change: Change) => void): void {
    this.#subscribers.push(hear);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail;
    await this.#folder[Symbol.asyncDispose]();
  }

  /** What events change, one after the other. @throws {RangeError} for events that cannot be */
  #changesOf(events: readonly LedgerEvent[]): Change[] {
    const changes: Change[] = [];
    // Nearly always it is one.
    const latest = events.length > 1 ? new Map<string, BotState>() : undefined;
    for (const event of events) {
      const latestOf = (bot: string): BotState | undefined =>
        latest?.get(bot) ?? this.#coming.get(bot) ?? this.#states.get(bot);
      const before = latestOf(nameBefore(event));
      if (event.event === 'renamed' && latestOf(event.bot))
        throw new RangeError(`${event.bot} is another bot`);
      const after = applyEvent(before, event);
      latest?.set(event.bot, after);
      changes.push({ event, before, after });
    }
    return changes;
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
      await this.#folder.append(journalName, batch.lines.join(''));
      await this.#folder.sync(journalName);
      // Only what the next start will read counts: an open file that was removed or replaced takes writes as well.
      await Promise.all([this.#folder.verify(journalName), this.#mustBeOurs()]);
      for (const { event, before, after } of batch.changes) {
        putState(this.#states, event, after);
        if (this.#coming.get(event.bot) === after) this.#coming.delete(event.bot);
        this.#history.apply(event, before);
      }
      this.#lines += batch.lines.length;
      if (this.#lines > Math.max(this.#manyLines, manyLinesPerBot * this.#states.size)) await this.#compact();
    } catch (cause) {
      // What a failed fsync left on the disk is unknown, and asking again would not tell: nothing more is kept.
      this.#failure = cannotKeep(this.#folder.path, cause);
      throw this.#failure;
    }
  }

  /** Puts a shorter journal that says the same in the place of this one. Nothing else is written meanwhile. */
  async #compact(): Promise<void> {
    // Lines that wait for this one to be kept have their numbers already.
    const last = this.#last - (this.#next?.lines.length ?? 0);
    const snapshot = formatSnapshot(last, { states: this.#states, history: this.#history });
    await replaceJournal(this.#folder, snapshot);
    this.#lines = this.#states.size + (this.#history.isEmpty ? 1 : 2);
  }
}

async function recover(folder: StateFolder): Promise<JournalContents> {
  const name = path.join(folder.path, journalName);
  const text = (await folder.read(journalName)) ?? '';
  const whole = atThisVersion(wholeLines(text, name), name);
  const contents = readContents(whole, name);
  // What was read may be in the page cache only, and after a failed fsync would stay there for good: a copy that is
  // fsynced is on the disk before anything is built on it. A torn tail is left out of it.
  await replaceJournal(folder, whole === '' ? formatHeader(0) : whole);
  return whole === '' ? { ...contents, last: 0, lines: 1 } : contents;
}

/** Puts a text in the place of the journal: after a crash at any moment there is the old one or the new one, whole. */
async function replaceJournal(folder: StateFolder, text: string): Promise<void> {
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

/** Whether there is a journal in a folder, be it one that cannot be read: without one, no bot of its flock has begun. */
export async function hasJournal(folder: string): Promise<boolean> {
  try {
    await access(path.join(folder, journalName));
    return true;
  } catch (error) {
    return systemCode(error) !== 'ENOENT';
  }
}

/**
 * What the journal in a folder says, without touching it: a daemon may be writing to it meanwhile.
 *
 * @throws {FlockError} `data` where it is damaged or newer than this program, `io` where it cannot be read
 */
export async function readJournal(folder: string): Promise<JournalContents> {
  const name = path.join(folder, journalName);
  try {
    return readContents(wholeLines((await readText(name)) ?? '', name), name);
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('io', `cannot read ${name}: ${reasonOf(cause)}`, {
      hint: 'check who owns it, and run this as the one who runs flockd',
      cause,
    });
  }
}

/**
 * Puts a whole journal in the place of the one in a folder, of which nobody may have a {@link Journal} open.
 *
 * @param aside - under which name the old one is kept beside it
 * @throws {FlockError} `io` where it cannot be written; then the old one is there as it was
 */
export async function writeJournal(where: string, text: string, aside: string | undefined): Promise<void> {
  try {
    await using folder = await openStateFolder(where);
    if (aside !== undefined)
      await replaceFile(path.join(where, aside), await readFile(path.join(where, journalName)));
    await replaceJournal(folder, text);
  } catch (cause) {
    throw cannotKeep(where, cause);
  }
}

function cannotKeep(folder: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  return new FlockError('io', `cannot keep the ledger in ${folder}: ${reasonOf(cause)}`, {
    hint: 'is the disk full, read-only or failing? mend it and start flockd again; nothing is lost',
    cause,
  });
}

/** What was tried and what came of it, for every bot of a flock. It survives crashes; nothing is trusted that it has not kept. */
export interface Ledger extends AsyncDisposable {
  /** What it says of a bot now, or undefined where the bot has not begun. */
  state(bot: string): BotState | undefined;
  /** What it says of every bot that has begun. */
  states(): Iterable<[bot: string, state: BotState]>;
  /** What the whole flock did. What is being written counts already, so that no budget is spent twice. */
  history(): FlockHistory;
  /**
   * Keeps events. Resolves once they would survive a power cut, and only then shows them in {@link state}.
   *
   * @throws {FlockError} `io` where they cannot be kept; after that nothing is kept any more
   */
  record(...events: LedgerEvent[]): Promise<void>;
}
