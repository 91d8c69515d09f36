import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type BotState, fingerprints, type Owed } from '../../src/ledger/state.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { type Edit } from '../../src/posting/edits.ts';
import { decide, type Decision, type Move, movePost, type Situation } from '../../src/posting/decide.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** 9 o'clock on the first day; a slot comes every day at 9. */
const nine = Date.parse('2026-05-01T09:00Z');
const daily = (after: number): number => nine + (Math.floor((after - nine) / day) + 1) * day;

const fresh: BotState = { place: { poem: 'abcdefgh', next: 0, ahead: [] }, pass: 1, served: nine, posts: 0 };
const openAt = (at: number): Pick<BotState, 'open'> => {
  return {
    open: { event: 'intent', bot: 'rain', at, slot: at, until: at, line: 0, lines: 1, print: 'abcdefgh' },
  };
};
const owedUntil = (retryAt: number): Pick<BotState, 'owed'> => {
  return { owed: { slot: nine - day, until: nine, retryAt, why: 'wait', reason: '429', times: 1 } };
};
const owedAt = (at: number, rest: Partial<Owed> = {}): Pick<BotState, 'owed'> => {
  const owed = { slot: nine - day, until: nine, retryAt: at, why: 'wait', reason: '429', times: 1, at };
  return { owed: { ...owed, ...rest } };
};
const parkedWith = (key: string): Pick<BotState, 'parked'> => {
  return { parked: { why: 'reauth', hint: 'keymaker reauth rain', key, at: nine } };
};

interface Rest {
  nextSlot?: (after: number) => number | undefined;
  offset?: number;
  missed?: 'skip' | 'one' | 'all';
  paused?: boolean;
  openFor?: number;
}

function situation(now: number, state: Partial<BotState> = {}, rest: Rest = {}): Situation {
  const { nextSlot = daily, offset = 0, missed = 'one', paused = false, openFor = 0 } = rest;
  return {
    bot: 'rain',
    state: { ...fresh, ...state },
    settings: { missed, paused, settle: 3 * minute },
    schedule: { nextSlot, offset },
    now,
    isStopped: false,
    key: 'this key',
    openFor,
    deadline: minute,
  };
}

type Row = [name: string, situation: Situation, decision: Decision];
const post = (slot: number, until = slot): Decision => ({ do: 'post', slot, until });
const wait = (until: number): Decision => ({ do: 'wait', until });
/** What is to be recorded: the slots up to an instant, which is now, were missed. */
const miss = (until: number): Decision => ({
  do: 'record',
  event: { event: 'missed', bot: 'rain', at: until, until },
});
const freed: Decision = { do: 'record', event: { event: 'freed', bot: 'rain', at: nine + 9 * day } };

const check = (rows: Row[]): void => {
  for (const [name, given, decision] of rows) {
    it(name, () => {
      assert.deepEqual(decide(given), decision);
    });
  }
};

describe('a slot', () => {
  check([
    ['is waited for', situation(nine + 1), wait(nine + day)],
    ['is due at its instant', situation(nine + day), post(nine + day)],
    ['is not due a millisecond before', situation(nine + day - 1), wait(nine + day)],
    [
      'is due later by the bot’s offset',
      situation(nine + day, {}, { offset: 5 * minute }),
      wait(nine + day + 5 * minute),
    ],
    [
      'is due at its offset',
      situation(nine + day + 5 * minute, {}, { offset: 5 * minute }),
      post(nine + day),
    ],
    [
      'is not due for a bot that a person let rest',
      situation(nine + day, { paused: nine }),
      { do: 'rest', because: 'paused' },
    ],
    [
      'is not due for a paused bot',
      situation(nine + day, {}, { paused: true }),
      { do: 'rest', because: 'paused' },
    ],
    [
      'that never comes is not waited for',
      situation(nine, {}, { nextSlot: () => undefined }),
      { do: 'rest', because: 'no more slots' },
    ],
  ]);
});

