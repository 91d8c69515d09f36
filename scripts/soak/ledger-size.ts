import { statSync } from 'node:fs';
import path from 'node:path';
import { formatSnapshot, readJournal } from '../../src/ledger/journal.ts';
import type { Sample } from './measures.ts';

/** The size of the ledger in a folder, and its size if it were compacted now. */
export async function ledgerSize(state: string): Promise<Pick<Sample, 'ledger' | 'journal'>> {
  const journal = statSync(path.join(state, 'journal.jsonl')).size;
  const contents = await readJournal(state);
  return {
    ledger: Buffer.byteLength(formatSnapshot(contents.last, contents)) / 1000,
    journal: journal / 1000,
  };
}
