import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { restoreJournal, type RestoreOptions } from '../../src/ledger/backup.ts';
import { Journal, readJournal } from '../../src/ledger/journal.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';
import { flockError } from '../support/flock-error.ts';
import { runKilled } from '../support/killed-process.ts';
import { at, exported, parked, posted } from './exported.ts';

const restore = (folder: string, states: Record<string, BotState>, more: Partial<RestoreOptions> = {}) =>
  restoreJournal({
    folder,
    exported: exported(states),
    at,
    replace: false,
    markOf: (bot) => `key of ${bot}`,
    ...more,
  });

/** Where each bot is, by the journal. */
async function placesIn(folder: string): Promise<Record<string, number>> {
  const { states } = await readJournal(folder);
  return Object.fromEntries(Array.from(states, ([bot, { place }]) => [bot, place.next]));
}

describe('a ledger that is restored', () => {
  it('says what was exported, and that every bot looks first for what it has posted since', async () => {
    const folder = path.join(tempFolder(), 'state');
    assert.deepEqual(await restore(folder, { howl: posted(2), tide: parked }), {
      aside: undefined,
      kept: [],
    });
    const { states, history } = await readJournal(folder);
    assert.deepEqual(states.get('howl'), { ...posted(2), restored: true });
    assert.equal(history.days.at(at).posts, 3);
    assert.equal(statSync(path.join(folder, 'journal.jsonl')).mode & 0o777, 0o600);
  });

  it('leaves a parked bot parked with the key that it has now', async () => {
    const folder = tempFolder();
    await restore(folder, { tide: parked });
    assert.equal((await readJournal(folder)).states.get('tide')?.parked?.key, 'key of tide');
  });

  it('goes on as a journal', async () => {
    const folder = tempFolder();
    await restore(folder, { howl: posted(2) });
    await using journal = await Journal.open(folder);
    await journal.record({ event: 'paused', bot: 'howl', at });
    assert.deepEqual((await readJournal(folder)).states.get('howl'), {
      ...posted(2),
      restored: true,
      paused: at,
    });
  });

  it('is put in the place of one with bots only where that is wanted, and the old one is kept', async () => {
    const folder = tempFolder();
    await restore(folder, { howl: posted(2) });
    const old = readFileSync(path.join(folder, 'journal.jsonl'), 'utf8');
    await assert.rejects(
      restore(folder, { howl: posted(1) }),
      flockError('cannotCreate', /is not empty: it knows 1 bot$/),
    );
    assert.deepEqual(await placesIn(folder), { howl: 2 });
    const { aside = '' } = await restore(folder, { howl: posted(1) }, { replace: true });
    assert.equal(aside, 'journal-2026-11-21T12-00-00-000Z.jsonl');
    assert.equal(readFileSync(path.join(folder, aside), 'utf8'), old);
    assert.equal(statSync(path.join(folder, aside)).mode & 0o777, 0o600);
    assert.deepEqual(await placesIn(folder), { howl: 1 });
  });

  it('keeps bots that the export does not know, so that none begins anew', async () => {
    const folder = tempFolder();
    await restore(folder, { howl: posted(2), ada: posted(3) });
    const { kept } = await restore(folder, { howl: posted(1) }, { replace: true });
    assert.deepEqual(kept, ['ada']);
    assert.deepEqual(await placesIn(folder), { ada: 3, howl: 1 });
  });

  it('is put in the place of a damaged one only where that is wanted, byte by byte kept', async () => {
    const folder = tempFolder();
    await restore(folder, { howl: posted(2) });
    const damaged = Buffer.concat([
      Buffer.from([0xff, 0xfe]),
      readFileSync(path.join(folder, 'journal.jsonl')),
    ]);
    writeFileSync(path.join(folder, 'journal.jsonl'), damaged);
    await assert.rejects(restore(folder, { howl: posted(1) }), flockError('data', /damaged/));
    const { aside = '' } = await restore(folder, { howl: posted(1) }, { replace: true });
    assert.deepEqual(readFileSync(path.join(folder, aside)), damaged);
    assert.deepEqual(await placesIn(folder), { howl: 1 });
  });

  it('may be one without a bot', async () => {
    const folder = tempFolder();
    await (await Journal.open(folder))[Symbol.asyncDispose]();
    assert.equal((await restore(folder, { howl: posted(1) })).aside, undefined);
  });
});

describe('a process that is killed while it restores', () => {
  let script: string;
  before(async () => {
    script = await bundle(path.join(import.meta.dirname, 'killed-restore.ts'));
  });

  it('leaves the old ledger or the new one, whole, at every call', async () => {
    const scratch = tempFolder();
    await restore(scratch, { howl: posted(3) });
    const calls = runKilled(script, [scratch]).calls.length;
    assert.deepEqual(await placesIn(scratch), { howl: 1 });
    assert.ok(calls >= 8, `${calls} calls`);
    const seen = new Set<number | undefined>();
    for (let call = 1; call <= calls; call++) {
      for (const how of ['before', 'after', 'half']) {
        const folder = tempFolder();
        await restore(folder, { howl: posted(3) });
        assert.equal(runKilled(script, [folder, `${how} ${call}`]).signal, 'SIGKILL');
        const { howl } = await placesIn(folder);
        assert.ok(howl === 3 || howl === 1, `${how} ${call}: ${howl}`);
        seen.add(howl);
        // It is done again as if nothing had been.
        await restore(folder, { howl: posted(1) }, { replace: true, at: at + 1 });
        assert.deepEqual(await placesIn(folder), { howl: 1 });
        assert.ok(
          readdirSync(folder).every((name) => (statSync(path.join(folder, name)).mode & 0o077) === 0),
        );
      }
    }
    assert.equal(seen.size, 2);
  });
});
