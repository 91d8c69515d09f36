import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { Journal } from '../../src/ledger/journal.ts';
import { spentBy } from '../../src/ledger/history.ts';
import { decide } from '../../src/posting/decide.ts';

/*
 * Journals as the flockd before this one wrote them (version 2), with lines of their own here. It knew no looks that are paid for by themselves, no held posts and no refusals with the time at which they were written.
 */

const day = Date.parse('2026-05-02T00:00:00Z');
const month = Date.parse('2026-06-01T00:00:00Z');
const at = (time: string): number => Date.parse(`2026-05-01T${time}Z`);

/** A line, as it has been since version 1. */
function lineOf(n: number, record: object): string {
  const open = `{"n":${n},${JSON.stringify(record).slice(1, -1)}`;
  return `${open},"crc":"${crc32(open).toString(16).padStart(8, '0')}"}\n`;
}

const poem = 'aaaaaaaabbbbbbbbccccccccdddddddd';
const price = { cost: 15_000, dayEnds: day, monthEnds: month };
const intent = (line: number, time: string, since?: string): object => ({
  event: 'intent',
  bot: 'howl',
  at: at(time),
  slot: at(time),
  until: at(time),
  line,
  lines: 1,
  print: poem.slice(line * 8, line * 8 + 8),
  ...(since !== undefined && { since }),
  ...price,
});

const events: object[] = [
  { event: 'begun', bot: 'howl', at: at('00:30:00'), poem, account: '77' },
  intent(0, '01:00:00'),
  { event: 'posted', bot: 'howl', at: at('01:00:01'), id: '1001', by: 'answer' },
  intent(1, '02:00:00', '1001'),
  { event: 'absent', bot: 'howl', at: at('02:05:00'), by: 'timeline', cost: 10_000 },
  intent(1, '02:05:01', '1001'),
  { event: 'posted', bot: 'howl', at: at('02:10:00'), id: '1002', by: 'timeline', cost: 5000 },
  intent(2, '03:00:00', '1002'),
  { event: 'refused', bot: 'howl', at: at('03:00:01'), why: 'wait', reason: '429', retryAt: at('03:15:00') },
];

describe('a journal of the flockd before', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'older-'));
    file = path.join(folder, 'journal.jsonl');
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  const write = async (...records: object[]): Promise<void> => {
    const all = [{ journal: 'flockd', version: 2 }, ...records];
    await writeFile(file, all.map((record, n) => lineOf(n, record)).join(''));
  };

  it('is read: the place, what is owed, and what was spent with looks that were paid for in their outcome', async () => {
    await write(...events);
    await using journal = await Journal.open(folder);
    const state = journal.state('howl');
    assert.ok(state);
    assert.deepEqual([state.place.next, state.posts, state.account, state.last?.id], [2, 2, '77', '1002']);
    assert.deepEqual([state.owed?.why, state.owed?.retryAt], ['wait', at('03:15:00')]);
    // Two posts, and two looks at three posts.
    const spent = spentBy(state, 'UTC', at('04:00:00'));
    assert.deepEqual([spent.posts, spent.micros, spent.total], [2, 45_000, 45_000]);
    assert.deepEqual(journal.history().months.at(month), { posts: 2, micros: 45_000 });
  });

  it('goes on with what this one writes, and is then one of this version', async () => {
    await write(...events);
    const more: LedgerEvent[] = [
      { event: 'looked', bot: 'howl', at: at('03:15:00'), ...price, cost: 5000 },
      {
        event: 'held',
        bot: 'howl',
        at: at('03:15:01'),
        slot: at('03:00:00'),
        until: at('03:00:00'),
        why: 'app-refused',
        reason: '403',
        retryAt: at('03:16:00'),
      },
    ];
    {
      await using journal = await Journal.open(folder);
      await journal.record(...more);
    }
    const [header = '', ...lines] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    assert.match(header, /"version":3/);
    assert.equal(lines.length, events.length + more.length);
    await using again = await Journal.open(folder);
    const state = again.state('howl');
    assert.deepEqual([state?.owed?.why, state?.tally?.total, state?.place.next], ['app-refused', 50_000, 2]);
  });

  it('with a snapshot of states is read', async () => {
    const tally = { day: { ends: day, posts: 3 }, month: { ends: month, micros: 61_000 }, total: 99_000 };
    const place = { poem, next: 3, ahead: [] };
    const state = {
      place,
      account: '77',
      pass: 2,
      served: at('03:00:00'),
      posts: 7,
      owed: {
        slot: at('03:00:00'),
        until: at('03:00:00'),
        retryAt: at('03:30:00'),
        why: 'no-credit',
        reason: '402',
        times: 4,
      },
      last: { id: '1007', at: at('02:00:00'), line: 2 },
      tally,
    };
    const parked = {
      why: 'X refuses its key (401)',
      hint: 'keymaker reauth rain',
      key: 'k',
      at: at('01:00:00'),
    };
    await write(
      {
        history: {
          days: [[day, { posts: 3, micros: 45_000 }]],
          months: [[month, { posts: 3, micros: 61_000 }]],
          recent: [],
        },
      },
      { bot: 'howl', state },
      { bot: 'rain', state: { place: { poem, next: 0, ahead: [] }, pass: 1, served: 0, posts: 0, parked } },
    );
    await using journal = await Journal.open(folder);
    assert.deepEqual(journal.state('howl'), state);
    assert.deepEqual(journal.state('rain')?.parked, parked);
    assert.equal(spentBy(journal.state('howl'), 'UTC', at('04:00:00')).micros, 61_000);
    assert.equal(journal.history().months.at(month).micros, 61_000);
    const decision = decide({
      bot: 'howl',
      state: { ...state, place },
      settings: { missed: 'one', paused: false, settle: 0 },
      schedule: { nextSlot: (after) => after + 3_600_000, offset: 0 },
      now: at('03:10:00'),
      isStopped: false,
      key: '',
      openFor: 0,
      deadline: 1,
    });
    assert.deepEqual(decision, { do: 'wait', until: at('03:30:00') });
  });
});
