import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Journal } from '../../src/ledger/journal.ts';
import { openMemoryFolder } from '../../src/rehearsal/stage.ts';

/** One turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a folder in memory', () => {
  it('is a folder for a journal like any other', async () => {
    const folder = openMemoryFolder();
    {
      await using journal = await Journal.open(folder, { manyLines: 4 });
      for (let count = 0; count < 20; count++)
        await journal.record({ event: 'begun', bot: `bot-${count}`, at: count, poem: 'aaaaaaaa' });
    }
    const text = (await folder.read('journal.jsonl')) ?? '';
    assert.ok(text.split('\n').length >= 20, text);
    await using again = await Journal.open(folder);
    assert.equal([...again.states()].length, 20);
    assert.equal(await folder.read('nothing'), undefined);
  });

  it('has a file under its new name alone, and none that was removed', async () => {
    const folder = openMemoryFolder();
    await folder.append('new', 'a');
    await folder.append('new', 'b');
    await folder.rename('new', 'old');
    assert.deepEqual([await folder.read('new'), await folder.read('old')], [undefined, 'ab']);
    await folder.remove('old');
    await folder.remove('nothing');
    assert.equal(await folder.read('old'), undefined);
  });

  it('settles what waits for it within one turn of the event loop', async () => {
    await using journal = await Journal.open(openMemoryFolder());
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
});
