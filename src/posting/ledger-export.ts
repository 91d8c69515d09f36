import * as z from 'zod';
import { FlockError } from '../errors.ts';
import { parseBotState, type BotState } from './bot-state.ts';
import { FlockHistory } from './flock-history.ts';
import type { JournalContents } from './journal-text.ts';
import { lengthOf, prints } from './place.ts';

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
