import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bot } from '../../src/config/flock-file.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { type BotState, fingerprint, fingerprints } from '../../src/ledger/state.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { olderSplit, splitPoem } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { keyMark } from '../../src/posting/bot-runner.ts';
import { rehearse } from '../../src/rehearsal/rehearse.ts';
import { inSandbox } from '../../src/rehearsal/stage.ts';
import { lines, rehearsed, wholeFlock } from './rehearsed.ts';

const from = '2026-05-01T00:00:00Z';
const now = Date.parse(from);
const hour = 3_600_000;
const poem = lines('heron', 12);

/** A bot that has posted four lines, yesterday the last. */
const begunState = (others: Partial<BotState> = {}): BotState => ({
  place: { poem: fingerprints(poem.map((text) => ({ text }))), next: 4, ahead: [] },
  account: '17',
  pass: 2,
  served: now - 15 * hour,
  posts: 16,
  // An id of the real X, later than any that the sandbox will give.
  last: { id: '9000000000000000000', at: now - 15 * hour, line: 3 },
  ...others,
});

const begin = (state: BotState): { begun: { states: Map<string, BotState>; history: FlockHistory } } => ({
  begun: { states: new Map([['heron', state]]), history: new FlockHistory() },
});

const intent = {
  event: 'intent',
  bot: 'heron',
  at: now - 15 * hour,
  slot: now - 15 * hour,
  until: now - 15 * hour,
  line: 4,
  lines: 1,
  print: fingerprint(poem[4] ?? ''),
  since: '9000000000000000000',
} as const;