describe('slots that were missed', () => {
  const now = nine + 3 * day + hour;
  const skip = { missed: 'skip' as const };
  const all = { missed: 'all' as const };
  check([
    ['one: the earliest is posted and serves them all', situation(now), post(nine + day, now)],
    [
      'one: a spread bot’s slot that is not due yet is not served with them',
      situation(nine + 2 * day + minute, {}, { offset: 5 * minute }),
      post(nine + day, nine + 2 * day - 4 * minute),
    ],
    ['skip: they are let go', situation(now, {}, skip), miss(now)],
    [
      'skip: up to two minutes late is on time',
      situation(nine + 3 * day + 2 * minute - 1, {}, skip),
      post(nine + 3 * day, nine + 3 * day + 2 * minute - 1),
    ],
    [
      'skip: later is not',
      situation(nine + 3 * day + 2 * minute + 1, {}, skip),
      miss(nine + 3 * day + 2 * minute + 1),
    ],
    [
      'skip: on time at its offset',
      situation(nine + day + 5 * minute, {}, { ...skip, offset: 5 * minute }),
      post(nine + day),
    ],
    [
      'skip: what was let go is not asked about again',
      situation(now, { served: now }, skip),
      wait(nine + 4 * day),
    ],
    ['all: the earliest is posted and serves itself only', situation(now, {}, all), post(nine + day)],
    [
      'all: the next waits a quarter of an hour',
      situation(now, { served: nine + day, last: { id: '1', at: now - minute, line: 0 } }, all),
      wait(now + 14 * minute),
    ],
    [
      'all: and then is posted',
      situation(now, { served: nine + day, last: { id: '1', at: now - 15 * minute, line: 0 } }, all),
      post(nine + 2 * day),
    ],
    [
      'all: the last of them waits like the others',
      situation(now, { served: nine + 2 * day, last: { id: '1', at: now - minute, line: 0 } }, all),
      wait(now + 14 * minute),
    ],
    [
      'all: a last post in the future, by a clock set back, holds nothing up',
      situation(now, { served: nine + day, last: { id: '1', at: now + day, line: 0 } }, all),
      post(nine + 2 * day),
    ],
  ]);

  it('all: slots of every minute are caught up at twice their pace', () => {
    const nextSlot = (after: number): number => (Math.floor(after / minute) + 1) * minute;
    const given = (last: number): Situation =>
      situation(nine + hour, { last: { id: '1', at: last, line: 0 } }, { nextSlot, missed: 'all' });
    assert.deepEqual(decide(given(nine + hour - 10 * second)), wait(nine + hour + 20 * second));
    assert.deepEqual(decide(given(nine + hour - 30 * second)), post(nine + minute));
  });
});

describe('a wall clock that was set', () => {
  check([
    ['back by a minute: what is served stays served', situation(nine - minute), wait(nine + day)],
    [
      'back by more: slots are served again from now on',
      situation(nine - minute - 1),
      miss(nine - minute - 1),
    ],
    ['back by an hour: likewise', situation(nine - hour), miss(nine - hour)],
    ['back by years: likewise', situation(nine - 3000 * day), miss(nine - 3000 * day)],
    [
      'back: the first slot after that is waited for',
      situation(nine - hour, { served: nine - hour }),
      wait(nine),
    ],
    [
      'forward by a year: one slot is owed, not a year of them',
      situation(nine + 365 * day),
      post(nine + day, nine + 365 * day),
    ],
  ]);
});

describe('an open post', () => {
  const open = openAt(nine);
  const openFor = (age: number): Rest => ({ openFor: age });
  check([
    [
      'is left alone until its doubt can be settled',
      situation(nine + minute, open, openFor(minute)),
      wait(nine + 4 * minute),
    ],
    ['is then looked for', situation(nine + 4 * minute, open, openFor(4 * minute)), { do: 'reconcile' }],
    [
      'is not looked for sooner because the wall clock jumped ahead',
      situation(nine + 9 * day, open, openFor(minute)),
      wait(nine + 9 * day + 3 * minute),
    ],
    [
      'is not looked for later because the wall clock jumped back',
      situation(nine - 400 * day, open, openFor(4 * minute)),
      { do: 'reconcile' },
    ],
    [
      'comes before everything else',
      situation(
        nine + 9 * day,
        { ...open, ...owedUntil(nine), ...parkedWith('this key') },
        { paused: true, openFor: day },
      ),
      { do: 'reconcile' },
    ],
  ]);
});

describe('a restored bot', () => {
  const restored = { restored: true } as const;
  check([
    ['looks for what it has posted since, whatever the hour', situation(nine + 1, restored), { do: 'look' }],
    [
      'waits for what it looks for',
      situation(nine + 1, { ...restored, ...openAt(nine) }),
      wait(nine + 1 + 4 * minute),
    ],
    [
      'does not look while it is paused',
      situation(nine + 1, { ...restored, paused: nine }),
      { do: 'rest', because: 'paused' },
    ],
    [
      'looks before it posts what is owed',
      situation(nine + day, { ...restored, ...owedUntil(nine) }),
      { do: 'look' },
    ],
  ]);
});

