import { constants } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import { z } from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, syncFolder } from '../files.ts';
import { applyEvent, type BotState } from './bot-state.ts';
import { formatLine, parseLine } from './journal-line.ts';
import { parseLedgerEvent, type LedgerEvent } from './ledger-event.ts';
import type { Ledger } from './ledger.ts';

/** The version of the journal this program writes; it refuses newer ones. */
const version = 1;

const journalName = 'journal.jsonl';

const header = z.object({ n: z.literal(0), journal: z.literal('flockd'), version: z.int() });
const numbered = z.object({ n: z.int().positive() });

interface Batch {
  lines: string[];
  /** What the bots will be like when the lines are kept. */
  states: [bot: string, state: BotState][];
  kept: Promise<void>;
}

/**
 * The ledger as a journal: one line of JSON for each event, appended and fsynced before it counts.
 * Events that come while a write is under way share the next one and its fsync.
 */
export class Journal implements Ledger {
  readonly #file: FileHandle;
  readonly #name: string;
  readonly #states: Map<string, BotState>;
  /** What the states will be when all that is being written is kept. */
  readonly #coming: Map<string, BotState>;
  #last: number;
  #next: Batch | undefined;
  #tail: Promise<void> = Promise.resolve();
  #failure: FlockError | undefined;

  private constructor(file: FileHandle, name: string, read: JournalContents) {
    this.#file = file;
    this.#name = name;
    this.#states = read.states;
    this.#coming = new Map(read.states);
    this.#last = read.last;
  }

  /**
   * Opens the journal in a folder, or begins one.
   *
   * @throws {FlockError} `data` where it is damaged or newer than this program, `io` where it cannot be written
   */
  static async open(folder: string): Promise<Journal> {
    const name = path.join(folder, journalName);
    try {
      await fse.ensureDir(folder, { mode: 0o700 });
      const file = await open(
        name,
        constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
        0o600,
      );
      try {
        return new Journal(file, name, await recover(file, folder, name));
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (cause) {
      throw cause instanceof FlockError ? cause : cannotKeep(name, cause);
    }
  }

  state(bot: string): BotState | undefined {
    return this.#states.get(bot);
  }

  async record(...events: LedgerEvent[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    // An event that cannot be must not reach the disk, where it could never be read again.
    const states = foldAll(this.#coming, events);
    const batch = (this.#next ??= this.#beginBatch());
    for (const [bot, state] of states) this.#coming.set(bot, state);
    batch.states.push(...states);
    batch.lines.push(...events.map((event) => formatLine({ n: ++this.#last, ...event })));
    await batch.kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail.catch(() => undefined);
    await this.#file.close();
  }

  #beginBatch(): Batch {
    const batch: Batch = { lines: [], states: [], kept: Promise.resolve() };
    batch.kept = this.#tail.then(() => this.#keep(batch));
    this.#tail = batch.kept.catch(() => undefined);
    return batch;
  }

  async #keep(batch: Batch): Promise<void> {
    this.#next = undefined;
    if (this.#failure) throw this.#failure;
    try {
      await this.#file.appendFile(batch.lines.join(''));
      await this.#file.datasync();
    } catch (cause) {
      // What a failed fsync left on the disk is unknown, and asking again would not tell: nothing more is kept.
      this.#failure = cannotKeep(this.#name, cause);
      throw this.#failure;
    }
    for (const [bot, state] of batch.states) this.#states.set(bot, state);
  }
}

/**
 * What the journal in a folder says of each bot, without touching it: a daemon may be writing to it meanwhile.
 *
 * @throws {FlockError} `data` where it is damaged or newer than this program
 */
export async function readJournal(folder: string): Promise<ReadonlyMap<string, BotState>> {
  const name = path.join(folder, journalName);
  try {
    return readContents(wholeLines(await readFile(name, 'utf8'), name), name).states;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return new Map();
    throw cause instanceof FlockError ? cause : cannotKeep(name, cause);
  }
}

interface JournalContents {
  states: Map<string, BotState>;
  last: number;
}

async function recover(file: FileHandle, folder: string, name: string): Promise<JournalContents> {
  const text = await file.readFile('utf8');
  const whole = wholeLines(text, name);
  const contents = readContents(whole, name);
  if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole));
  if (whole.length > text.length) await file.appendFile('\n');
  if (whole === '') await file.appendFile(formatLine({ n: 0, journal: 'flockd', version }));
  // What the page cache holds may not be on the disk yet; it must be before anything is built on it.
  await file.sync();
  await syncFolder(folder);
  return contents;
}

/**
 * The text up to its last whole line. A last line without its end was being written when the power went, so it was never
 * acknowledged; but one that is all there except for its newline, or has another byte in its place, was more than that.
 */
function wholeLines(text: string, name: string): string {
  const end = text.lastIndexOf('\n') + 1;
  const tail = text.slice(end);
  if (parseLine(tail) !== undefined) return `${text}\n`;
  if (parseLine(tail.slice(0, -1)) !== undefined) throw damaged(`${name}:${text.split('\n').length}`);
  return text.slice(0, end);
}

/** The states of the bots that events are about, after them. @throws {RangeError} for events that cannot be */
function foldAll(
  states: ReadonlyMap<string, BotState>,
  events: readonly LedgerEvent[],
): Map<string, BotState> {
  const after = new Map<string, BotState>();
  for (const event of events)
    after.set(event.bot, applyEvent(after.get(event.bot) ?? states.get(event.bot), event));
  return after;
}

function readContents(text: string, name: string): JournalContents {
  const states = new Map<string, BotState>();
  const lines = text.split('\n').slice(0, -1);
  lines.forEach((line, index) => {
    const place = `${name}:${index + 1}`;
    const record = parseLine(line);
    if (index === 0) checkHeader(record, place);
    else if (numbered.safeParse(record).data?.n !== index) throw damaged(place);
    else fold(states, record, place);
  });
  return { states, last: Math.max(0, lines.length - 1) };
}

function checkHeader(record: unknown, place: string): void {
  const found = header.safeParse(record);
  if (!found.success) throw damaged(place);
  if (found.data.version > version) {
    throw new FlockError('data', `${place}: written by a newer flockd (version ${found.data.version})`, {
      hint: 'upgrade flockd on this machine',
    });
  }
}

function fold(states: Map<string, BotState>, record: unknown, place: string): void {
  try {
    const event = parseLedgerEvent(record);
    states.set(event.bot, applyEvent(states.get(event.bot), event));
  } catch (cause) {
    throw damaged(place, cause);
  }
}

function damaged(place: string, cause?: unknown): FlockError {
  return new FlockError('data', `${place}: the journal is damaged here`, {
    hint: 'restore the state folder from a backup; flockd posts nothing rather than guess',
    cause,
  });
}

function cannotKeep(name: string, cause: unknown): FlockError {
  return new FlockError('io', `cannot keep the ledger in ${name}: ${reasonOf(cause)}`, {
    hint: 'is the disk full, read-only or failing? mend it and start flockd again; nothing is lost',
    cause,
  });
}