describe('a rehearsal of a flock that has begun', () => {
  it('goes on at its place', async () => {
    const { report, posted } = await rehearsed({ poems: { heron: poem } }, begin(begunState()));
    const [bot] = report.bots;
    assert.deepEqual([bot?.posted, bot?.done, bot?.of, bot?.pass, bot?.state], [7, 11, 12, 2, 'fine']);
    assert.equal(posted[0]?.at, now + 9 * hour);
    assert.ok(report.kept);
  });

  it('goes on in the middle of a line that an older version has split otherwise, and begins again', async () => {
    const long = (name: string): string =>
      `${`${name} was the best, it was the worst; `.repeat(15)}and so on.`;
    const rows = [long('It'), 'a short line', long('She'), long('He')];
    const before = rows.flatMap(olderSplit);
    const today = splitPoem(rows.join('\n'), { unit: 'line', rules: rulesOfX }).map(({ text }) => text);
    assert.notDeepEqual(today, before);
    const place = { poem: fingerprints(before.map((text) => ({ text }))), next: 1, ahead: [] };
    const prints: string[] = [];
    const through = (ledger: Ledger): Ledger => ({
      state: (name) => ledger.state(name),
      states: () => ledger.states(),
      history: () => ledger.history(),
      record(...events) {
        prints.push(...events.flatMap((event) => (event.event === 'intent' ? [event.print] : [])));
        return ledger.record(...events);
      },
      [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
    });
    const flock = { poems: { heron: rows }, settings: { schedule: '0 */4 * * *' } };
    const { report } = await rehearsed(flock, { ...begin(begunState({ place })), through });
    assert.ok(report.kept, JSON.stringify(report.broken));
    // What is left of the first line as it was split; all else as it is today, and then all over again.
    const left = olderSplit(rows[0] ?? '').slice(1);
    const rest = today.slice(today.indexOf('a short line'));
    const passes = Array.from({ length: 9 }, () => today).flat();
    const expected = [...left, ...rest, ...passes].map(fingerprint);
    assert.deepEqual(prints, expected.slice(0, prints.length));
    assert.ok(prints.length > left.length + rest.length + today.length);
  });

  it('goes on where another rehearsal ended', async () => {
    const flock = { poems: { heron: poem, otter: lines('otter', 5) } };
    const first = await rehearsed(flock);
    const begun = { states: new Map(first.ledger.states()), history: first.ledger.history() };
    const second = await rehearsed(flock, { from: first.report.until, begun });
    assert.deepEqual(
      second.report.bots.map(({ posted, done, pass }) => [posted, done, pass]),
      [
        [7, 2, 2],
        [7, 4, 3],
      ],
    );
    assert.ok(second.report.kept);
  });

  it('posts for the slots that were missed as the bot is told to', async () => {
    const late = begunState({ served: now - 63 * hour });
    const outcomes = await Promise.all(
      (['one', 'all', 'skip'] as const).map(async (missed) => {
        const flock = { poems: { heron: poem }, settings: { missed } };
        const { report } = await rehearsed(flock, begin(late));
        return [missed, report.posted, report.missed, report.kept];
      }),
    );
    // Two slots were missed, at 33 and 9 hours before; another seven come.
    assert.deepEqual(outcomes, [
      ['one', 8, 1, true],
      ['all', 9, 0, true],
      ['skip', 7, 2, true],
    ]);
  });

  it('settles what is in doubt by the sandbox, where it is not, and posts it', async () => {
    const { report, posted } = await rehearsed(
      { poems: { heron: poem } },
      begin(begunState({ open: intent })),
    );
    assert.deepEqual([report.posted, report.inDoubt, report.unsettled], [8, 1, 0]);
    assert.ok((posted[0]?.at ?? 0) < now + hour, 'at once');
    assert.ok(report.kept);
  });

  it('keeps what is in the budget’s tally, and gives back what is in doubt and not there', async () => {
    const ends = { dayEnds: now + 24 * hour, monthEnds: now + 31 * 24 * hour };
    const tally = {
      day: { ends: ends.dayEnds, posts: 1 },
      month: { ends: ends.monthEnds, micros: 100_000 },
      total: 500_000,
    };
    const open = { ...intent, cost: 15_000, ...ends };
    const { report, ledger } = await rehearsed(
      { poems: { heron: poem }, settings: { bots: { heron: { budget: { usdPerMonth: 0.13 } } } } },
      { ...begin(begunState({ open, tally })), days: 20 },
    );
    // 0.015 is given back, which leaves 0.045 of the month's budget, for three posts.
    assert.deepEqual([report.posted, report.usd, report.bill], [3, 0.045, 0.045]);
    assert.equal(ledger.state('heron')?.tally?.total, 530_000);
    assert.deepEqual([report.bots[0]?.state, report.bots[0]?.budgetWaits], ['waiting', 1]);
    assert.ok(report.kept, 'a budget is no broken promise');
  });

  it('keeps a parked bot parked, and frees one whose key was replaced since', async () => {
    const parked = {
      why: 'X refuses its key (401)',
      hint: 'keymaker reauth heron',
      key: 'real-mark',
      at: now - hour,
    };
    const stays = await rehearsed({ poems: { heron: poem } }, begin(begunState({ parked })));
    assert.deepEqual([stays.report.posted, stays.report.kept], [0, false]);
    assert.deepEqual(stays.report.bots[0]?.state, 'parked');
    assert.equal(stays.report.bots[0].hint, 'keymaker reauth heron');

    const flock = wholeFlock({ poems: { heron: poem } });
    const bundle = {
      appKeys: new TokenPair('app', 'app-secret'),
      accessToken: new TokenPair('17-new', 'new-secret'),
      userId: '17',
      screenName: 'heron',
      poemFile: 'heron',
    };
    const bots = flock.bots.map((bot) => ({ ...bot, bundle }));
    const options = {
      flock: { ...flock, bots },
      from: now,
      days: 7,
      faults: 0,
      seed: 'begun',
      readPoem: () => Promise.resolve(poem.join('\n')),
    };
    const freed = await rehearse({ ...options, ...begin(begunState({ parked })) });
    assert.deepEqual([freed.posted, freed.kept], [7, true]);
    const key = keyMark(bots[0] as Bot);
    const same = await rehearse({ ...options, ...begin(begunState({ parked: { ...parked, key } })) });
    assert.deepEqual([same.posted, same.bots[0]?.state], [0, 'parked']);
  });

  it('rests a paused bot, and looks first for what a restored one may have posted', async () => {
    const paused = await rehearsed({ poems: { heron: poem } }, begin(begunState({ paused: now - hour })));
    assert.deepEqual([paused.report.posted, paused.report.bots[0]?.state], [0, 'paused']);
    const restored = await rehearsed({ poems: { heron: poem } }, begin(begunState({ restored: true })));
    assert.deepEqual([restored.report.posted, restored.report.inDoubt, restored.report.kept], [7, 0, true]);
  });

  it('follows an edit of the poem, and parks where the place is lost', async () => {
    const edited = ['a new line before', ...poem.slice(0, 6), 'a new line within', ...poem.slice(6)];
    const { report } = await rehearsed({ poems: { heron: edited } }, begin(begunState()));
    assert.deepEqual([report.posted, report.bots[0]?.done, report.kept], [7, 12, true]);
    const lost = await rehearsed({ poems: { heron: lines('otter', 9) } }, begin(begunState()));
    assert.deepEqual(
      [lost.report.posted, lost.report.bots[0]?.state, lost.report.kept],
      [0, 'parked', false],
    );
  });

  it('leaves out a bot whose ledger is of another account', async () => {
    const flock = wholeFlock({ poems: { heron: poem, otter: poem } });
    const accessToken = new TokenPair('18-token', 'secret');
    const bundle = {
      appKeys: new TokenPair('app', 'app-secret'),
      accessToken,
      userId: '18',
      screenName: 'heron',
      poemFile: 'heron',
    };
    const bots = flock.bots.map((bot) => (bot.name === 'heron' ? { ...bot, bundle } : bot));
    const report = await rehearse({
      flock: { ...flock, bots },
      ...begin(begunState()),
      from: now,
      days: 7,
      faults: 0,
      seed: 'begun',
      readPoem: () => Promise.resolve(poem.join('\n')),
    });
    assert.deepEqual(
      report.leftOut.map(({ bot, why }) => [bot, why]),
      [['heron', 'heron has posted as the account 17, but its key is for 18']],
    );
    assert.deepEqual(
      report.bots.map(({ bot }) => bot),
      ['otter' as BotName],
    );
  });
});

describe('a state in the sandbox', () => {
  it('has nothing of the real X in it', () => {
    const state = inSandbox(begunState({ open: intent }), { account: '1', key: 'mark', realKey: 'real' });
    assert.deepEqual(
      [state.account, state.last, state.place.next],
      ['1', { at: now - 15 * hour, line: 3 }, 4],
    );
    assert.equal(state.open && 'since' in state.open, false);
  });
});