describe('a parked bot', () => {
  check([
    [
      'rests, whatever is due',
      situation(nine + 9 * day, { ...parkedWith('this key'), ...owedUntil(nine) }),
      { do: 'rest', because: 'parked' },
    ],
    ['is freed by another key', situation(nine + 9 * day, parkedWith('old key')), freed],
    ['is freed even while paused', situation(nine + 9 * day, parkedWith('old key'), { paused: true }), freed],
  ]);
});

describe('an owed post', () => {
  check([
    ['waits for its instant', situation(nine + hour, owedUntil(nine + hour + 1)), wait(nine + hour + 1)],
    [
      'is then posted for its own slot',
      situation(nine + hour, owedUntil(nine + hour), { missed: 'all' }),
      post(nine - day, nine),
    ],
    [
      'skip: likewise',
      situation(nine + hour, owedUntil(nine + hour), { missed: 'skip' }),
      post(nine - day, nine),
    ],
    [
      'one: serves the slots that passed meanwhile too',
      situation(nine + hour, owedUntil(nine + hour), { offset: minute }),
      post(nine - day, nine + hour - minute),
    ],
    [
      'one: never serves less than it did',
      situation(nine - hour, owedUntil(nine - hour)),
      post(nine - day, nine),
    ],
    ['comes before a new slot', situation(nine + 2 * day, owedUntil(nine + 3 * day)), wait(nine + 3 * day)],
    [
      'is not posted while the bot is paused',
      situation(nine + hour, owedUntil(nine), { paused: true }),
      { do: 'rest', because: 'paused' },
    ],
    [
      'that was written down now waits for its instant',
      situation(nine, owedAt(nine, { retryAt: nine + 3 * hour })),
      wait(nine + 3 * hour),
    ],
    [
      'that was written down a minute ahead waits for its instant',
      situation(nine, owedAt(nine + minute, { retryAt: nine + 3 * hour })),
      wait(nine + 3 * hour),
    ],
    [
      'that a clock wrote down which was ahead does not wait',
      situation(nine, owedAt(nine + hour, { retryAt: nine + 3 * hour })),
      post(nine - day, nine),
    ],
    [
      'that a clock wrote down which was years ahead does not wait',
      situation(nine, owedAt(nine + 3000 * day, { retryAt: nine + 3001 * day })),
      post(nine - day, nine),
    ],
    [
      'that an older flockd wrote down waits for its instant, within a day',
      situation(nine, owedUntil(nine + day)),
      wait(nine + day),
    ],
    [
      'that an older flockd wrote down, with a clock that was ahead, does not wait',
      situation(nine, owedUntil(nine + 2 * day)),
      post(nine - day, nine),
    ],
    [
      'that X refused for this key waits',
      situation(nine, owedAt(nine, { retryAt: nine + hour, key: 'this key' })),
      wait(nine + hour),
    ],
    [
      'that X refused for another key is tried at once',
      situation(nine, owedAt(nine, { retryAt: nine + hour, key: 'old key' })),
      post(nine - day, nine),
    ],
    [
      'that X refused for another key waits while the bot is paused',
      situation(nine, owedAt(nine, { retryAt: nine + hour, key: 'old key' }), { paused: true }),
      { do: 'rest', because: 'paused' },
    ],
    [
      'that was absent once is posted at once',
      situation(nine, owedAt(nine, { why: 'absent', absent: 1 })),
      post(nine - day, nine),
    ],
    [
      'that was absent twice waits',
      situation(nine, owedAt(nine, { why: 'absent', absent: 2 })),
      wait(nine + 5 * minute),
    ],
    [
      'that was absent again and again waits for longer',
      situation(nine, owedAt(nine, { why: 'absent', absent: 5 })),
      wait(nine + 40 * minute),
    ],
    [
      'that was absent for days waits two hours at most',
      situation(nine, owedAt(nine, { why: 'absent', absent: 500 })),
      wait(nine + 2 * hour),
    ],
  ]);
});

