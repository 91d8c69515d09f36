import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Owed } from '../../src/ledger/state.ts';
import { networks } from '../../src/networks/networks.ts';
import { eventsAfter, type FailedAttempt, type PostFailure } from '../../src/posting/post.ts';

const now = Date.parse('2026-05-01T09:00Z');
const second = 1000;
const minute = 60 * second;

const hour = 60 * minute;

const owedFor = (why: string, times: number, rest: Partial<Owed> = {}): Owed => {
  return { slot: now, until: now, retryAt: now, why, reason: '', times, at: now, ...rest };
};

/** A first attempt at a line that the bot has not posted before. */
const attempt: FailedAttempt = {
  bot: 'rain',
  state: { place: { poem: 'abcdefgh'.repeat(6), next: 4, ahead: [] } },
  key: 'k',
  network: networks.x,
  refrain: 'join',
  isRepeated: false,
  now,
  closedUntil: undefined,
};

const owing = (owed: Owed | undefined): Pick<FailedAttempt, 'state'> => ({
  state: { ...attempt.state, owed },
});

function after(
  failure: PostFailure,
  owed?: Owed,
  rest: Partial<FailedAttempt> = {},
): { retryIn: number | undefined; hint: string | undefined; cause: string | undefined } {
  const given = { ...attempt, ...owing(owed), ...rest };
  const events = eventsAfter(failure, given);
  const refused = events.find((event) => event.event === 'refused');
  const parked = events.find((event) => event.event === 'parked');
  for (const event of events) assert.deepEqual([event.bot, event.at], ['rain', given.now]);
  assert.equal(events.length, (refused ? 1 : 0) + (parked ? 1 : 0));
  if (refused) assert.deepEqual([refused.why, refused.reason], [failure.kind, failure.reason]);
  if (parked) assert.equal(parked.key, 'k');
  return { retryIn: refused && refused.retryAt - given.now, hint: parked?.hint, cause: parked?.cause };
}

const plain = (kind: Exclude<PostFailure['kind'], 'wait'>): PostFailure => ({ kind, reason: 'so' });

describe('after a failed post', () => {
  const rows: [name: string, failure: PostFailure, owed: Owed | undefined, retryIn: number | undefined][] = [
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
      assert.deepEqual(after(failure, owed), { retryIn, hint: undefined, cause: undefined });
    });
  }

  it('a refrain that is deferred waits from the first refusal on', () => {
    assert.equal(after(plain('duplicate'), undefined, { refrain: 'defer' }).retryIn, 15 * minute);
    assert.equal(
      after(plain('duplicate'), owedFor('duplicate', 1), { refrain: 'defer' }).retryIn,
      30 * minute,
    );
  });

  it('a refrain that is skipped gives its slot to the next line', () => {
    const events = eventsAfter(plain('duplicate'), { ...attempt, refrain: 'skip' });
    assert.deepEqual(
      events.map(({ event }) => event),
      ['refused', 'skipped'],
    );
    assert.ok(events[1]?.event === 'skipped' && events[1].line === 4);
  });

  for (const [name, failure, owed, hint] of [
    ['a second word that its key is dead', plain('reauth'), owedFor('reauth', 1), /^keymaker reauth rain$/],
    ['an app that may only read', plain('read-only'), undefined, /write permission.*keymaker reauth rain/],
    ['a suspended account', plain('suspended'), undefined, /sign in.*as this account.*flockd resume rain$/],
    ['a locked account', plain('locked'), undefined, /sign in.*to unlock it.*flockd resume rain$/],
    ['an account called automated', plain('automated'), undefined, /sign in.*label it.*flockd resume rain$/],
    ['a line X will not have', plain('rejected'), undefined, /change the line.*flockd resume rain$/],
  ] as const) {
    it(`${name} parks the bot, its line still owed`, () => {
      const found = after(failure, owed);
      assert.match(found.hint ?? '', hint);
      assert.equal(found.retryIn, 0);
      assert.equal(found.cause, failure.kind);
    });
  }

  it('a line that a server of Mastodon takes no more names the way to its new limit', () => {
    const { hint } = after(plain('rejected'), undefined, { network: networks.mastodon });
    assert.match(hint ?? '', /keymaker doctor --repair --bot=rain; .*change the line.*flockd resume rain$/);
  });
});

