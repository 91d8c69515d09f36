import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Journal } from '../../src/ledger/journal.ts';
import { openScratchFolder } from '../../src/rehearsal/stage.ts';
import { tempFolder } from '../flock/temp-folder.ts';

/** One turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a scratch folder', () => {
  it('is a folder for a journal like any other, and goes with all that is in it', async () => {
    let place: string;
    {
      using folder = openScratchFolder();
      place = folder.path;
      {
        await using journal = await Journal.open(folder, { manyLines: 4 });
        for (let count = 0; count < 20; count++)
          await journal.record({ event: 'begun', bot: `bot-${count}`, at: count, poem: 'aaaaaaaa' });
      }
      assert.deepEqual(readdirSync(place), ['journal.jsonl']);
      await using again = await Journal.open(folder);
      assert.equal([...again.states()].length, 20);
      assert.equal(await folder.read('nothing'), undefined);
    }
    assert.equal(existsSync(place), false);
  });

  it('settles what waits for it within one turn of the event loop', async () => {
    using folder = openScratchFolder();
    await using journal = await Journal.open(folder);
    let kept = 0;
    const record = async (bot: string): Promise<void> => {
      for (let count = 0; count < 5; count++) {
        await journal.record({ event: 'begun', bot, at: count, poem: 'aaaaaaaa' });
        kept++;
      }
    };
    const all = [record('ada'), record('bea')];
    await turn();
    assert.equal(kept, 10);
    await Promise.all(all);
  });

  it('is swept by the next rehearsal where its process was killed', () => {
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = tempFolder({});
    try {
      const gone = spawnSync('true').pid;
      const left = path.join(process.env['TMPDIR'], `flockd-rehearsal-${gone}-a1B2c3`);
      const others = [
        'flockd-rehearsal-notes',
        `flockd-rehearsal-${process.pid}-a1B2c3`,
        `other-${gone}-a1B2c3`,
      ];
      for (const name of others) mkdirSync(path.join(process.env['TMPDIR'], name));
      mkdirSync(left);
      writeFileSync(path.join(left, 'journal.jsonl'), '');
      using folder = openScratchFolder();
      assert.deepEqual(
        readdirSync(process.env['TMPDIR']).sort(),
        [...others, path.basename(folder.path)].sort(),
      );
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });

  it('rejects with the system’s error', async () => {
    using folder = openScratchFolder();
    await assert.rejects(folder.rename('nothing', 'something'), { code: 'ENOENT' });
    await assert.rejects(folder.append('no/folder', 'text'), { code: 'ENOENT' });
    await assert.rejects(folder.read('.'), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(path.resolve(folder.path)), []);
  });
});
