import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import { applyEvent, type BotState, fingerprints } from '../../src/ledger/state.ts';

const poem = fingerprints(['a', 'b', 'c', 'd'].map((text) => ({ text })));
const bot = 'rain';

const begun = { event: 'begun', bot, at: 100, poem } as const;
const intent = (at: number, line: number, lines = 1): LedgerEvent => {
  return { event: 'intent', bot, at, slot: at - 1, until: at, line, lines, print: 'p' };
};
const posted = (at: number, id: string): LedgerEvent => ({ event: 'posted', bot, at, id, by: 'answer' });
const refused = (at: number, why: string): LedgerEvent => {
  return { event: 'refused', bot, at, why, reason: 'so', retryAt: at + 50 };
};

const fold = (...events: LedgerEvent[]): BotState => {
  const state = events.reduce<BotState | undefined>((before, event) => applyEvent(before, event), undefined);
  assert.ok(state);
  return state;
};

describe('what the ledger says of a bot', () => {
  it('begins at the first line, and owes nothing from before', () => {
    assert.deepEqual(fold(begun), { place: { poem, next: 0, ahead: [] }, pass: 1, served: 100, posts: 0 });
  });

  it('an intent is open until its outcome', () => {
    const open = fold(begun, intent(200, 0));
    assert.equal(open.open?.line, 0);
    assert.equal(open.place.next, 0);
    assert.equal(open.served, 100);
    assert.deepEqual(fold(begun, intent(200, 0), posted(201, '7')), {
      place: { poem, next: 1, ahead: [] },
      pass: 1,
      served: 200,
      last: { id: '7', at: 201, line: 0 },
      posts: 1,
    });
  });

  it('a post of two lines moves on by two', () => {
    const state = fold(begun, intent(200, 0, 2), posted(201, '7'));
    assert.deepEqual([state.place.next, state.posts, state.last?.lines], [2, 1, 2]);
  });

  it('a refusal leaves the line and the slot owed, and counts its kind', () => {
    const once = fold(begun, intent(200, 0), refused(201, 'wait'));
    const owed = { slot: 199, until: 200, retryAt: 251, why: 'wait', reason: 'so', times: 1 };
    assert.deepEqual(once.owed, { ...owed, at: 201, since: 201 });
    assert.equal(once.open, undefined);
    assert.deepEqual([once.place.next, once.served, once.posts], [0, 100, 0]);
    const events = [begun, intent(200, 0), refused(201, 'wait'), intent(260, 0)];
    const again = fold(...events, refused(261, 'wait')).owed;
    assert.deepEqual([again?.times, again?.at, again?.since], [2, 261, 201]);
    const other = fold(...events, refused(261, 'reauth')).owed;
    assert.deepEqual([other?.times, other?.at, other?.since], [1, 261, 261]);
    assert.equal(fold(...events, posted(261, '7')).owed, undefined);
  });

  it('an absent post is owed at once', () => {
    const state = fold(begun, intent(200, 0), { event: 'absent', bot, at: 500, by: 'timeline' });
    assert.equal(state.open, undefined);
    assert.deepEqual([state.owed?.why, state.owed?.slot, state.owed?.retryAt], ['absent', 199, 500]);
    assert.equal(state.place.next, 0);
  });

  describe('an attempt with a mark', () => {
    const marked = { ...intent(200, 0), attempt: 'M' } as LedgerEvent;
    const absent: LedgerEvent = { event: 'absent', bot, at: 500, by: 'timeline' };
    const edited = (to: string[], next: number, by?: 'timeline' | 'person'): LedgerEvent => {
      const changed = fingerprints(to.map((text) => ({ text })));
      return { event: 'edited', bot, at: 600, poem: changed, next, ahead: [], ...(by && { by }) };
    };
    const held: LedgerEvent = {
      event: 'held',
      bot,
      at: 550,
      slot: 199,
      until: 200,
      why: 'clock',
      reason: 'so',
      retryAt: 560,
    };
    const markAfter = (...events: LedgerEvent[]): string | undefined =>
      fold(begun, marked, ...events).owed?.attempt;
    const rows: [name: string, mark: string | undefined, events: LedgerEvent[]][] = [
      ['is owed with it where it was absent', 'M', [absent]],
      ['keeps it while the post is held', 'M', [absent, held]],
      ['loses it with a refusal', undefined, [refused(201, 'rejected')]],
      ['loses it with a refusal after it was absent', undefined, [absent, marked, refused(700, 'wait')]],
      [
        'keeps it where the refusal says so',
        'M',
        [absent, { ...refused(510, 'wait'), attempt: 'M' } as LedgerEvent].toSpliced(1, 0, marked),
      ],
      ['keeps it where another line was edited', 'M', [absent, edited(['a', 'B', 'c', 'd'], 0)]],
      ['loses it where its line was edited', undefined, [absent, edited(['A', 'b', 'c', 'd'], 0)]],
      [
        'loses it where the timeline says another place',
        undefined,
        [absent, edited(['a', 'b', 'c', 'd'], 1, 'timeline')],
      ],
      [
        'loses it where a person says another place',
        undefined,
        [absent, edited(['a', 'b', 'c', 'd'], 0, 'person')],
      ],
    ];
    for (const [name, mark, events] of rows)
      it(name, () => {
        assert.equal(markAfter(...events), mark);
      });
  });

  it('a post that a look found was made when the network says, or its id', () => {
    const look = { ...intent(300, 0), look: true } as LedgerEvent;
    const found = { event: 'posted', bot, at: 400, id: 'ulid', by: 'timeline' } as const;
    assert.equal(fold(begun, look, { ...found, made: 350 }).last?.at, 350);
    assert.equal(fold(begun, look, found).last?.at, 400);
  });

  it('a post for an old slot does not turn back what is served', () => {
    const late = { ...intent(300, 0), until: 150 } as LedgerEvent;
    const state = fold(begun, { event: 'missed', bot, at: 290, until: 280 }, late, posted(301, '7'));
    assert.equal(state.served, 280);
  });

  it('slots let go are served, and a clock set back a long way is believed', () => {
    assert.equal(fold(begun, { event: 'missed', bot, at: 300, until: 290 }).served, 290);
    assert.equal(fold(begun, { event: 'missed', bot, at: 30, until: 20 }).served, 20);
  });

  it('a parked bot is free again with its line owed from now', () => {
    const parked = { event: 'parked', bot, at: 201, why: 'w', hint: 'h', key: 'k' } as const;
    const events = [begun, intent(200, 0), refused(201, 'reauth'), parked];
    assert.deepEqual(fold(...events).parked, { why: 'w', hint: 'h', key: 'k', at: 201 });
    const freed = fold(...events, { event: 'freed', bot, at: 900 });
    assert.equal(freed.parked, undefined);
    assert.deepEqual([freed.owed?.retryAt, freed.owed?.times], [900, 0]);
    assert.equal(fold(begun, parked, { event: 'freed', bot, at: 900 }).owed, undefined);
  });

  it('another pass begins at the first line and keeps the count', () => {
    const state = fold(begun, intent(200, 0), posted(201, '7'), { event: 'again', bot, at: 300, poem });
    assert.deepEqual([state.pass, state.place.next, state.posts, state.last?.id], [2, 0, 1, '7']);
  });

  it('an edit moves the place and nothing else', () => {
    const state = fold(begun, { event: 'edited', bot, at: 150, poem: poem.slice(8), next: 1, ahead: [2] });
    assert.deepEqual(state.place, { poem: poem.slice(8), next: 1, ahead: [2] });
    assert.deepEqual([state.served, state.pass], [100, 1]);
  });

  it('what X had against a line says nothing of the one that a person chose', () => {
    const events = [begun, intent(200, 0), refused(201, 'duplicate')];
    const edited: LedgerEvent = { event: 'edited', bot, at: 210, poem, next: 2, ahead: [] };
    assert.deepEqual(fold(...events, edited).owed, fold(...events).owed);
    const { owed } = fold(...events, { ...edited, by: 'person' });
    assert.deepEqual(owed, {
      slot: 199,
      until: 200,
      retryAt: 210,
      why: 'asked',
      reason: 'a person asked for it',
      times: 0,
    });
    assert.equal(fold(begun, { ...edited, by: 'person' }).owed, undefined);
  });

  it('a look that finds nothing is paid for in the month it falls in', () => {
    const price = { cost: 15, dayEnds: 1000, monthEnds: 5000 };
    const look: LedgerEvent = {
      event: 'intent',
      bot,
      at: 300,
      slot: 300,
      until: 300,
      line: 1,
      lines: 1,
      print: 'p',
      look: true,
    };
    const events = [
      begun,
      { ...intent(200, 0), ...price } as LedgerEvent,
      posted(201, '7'),
      { event: 'restored', bot, at: 290 } as const,
    ];
    const found = (at: number): LedgerEvent => ({ event: 'absent', bot, at, by: 'timeline', cost: 2 });
    const { tally, restored, open } = fold(...events, look, found(301));
    assert.deepEqual([tally?.month.micros, tally?.total, restored, open], [17, 17, undefined, undefined]);
    assert.equal(fold(...events, look, found(5001)).tally?.month.micros, 15);
    const history = new FlockHistory();
    let state: BotState | undefined;
    for (const event of [...events, look, found(301)]) {
      history.apply(event, state);
      state = applyEvent(state, event);
    }
    assert.deepEqual(history.months.at(5000), { posts: 1, micros: 17 });
  });

  it('a refusal before an export counts no more after it was restored', () => {
    const events = [begun, intent(200, 0), refused(201, 'reauth')];
    const { owed } = fold(...events, { event: 'restored', bot, at: 900 });
    assert.deepEqual(owed, { ...fold(...events).owed, times: 0 });
  });

  it('refuses what cannot be', () => {
    assert.throws(() => applyEvent(undefined, posted(1, '7')), RangeError);
    assert.throws(() => fold(begun, posted(1, '7')), RangeError);
    assert.throws(() => fold(begun, refused(1, 'wait')), RangeError);
    assert.throws(() => fold(begun, { event: 'absent', bot, at: 1, by: 'person' }), RangeError);
    assert.throws(() => fold(begun, intent(200, 0), posted(1, '7'), posted(1, '7')), RangeError);
  });
});
