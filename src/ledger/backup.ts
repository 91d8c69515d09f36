import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { iso } from '../text.ts';
import {
  formatLine,
  formatSnapshot,
  type JournalContents,
  readContents,
  readJournal,
  writeJournal,
} from './journal.ts';
import { FlockHistory } from './history.ts';
import { type BotState, botState, lengthOf, prints } from './state.ts';

/** The version of exports that this program writes; it refuses newer ones. */
const version = 1;

/** The contents of a ledger, to be kept elsewhere, without secrets. */
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

/** The text of an export: JSON with one bot a line, so that two exports can be compared. */
export function formatExport({ at, states, history }: LedgerExport): string {
  const bots = Array.from(
    states,
    ([bot, state]) => `  ${JSON.stringify(bot)}: ${JSON.stringify(withKey(state, ''))}`,
  );
  return [
    `{"flockd": "export", "version": ${version}, "at": "${iso(at)}",`,
    ` "history": ${JSON.stringify(history)},`,
    ` "bots": {`,
    bots.sort().join(',\n'),
    '}}',
    '',
  ].join('\n');
}

/** With another mark of the key that a bot was parked with: where it is restored, its key may be another one. */
const withKey = (state: BotState, key: string): BotState =>
  state.parked ? { ...state, parked: { ...state.parked, key } } : state;

/** @throws {FlockError} `data` for anything but an export that this program can read */
export function parseExport(text: string, file: string): LedgerExport {
  try {
    const value: unknown = JSON.parse(text);
    const found = head.parse(value);
    if (found.version > version) {
      throw new FlockError('data', `${file}: written by a newer flockd (version ${found.version})`, {
        hint: 'upgrade flockd on this machine',
      });
    }
    const { at, bots, history } = body.parse(value);
    const states = new Map(Object.entries(bots).map(([bot, state]) => [bot, possibleState(state)]));
    return { at: Date.parse(at), states, history: new FlockHistory(history) };
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('data', `${file} is not an export of flockd, or it is damaged`, {
      hint: 'flockd export writes one',
      cause,
    });
  }
}

/** @throws {Error} for a state that no bot can be in */
function possibleState(value: unknown): BotState {
  const state = botState.parse(value);
  const { poem, next, ahead } = state.place;
  const whole = prints(poem).join('') === poem;
  const inside = [next, ...ahead].every((line) => line >= 0 && line <= lengthOf(state.place));
  if (!whole || !inside) throw new RangeError('a place outside of its poem');
  return state;
}

export interface RestoreOptions {
  /** The state folder, which no other process uses meanwhile. */
  folder: string;
  exported: LedgerExport;
  /** Milliseconds since 1970. */
  at: number;
  /** Whether a ledger that is not empty may be put aside. */
  replace: boolean;
  /** Identifies the key that a bot has now. */
  markOf: (bot: string) => string;
}

export interface Restored {
  /** The name of the old journal beside the new one, if there was one. */
  aside: string | undefined;
  /** Bots of the ledger that the export does not have: they are unchanged. */
  kept: string[];
}

/**
 * Replaces a ledger by an export. A crash at any moment leaves the old ledger or the new one, whole. Every bot is marked as
 * restored: before it posts again it looks on its timeline for what it posted since the export.
 *
 * @throws {FlockError} `cannotCreate` if the ledger is not empty and may not be put aside, `data` if it is damaged and may not,
 * `io` if it cannot be read or written
 */
export async function restoreJournal(options: RestoreOptions): Promise<Restored> {
  const { folder, exported, at, replace, markOf } = options;
  const old = await readOld(folder, replace);
  if (old !== 'damaged' && old.size > 0 && !replace) throw notEmpty(folder, old.size);
  const known = old === 'damaged' ? [] : [...old];
  const kept = known.filter(([bot]) => !exported.states.has(bot));
  const restored = Array.from(exported.states, ([bot, state]) => [bot, withKey(state, markOf(bot))] as const);
  const states = new Map([...kept, ...restored]);
  const { history } = exported;
  const last = states.size + (history.isEmpty ? 0 : 1);
  const text = [
    formatSnapshot(last, { states, history }),
    ...restored.map(([bot], index) => formatLine(last + index + 1, { event: 'restored', bot, at })),
  ].join('');
  readContents(text, 'the export');
  // `journal-2026-08-22T09-00-00-000Z.jsonl`
  const name = `journal-${iso(at).replaceAll(/[:.]/g, '-')}.jsonl`;
  const aside = old === 'damaged' || old.size > 0 ? name : undefined;
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

const notEmpty = (folder: string, bots: number): FlockError =>
  new FlockError(
    'cannotCreate',
    `the ledger in ${folder} is not empty: it knows ${bots} ${bots === 1 ? 'bot' : 'bots'}`,
    { hint: '--replace puts this one in its place, and keeps the old journal beside it' },
  );
