import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { lengthOf, prints } from './cursor.ts';
import { formatEvent, formatSnapshot, type JournalContents, readContents } from './format.ts';
import { FlockHistory } from './history.ts';
import { readJournal, writeJournal } from './journal.ts';
import { type BotState, parseBotState } from './state.ts';

/** The version of exports that this program writes; it refuses newer ones. */
const version = 1;

/** What is in a ledger, to be kept elsewhere. It holds no secret. */
export interface LedgerExport extends Pick<JournalContents, 'states' | 'history'> {
  /** When it was made. Milliseconds since 1970. */
  at: number;
}

const head = z.object({ flockd: z.literal('export'), version: z.int() });
const body = z.object({
  at: z.iso.datetime(),
  bots: z.record(z.string().min(1), z.unknown()),
  history: z.unknown(),
});

/** The text of an export: JSON, a bot a line, so that two of them can be compared. */
export function formatExport({ at, states, history }: LedgerExport): string {
  const bots = Array.from(
    states,
    ([bot, state]) => `  ${JSON.stringify(bot)}: ${JSON.stringify(plain(state))}`,
  );
  return [
    `{"flockd": "export", "version": ${version}, "at": "${new Date(at).toISOString()}",`,
    ` "history": ${JSON.stringify(history)},`,
    ` "bots": {`,
    bots.sort().join(',\n'),
    '}}',
    '',
  ].join('\n');
}

/** Without the mark of the key that a bot was parked with: where it is restored there may be another. */
const plain = ({ parked, ...state }: BotState): object =>
  parked ? { ...state, parked: { ...parked, key: '' } } : state;

/** @throws {FlockError} `data` for anything but an export that this program can read */
export function parseExport(text: string, file: string): LedgerExport {
  const value = jsonIn(text, file);
  const found = head.safeParse(value);
  if (!found.success) throw notAnExport(file);
  if (found.data.version > version) {
    throw new FlockError('data', `${file}: written by a newer flockd (version ${found.data.version})`, {
      hint: 'upgrade flockd on this machine',
    });
  }
  try {
    const { at, bots, history } = body.parse(value);
    const states = new Map(Object.entries(bots).map(([bot, state]) => [bot, soundState(state)]));
    return { at: Date.parse(at), states, history: new FlockHistory(history) };
  } catch (cause) {
    throw notAnExport(file, cause);
  }
}

function jsonIn(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notAnExport(file, cause);
  }
}

/** @throws {Error} for a state that no bot can be in */
function soundState(value: unknown): BotState {
  const state = parseBotState(value);
  const { poem, next, ahead } = state.place;
  const whole = prints(poem).join('') === poem;
  const inside = [next, ...ahead].every((line) => line >= 0 && line <= lengthOf(state.place));
  if (!whole || !inside) throw new RangeError('a place outside of its poem');
  return state;
}

const notAnExport = (file: string, cause?: unknown): FlockError =>
  new FlockError('data', `${file} is not an export of flockd, or it is damaged`, {
    hint: 'flockd export writes one',
    cause,
  });

export interface RestoreOptions {
  /** The state folder; nobody else may use it meanwhile. */
  folder: string;
  exported: LedgerExport;
  /** Milliseconds since 1970. */
  at: number;
  /** Whether a ledger that is not empty may be put aside. */
  replace: boolean;
  /** Tells the key that a bot has now. */
  markOf: (bot: string) => string;
}

export interface Restored {
  /** The name of the old journal beside the new one, where there was one. */
  aside: string | undefined;
  /** Bots that the ledger knew and the export does not: they stay as they were. */
  kept: string[];
}

/**
 * Puts an export in the place of a ledger. A crash at any moment leaves the old ledger or the new one, whole. Every bot is
 * marked as restored: it looks on its timeline for what it has posted since the export before it posts again.
 *
 * @throws {FlockError} `cannotCreate` where the ledger is not empty and may not be put aside, `data` where it is damaged and
 * may not, `io` where it cannot be read or written
 */
export async function restoreJournal(options: RestoreOptions): Promise<Restored> {
  const { folder, exported, at, replace } = options;
  const old = await readOld(folder, replace);
  if (old !== 'damaged' && old.size > 0 && !replace) throw notEmpty(folder, old.size);
  const known = old === 'damaged' ? [] : [...old];
  const kept = known.filter(([bot]) => !exported.states.has(bot));
  const states = new Map([...kept, ...restoredStates(options)]);
  const text = journalOf({ ...exported, states }, [...exported.states.keys()], at);
  readContents(text, 'the export');
  const aside = old === 'damaged' || old.size > 0 ? asideName(at) : undefined;
  await writeJournal(folder, text, aside);
  return { aside, kept: kept.map(([bot]) => bot) };
}

async function readOld(folder: string, replace: boolean): Promise<Map<string, BotState> | 'damaged'> {
  try {
    return (await readJournal(folder)).states;
  } catch (error) {
    if (error instanceof FlockError && error.exit === 'data' && replace) return 'damaged';
    throw error;
  }
}

function* restoredStates({ exported, markOf }: RestoreOptions): Generator<[string, BotState]> {
  for (const [bot, state] of exported.states) {
    const { parked } = state;
    yield [bot, parked ? { ...state, parked: { ...parked, key: markOf(bot) } } : state];
  }
}

function journalOf(
  { states, history }: Pick<LedgerExport, 'states' | 'history'>,
  restored: readonly string[],
  at: number,
): string {
  const last = states.size + (history.isEmpty ? 0 : 1);
  const events = restored.map((bot, index) => formatEvent(last + index + 1, { event: 'restored', bot, at }));
  return formatSnapshot(last, { states, history }) + events.join('');
}

/** `journal-2026-08-22T09-00-00-000Z.jsonl` */
const asideName = (at: number): string =>
  `journal-${new Date(at).toISOString().replaceAll(/[:.]/g, '-')}.jsonl`;

const notEmpty = (folder: string, bots: number): FlockError =>
  new FlockError(
    'cannotCreate',
    `the ledger in ${folder} is not empty: it knows ${bots} ${bots === 1 ? 'bot' : 'bots'}`,
    {
      hint: '--replace puts this one in its place, and keeps the old journal beside it',
    },
  );
