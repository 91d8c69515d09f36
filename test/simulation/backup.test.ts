import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { formatExport, parseExport, restoreJournal } from '../../src/ledger/backup.ts';
import { openStateFolder } from '../../src/ledger/folder.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { at, exported, parked, posted } from '../ledger/exported.ts';
import { exportOf, restoreTo } from './backup.ts';

const markOf = (bot: string): string => `key of ${bot}`;

describe('the restore of the simulation', () => {
  it('writes what flockd restore writes', async () => {
    const text = formatExport(exported({ howl: posted(2), tide: parked }));
    const [real, simulated] = ['real', 'simulated'].map((name) => path.join(tempFolder(), name));
    assert.ok(real !== undefined && simulated !== undefined, 'there are two folders');
    for (const folder of [real, simulated]) {
      mkdirSync(folder);
      writeFileSync(path.join(folder, 'journal.jsonl'), '');
      const other = exported({ howl: posted(3), moon: posted(1) });
      await restoreJournal({ folder, exported: other, at: at - 1, replace: true, markOf });
    }
    await restoreJournal({ folder: real, exported: parseExport(text, 'it'), at, replace: true, markOf });
    {
      await using folder = await openStateFolder(simulated);
      await restoreTo(folder, text, { at, markOf });
    }
    const [expected, written] = [real, simulated].map((folder) =>
      readFileSync(path.join(folder, 'journal.jsonl'), 'utf8'),
    );
    assert.equal(written, expected);
    assert.ok(exportOf(written ?? '', at)?.includes('"moon"'), 'the bot that was kept is exported too');
  });
});
