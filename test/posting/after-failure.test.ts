import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventsAfter, type Refrain } from '../../src/posting/after-failure.ts';
import type { Owed } from '../../src/posting/bot-state.ts';
import type { XFailure } from '../../src/x/x-failure.ts';

const now = Date.parse('2026-05-01T09:00Z');
const second = 1000;
const minute = 60 * second;

const owedFor = (why: string, times: number): Owed => {
  return { slot: now, until: now, retryAt: now, why, reason: '', times };
};

function after(
  failure: XFailure,
  owed?: Owed,
  refrain: Refrain = 'join',
): { retryIn: number | undefined; hint: string | undefined } {
  const events = eventsAfter(failure, {
    bot: 'rain',
    owed,
    key: 'k',
    line: 4,
    refrain,
    now,
    isRepeated: false,
    closedUntil: undefined,
  });
  const refused = events.find((event) => event.event === 'refused');
  const parked = events.find((event) => event.event === 'parked');
  for (const event of events) assert.deepEqual([event.bot, event.at], ['rain', now]);
  assert.equal(events.length, (refused ? 1 : 0) + (parked ? 1 : 0));
  if (parked) assert.equal(parked.key, 'k');
  return { retryIn: refused && refused.retryAt - now, hint: parked?.hint };
}

describe('after a failed post', () => {
  const plain = (kind: Exclude<XFailure['kind'], 'wait'>): XFailure => ({ kind, reason: 'so' });
  const rows: [name: string, failure: XFailure, owed: Owed | undefined, retryIn: number | undefined][] = [
    ['one in doubt writes nothing down', plain('in-doubt'), undefined, undefined],
    ['one never sent is tried again at once', plain('never-sent'), undefined, 5 * second],
    [
      'one never sent for the third time waits longer',
      plain('never-sent'),
      owedFor('never-sent', 2),
      20 * second,
    ],
    [
      'one never sent for days waits five minutes at most',
      plain('never-sent'),
      owedFor('never-sent', 900),
      5 * minute,
    ],
    ['one refused for another reason begins anew', plain('never-sent'), owedFor('wait', 9), 5 * second],
    ['a limit is waited for', { kind: 'wait', until: now + 77, scope: 'bot', reason: '429' }, undefined, 77],
    ['a refrain is tried at once, joined', plain('duplicate'), undefined, 0],
    ['a refrain that joins nothing waits', plain('duplicate'), owedFor('duplicate', 1), 30 * minute],
    ['and waits', plain('duplicate'), owedFor('duplicate', 2), 60 * minute],
    ['two hours at most', plain('duplicate'), owedFor('duplicate', 30), 120 * minute],
    ['one dead key is asked about again', plain('reauth'), undefined, 10 * second],
    ['a dead key after another refusal begins anew', plain('reauth'), owedFor('wait', 3), 10 * second],
    ['a 401 that names nothing is asked again', plain('unauthorized'), undefined, 10 * second],
  ];
  for (const [name, failure, owed, retryIn] of rows) {
    it(name, () => {
      assert.deepEqual(after(failure, owed), { retryIn, hint: undefined });
    });
  }

  it('a refrain that is deferred waits from the first refusal on', () => {
    assert.equal(after(plain('duplicate'), undefined, 'defer').retryIn, 15 * minute);
    assert.equal(after(plain('duplicate'), owedFor('duplicate', 1), 'defer').retryIn, 30 * minute);
  });

  it('a refrain that is skipped gives its slot to the next line', () => {
    const events = eventsAfter(plain('duplicate'), {
      bot: 'rain',
      owed: undefined,
      key: 'k',
      line: 4,
      refrain: 'skip',
      now,
    });
    assert.deepEqual(
      events.map(({ event }) => event),
      ['refused', 'skipped'],
    );
    assert.ok(events[1]?.event === 'skipped' && events[1].line === 4);
  });

  it('a duplicate of what the timeline did not show is no refrain: it is in doubt again, once', () => {
    for (const refrain of ['join', 'defer', 'skip'] as const) {
      const given = { bot: 'rain', key: 'k', line: 4, refrain, now };
      assert.deepEqual(eventsAfter(plain('duplicate'), { ...given, owed: owedFor('absent', 1) }), []);
      assert.notDeepEqual(eventsAfter(plain('duplicate'), { ...given, owed: owedFor('absent', 2) }), []);
    }
  });

  for (const [name, failure, owed, hint] of [
    ['a second 401', plain('reauth'), owedFor('reauth', 1), /^keymaker reauth rain$/],
    ['an app that may only read', plain('read-only'), undefined, /write permission.*keymaker reauth rain/],
    ['a suspended account', plain('suspended'), undefined, /sign in.*keymaker reauth rain/],
    ['a line X will not have', plain('rejected'), undefined, /change the line.*flockd resume rain/],
  ] as const) {
    it(`${name} parks the bot, its line still owed`, () => {
      const found = after(failure, owed);
      assert.match(found.hint ?? '', hint);
      assert.equal(found.retryIn, 0);
    });
  }
});
