import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatExport } from '../../src/ledger/backup.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { exported, posted } from '../ledger/exported.ts';
import { poem, TestFlock } from '../support/flock.ts';

const at = Date.parse('2026-11-21T12:00:00Z');

const parkedFor = (why: string, cause?: string): BotState => ({
  ...posted(1),
  parked: { why, hint: 'look at it', key: '', at, ...(cause !== undefined && { cause }) },
});

/** A flock whose ledger says these things of its bots. */
async function openFlock(states: Record<string, BotState>): Promise<TestFlock> {
  const poems = Object.fromEntries(Object.keys(states).map((bot) => [`${bot}.txt`, poem(bot, 3)]));
  const flock = await TestFlock.open({ poems });
  await flock.write('ledger.json', formatExport(exported(states)));
  const restored = await flock.run('flockd', ['restore', 'ledger.json']);
  assert.equal(restored.code, 0, restored.stderr);
  return flock;
}

describe('flockd resume --all', { concurrency: true }, () => {
  it('lets every parked bot go on whose cause may be over, and says which and why', async () => {
    await using flock = await openFlock({
      amber: parkedFor('X refuses its key (401)', 'reauth'),
      brook: parkedFor('its poem has become another one, and its place in it is lost', 'place'),
      // An older flockd wrote no cause down.
      cedar: parkedFor('X refuses the line (403 a web page)'),
      delta: parkedFor('its poem has become another one, and its place in it is lost'),
      ember: posted(1),
    });
    const { code, stdout, stderr } = await flock.run('flockd', ['resume', '--all']);
    assert.equal(code, 1);
    assert.equal(
      stdout + stderr,
      'amber goes on: X refuses its key (401)\n' +
        'cedar goes on: X refuses the line (403 a web page)\n' +
        'flockd: brook still needs you: its poem has become another one, and its place in it is lost\n' +
        'hint: look at it\n' +
        'flockd: delta still needs you: its poem has become another one, and its place in it is lost\n' +
        'hint: look at it\n',
    );
    const again = await flock.run('flockd', ['resume', '--all']);
    assert.equal(again.code, 1);
    assert.doesNotMatch(again.stdout, /goes on/);
  });

  it('says where nobody is parked, and that a stopped flock stays stopped', async () => {
    await using flock = await openFlock({ amber: posted(1) });
    const idle = await flock.run('flockd', ['resume', '--all']);
    assert.deepEqual([idle.code, idle.stdout], [0, 'No bot needs you.\n']);
    await flock.run('flockd', ['pause']);
    assert.match(
      (await flock.run('flockd', ['resume', '--all'])).stdout,
      /still paused, until flockd resume/,
    );
  });

  it('takes neither a bot nor a line', async () => {
    await using flock = await openFlock({ amber: posted(1) });
    for (const words of [['amber'], ['--line', '1']])
      assert.equal((await flock.run('flockd', ['resume', '--all', ...words])).code, 64);
  });
});
