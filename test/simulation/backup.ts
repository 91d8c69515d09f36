import type { Bot } from '../../src/config/flock-file.ts';
import { FlockError, systemCode } from '../../src/errors.ts';
import { formatExport, type LedgerExport, parseExport } from '../../src/ledger/backup.ts';
import type { StateFolder } from '../../src/ledger/folder.ts';
import { formatLine, formatSnapshot, readContents } from '../../src/ledger/journal.ts';
import { keyMark } from '../../src/posting/bot-runner.ts';
import type { SimulatedClock } from './simulated-clock.ts';

const journalName = 'journal.jsonl';
const newName = 'journal.new';

/** A person who exports the ledger, and later restores it. */
export class Backup {
  readonly #trace: ((happened: string) => void) | undefined;
  #text: string | undefined;
  #isDue = false;

  constructor(trace: ((happened: string) => void) | undefined) {
    this.#trace = trace;
  }

  /** Exports a journal as it is now. */
  take(journal: string, clock: SimulatedClock): void {
    const text = exportOf(journal, clock.now());
    this.#trace?.(`flockd export: ${text ?? 'nobody has begun'}`);
    this.#text = text ?? this.#text;
  }

  /**
   * Has the last export restored before the next start. Whoever orders it kills flockd, which is harsher than to stop it:
   * what it is about to post may get to X yet.
   */
  order(): void {
    this.#isDue = this.#text !== undefined;
  }

  /** Where it does not come to its end, nobody tries again: the daemon goes on with what it finds. */
  async restore(folder: StateFolder, bots: readonly Bot[], at: number): Promise<void> {
    const text = this.#text;
    if (!this.#isDue || text === undefined) return;
    this.#isDue = false;
    this.#trace?.('flockd restore');
    const marks = new Map<string, string>(bots.map((bot) => [bot.name, keyMark(bot)]));
    try {
      await restoreTo(folder, text, { at, markOf: (bot) => marks.get(bot) ?? '' });
    } catch (cause) {
      throw systemCode(cause) === undefined ? cause : new FlockError('io', 'cannot restore', { cause });
    }
  }
}

/** What `flockd export` writes of a journal, or undefined where nobody has begun yet. */
export function exportOf(journal: string, at: number): string | undefined {
  const { states, history } = readContents(journal, journalName);
  return states.size === 0 ? undefined : formatExport({ at, states, history });
}

/**
 * What `flockd restore --replace` does, one call of the folder at a time: restoreJournal knows real folders only. That both
 * write the same is proved in backup.test.ts; the old journal that is kept aside takes no part in the promise.
 *
 * What nobody could know is left out: there always is the old ledger, which keeps bots that the export does not have, since
 * on an empty machine they begin again, as flockd restore warns; and the timeline shows every post within `settle`.
 *
 * @param at - the instant of the restore, milliseconds since 1970
 */
export async function restoreTo(
  folder: StateFolder,
  text: string,
  { at, markOf }: { at: number; markOf: (bot: string) => string },
): Promise<void> {
  const old = readContents((await folder.read(journalName)) ?? '', journalName);
  const journal = journalOf(parseExport(text, 'export.json'), old, at, markOf);
  await folder.remove(newName);
  await folder.append(newName, journal);
  await folder.sync(newName);
  await folder.rename(newName, journalName);
  await folder.syncNames();
}

function journalOf(
  { states, history }: Pick<LedgerExport, 'states' | 'history'>,
  old: Pick<LedgerExport, 'states'>,
  at: number,
  markOf: (bot: string) => string,
): string {
  const restored = Array.from(states, ([bot, state]) => {
    const { parked } = state;
    return [bot, parked ? { ...state, parked: { ...parked, key: markOf(bot) } } : state] as const;
  });
  const kept = [...old.states].filter(([bot]) => !states.has(bot));
  const all = new Map([...kept, ...restored]);
  const last = all.size + (history.isEmpty ? 0 : 1);
  const events = restored.map(([bot], index) => formatLine(last + index + 1, { event: 'restored', bot, at }));
  return formatSnapshot(last, { states: all, history }) + events.join('');
}
