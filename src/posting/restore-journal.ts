import { FlockError } from '../errors.ts';
import type { BotState } from './bot-state.ts';
import { readJournal, writeJournal } from './journal.ts';
import { formatEvent, formatSnapshot, readContents } from './journal-text.ts';
import type { LedgerExport } from './ledger-export.ts';

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
