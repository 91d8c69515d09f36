import assert from 'node:assert/strict';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { Journal } from '../../src/ledger/journal.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const begun = (bot: string, at = 1000): LedgerEvent => ({
  event: 'begun',
  bot,
  at,
  poem: 'aaaaaaaabbbbbbbb',
});
const paused = (bot: string, at: number): LedgerEvent => ({ event: 'paused', bot, at });
const resumed = (bot: string, at: number): LedgerEvent => ({ event: 'resumed', bot, at });

const toldOf = async (journal: Journal, bot: string): Promise<string[]> =>
  (await journal.changesOf(bot)).map(({ event }) => `${event.event} ${event.at}`);

describe('the changes of one bot in the journal', () => {
  it('are its own, oldest first, with the states around them', async () => {
    await using journal = await Journal.open(tempFolder());
    await journal.record(begun('howl'), begun('howling'), paused('howl', 2000), paused('howling', 2001));
    await journal.record(resumed('howl', 3000));
    assert.deepEqual(await toldOf(journal, 'howl'), ['begun 1000', 'paused 2000', 'resumed 3000']);
    const changes = await journal.changesOf('howl');
    assert.deepEqual(
      changes.map(({ before, after }) => [before?.paused, after.paused]),
      [
        [undefined, undefined],
        [undefined, 2000],
        [2000, undefined],
      ],
    );
    assert.deepEqual(await journal.changesOf('nobody'), []);
  });

  it('go back to where the journal was compacted', async () => {
    await using journal = await Journal.open(tempFolder(), { manyLines: 4 });
    await journal.record(begun('howl'), begun('growl'));
    for (let at = 2000; at < 2010; at += 2) await journal.record(paused('howl', at), resumed('howl', at + 1));
    const changes = await journal.changesOf('howl');
    assert.ok(changes.length > 0 && changes.length < 11, `${changes.length} are left`);
    assert.equal(changes.at(-1)?.event.at, 2009);
    assert.notEqual(changes[0]?.before, undefined);
  });

  it('are those under its earlier names, too, and of no other bot of that name', async () => {
    await using journal = await Journal.open(tempFolder());
    await journal.record(begun('old'), paused('old', 1500));
    await journal.record({ event: 'renamed', bot: 'new', from: 'old', at: 2000 });
    await journal.record(begun('old', 2500), paused('old', 2600), resumed('new', 2700));
    assert.deepEqual(await toldOf(journal, 'new'), [
      'begun 1000',
      'paused 1500',
      'renamed 2000',
      'resumed 2700',
    ]);
    assert.deepEqual(await toldOf(journal, 'old'), ['begun 2500', 'paused 2600']);
  });

  it('leave out a line that is being written', async () => {
    const folder = tempFolder();
    await using journal = await Journal.open(folder);
    await journal.record(begun('howl'), begun('灯台'));
    await appendFile(path.join(folder, 'journal.jsonl'), '{"n":3,"event":"paused","bot":"howl","at":20');
    assert.deepEqual(await toldOf(journal, 'howl'), ['begun 1000']);
    assert.deepEqual(await toldOf(journal, '灯台'), ['begun 1000']);
  });
});