describe('a 401 that names nothing', () => {
  /** Asks again whenever it says, until it parks the bot; how long each wait was. */
  function waits(): number[] {
    const found: number[] = [];
    let at = now;
    let owed: Owed | undefined;
    for (;;) {
      const { retryIn, hint } = after(plain('unauthorized'), owed, { now: at });
      if (hint !== undefined || found.length > 50) return found;
      found.push(retryIn ?? NaN);
      const { times = 0, since = at }: Partial<Owed> = owed ?? {};
      owed = owedFor('unauthorized', times + 1, { at, since });
      at += retryIn ?? NaN;
    }
  }

  it('is asked again at growing intervals, for an hour at least, before the bot is parked', () => {
    const found = waits();
    assert.deepEqual(
      found.toSorted((a, b) => a - b),
      found,
    );
    const all = found.reduce((sum, wait) => sum + wait, 0);
    assert.ok(all >= hour && all < 2 * hour, `${all / minute} minutes`);
    assert.ok(found.length >= 4, `${found.length} times`);
  });

  it('is not believed after an hour in which nobody asked', () => {
    const owed = owedFor('unauthorized', 1, { since: now - 5 * hour });
    assert.deepEqual(after(plain('unauthorized'), owed), {
      retryIn: minute,
      hint: undefined,
      cause: undefined,
    });
  });

  it('is not believed where it is not known since when, as an older flockd wrote it', () => {
    const { since: _, ...owed } = owedFor('unauthorized', 9, { since: 0 });
    assert.equal(after(plain('unauthorized'), owed).hint, undefined);
  });

  it('of another key is not counted', () => {
    const owed = owedFor('unauthorized', 6, { since: now - 2 * hour, key: 'old' });
    assert.equal(after(plain('unauthorized'), owed).retryIn, 10 * second);
    assert.equal(after(plain('reauth'), owedFor('reauth', 1, { key: 'old' })).retryIn, 10 * second);
    assert.equal(after(plain('unauthorized'), { ...owed, key: 'k' }).cause, 'unauthorized');
  });

  it('is written down with its key, and a refusal of the line is not', () => {
    const keyIn = (kind: 'unauthorized' | 'reauth' | 'rejected'): string | undefined => {
      const [refused] = eventsAfter(plain(kind), attempt);
      return refused?.event === 'refused' ? refused.key : undefined;
    };
    assert.deepEqual([keyIn('unauthorized'), keyIn('reauth'), keyIn('rejected')], ['k', 'k', undefined]);
  });

  it('parks the bot with its own cause', () => {
    const owed = owedFor('unauthorized', 6, { since: now - hour });
    const { hint, cause } = after(plain('unauthorized'), owed);
    assert.deepEqual([hint, cause], ['keymaker reauth rain', 'unauthorized']);
  });
});

describe('a limit of the account itself', () => {
  const at = (time: string): number => Date.parse(`2026-05-01T${time}:00Z`);
  const rows: [name: string, now: string, times: number, until: string][] = [
    ['to the next half hour', '09:10', 0, '09:30'],
    ['to the half hour after it, where it is one', '09:30', 0, '10:00'],
    ['then twice as far', '09:30', 1, '10:30'],
    ['and four times', '10:30', 2, '12:30'],
    ['and eight', '12:30', 3, '16:30'],
    ['never beyond the next day', '16:30', 4, '24:00'],
    ['never beyond the next day, however often', '12:00', 900, '24:00'],
  ];
  for (const [name, from, times, until] of rows) {
    it(`waits ${name}`, () => {
      const owed = times === 0 ? undefined : owedFor('limit', times, { at: at(from) - hour });
      const { retryIn, hint } = after(plain('limit'), owed, { now: at(from) });
      assert.equal(at(from) + (retryIn ?? NaN), until === '24:00' ? at('00:00') + 24 * hour : at(until));
      assert.equal(hint, undefined);
    });
  }

  it('waits for the next half hour again on the next day', () => {
    const owed = owedFor('limit', 6, { at: at('00:10') - 20 * minute });
    assert.equal(after(plain('limit'), owed, { now: at('00:10') }).retryIn, 20 * minute);
  });
});

describe('what is not about the bot alone', () => {
  for (const kind of ['no-credit', 'app-refused', 'outage', 'clock'] as const)
    it(`waits as the gate says: ${kind}`, () => {
      const found = after(plain(kind), owedFor(kind, 99), { closedUntil: now + 77 });
      assert.deepEqual(found, { retryIn: 77, hint: undefined, cause: undefined });
      assert.equal(after(plain(kind)).retryIn, minute);
    });
});

describe('a repetition of what was in doubt', () => {
  const refrains = ['join', 'defer', 'skip'] as const;

  it('is in doubt again where the timeline has not shown it once: it may have been late', () => {
    for (const refrain of refrains)
      for (const owed of [
        owedFor('absent', 1),
        owedFor('wait', 3, { absent: 1 }),
        owedFor('duplicate', 1, { absent: 1 }),
      ])
        assert.deepEqual(eventsAfter(plain('duplicate'), { ...attempt, refrain, ...owing(owed) }), []);
  });

  it('is the proof that it is there, where it was absent twice and was never posted before', () => {
    for (const refrain of refrains)
      for (const owed of [owedFor('absent', 2), owedFor('wait', 1, { absent: 3 })])
        assert.deepEqual(eventsAfter(plain('duplicate'), { ...attempt, refrain, ...owing(owed) }), [
          { event: 'posted', bot: 'rain', at: now, by: 'repetition' },
        ]);
  });

  it('is a refrain where the bot has posted the same text before', () => {
    for (const refrain of refrains) {
      const given = { ...attempt, refrain, isRepeated: true, ...owing(owedFor('absent', 2)) };
      const [first] = eventsAfter(plain('duplicate'), given);
      assert.equal(first?.event, 'refused');
    }
  });

  it('is a refrain where nothing was in doubt', () => {
    for (const refrain of refrains)
      for (const owed of [undefined, owedFor('never-sent', 2), owedFor('held', 2)])
        assert.equal(
          eventsAfter(plain('duplicate'), { ...attempt, refrain, ...owing(owed) })[0]?.event,
          'refused',
        );
  });
});