describe('any situation', () => {
  it('never posts with an open post, a park or a pause, nor waits for what is past, nor serves a slot twice', () => {
    const instant = fc.integer({ min: nine - 60 * day, max: nine + 60 * day });
    const states = fc.record({
      served: instant,
      open: fc.option(instant),
      owed: fc.option(instant),
      parked: fc.option(fc.constantFrom('this key', 'old key')),
      last: fc.option(instant),
    });
    const settings = fc.record({
      offset: fc.integer({ min: 0, max: 2 * hour }),
      missed: fc.constantFrom('skip' as const, 'one' as const, 'all' as const),
      paused: fc.boolean(),
    });
    fc.assert(
      fc.property(instant, states, settings, (now, { served, open, owed, parked, last }, rest) => {
        const state = {
          served,
          ...(open !== null && openAt(open)),
          ...(owed !== null && owedUntil(owed)),
          ...(parked !== null && parkedWith(parked)),
          ...(last !== null && { last: { id: '1', at: last, line: 0 } }),
        };
        const decision = decide(situation(now, state, rest));
        if (decision.do === 'wait') assert.ok(decision.until > now);
        if (decision.do === 'record' && decision.event.event === 'missed')
          assert.ok(decision.event.until <= now);
        if (decision.do !== 'post') return;
        assert.ok(open === null && parked === null && !rest.paused);
        assert.ok(owed !== null || (decision.until <= now && decision.slot <= decision.until));
        if (owed === null) assert.ok(decision.slot > served && decision.slot + rest.offset <= now);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a post that is due', () => {
  const lines = ['drip', 'drop', 'drip'].map((text, index) => ({ text, at: index + 1 }));
  const poem = fingerprints(lines);
  const edit: Edit = { event: 'edited', bot: 'rain', at: nine, poem, next: 1, ahead: [] };
  const duplicate = owedAt(nine, { why: 'duplicate' });

  interface Given {
    next?: number;
    state?: Partial<BotState>;
    atEnd?: 'loop' | 'stop';
    refrain?: 'join' | 'defer' | 'skip';
    postsPerDay?: number;
    flockPostsPerDay?: number;
    edit?: Edit;
  }
  const move = (given: Given = {}): Move => {
    const { next = 0, state, atEnd = 'loop', refrain = 'join', postsPerDay, flockPostsPerDay } = given;
    return movePost({
      bot: 'rain',
      state: { ...fresh, place: { poem, next, ahead: [] }, ...state },
      settings: { timezone: 'UTC', budget: postsPerDay === undefined ? {} : { postsPerDay }, refrain, atEnd },
      until: nine,
      offset: minute,
      poem: { lines, rules: rulesOfX, edit: given.edit },
      flock: {
        history: new FlockHistory(),
        flockBudget: {
          ...unlimitedBudget,
          budget: flockPostsPerDay === undefined ? {} : { postsPerDay: flockPostsPerDay },
        },
      },
      now: nine + hour,
    });
  };
  const sent = (given: Given): unknown => {
    const moved = move(given);
    return moved.do === 'post' ? moved.post : moved.do;
  };

  it('is the line that comes next, with what it costs and the day and month that pay for it', () => {
    assert.deepEqual(move(), {
      do: 'post',
      post: { line: 0, lines: 1, text: 'drip' },
      price: { cost: 15_000, dayEnds: Date.parse('2026-05-02'), monthEnds: Date.parse('2026-06-01') },
    });
  });

  it('joins a refrain that X has refused with the line after it, where the bot is to', () => {
    assert.deepEqual(sent({ state: duplicate }), { line: 0, lines: 2, text: 'drip\ndrop' });
    for (const refrain of ['defer', 'skip'] as const)
      assert.deepEqual(sent({ state: duplicate, refrain }), { line: 0, lines: 1, text: 'drip' });
  });

  it('follows an edit first, whatever else is due', () => {
    assert.deepEqual(move({ edit, next: 3, postsPerDay: 0 }), { do: 'record', event: edit });
  });

  it('begins the poem again at its end, or lets the slots go for good', () => {
    const now = nine + hour;
    assert.deepEqual(move({ next: 3 }), {
      do: 'record',
      event: { event: 'again', bot: 'rain', at: now, poem },
    });
    assert.deepEqual(move({ next: 3, atEnd: 'stop' }), {
      do: 'finish',
      event: { event: 'missed', bot: 'rain', at: now, until: now - minute },
    });
  });

  it('waits for its own budget, then for the flock’s', () => {
    const whose = (given: Given): unknown => {
      const moved = move(given);
      return moved.do === 'wait for budget' ? moved.cap.whose : moved.do;
    };
    assert.equal(whose({ postsPerDay: 0, flockPostsPerDay: 0 }), 'bot');
    assert.equal(whose({ postsPerDay: 1, flockPostsPerDay: 0 }), 'flock');
    assert.equal(whose({ postsPerDay: 1, flockPostsPerDay: 1 }), 'post');
  });
});
