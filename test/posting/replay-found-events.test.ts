import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Intent, LedgerEvent } from '../../src/ledger/events.ts';
import { applyEvent, type BotState, fingerprint, fingerprints } from '../../src/ledger/state.ts';
import type { Line } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { lookFor } from '../../src/posting/reconcile.ts';
import { eventsOfFound, foundSince } from '../../src/posting/replay.ts';

const linesOf = (...texts: string[]): Line[] => texts.map((text, index) => ({ text, at: index + 1 }));
const bot = 'howl';
const poem = ['one', 'two', 'three'];
const known = fingerprints(linesOf(...poem));
const now = 9000;

/** A bot that has posted its first line and was restored; with `open`, it then was in doubt about its second. */
function restored(doubt: boolean): BotState {
  const sent = (line: number): Intent => {
    const print = fingerprint(poem[line] ?? '');
    const price = { cost: 15, dayEnds: 10_000, monthEnds: 20_000 };
    return { event: 'intent', bot, at: line, slot: line, until: line, line, lines: 1, print, ...price };
  };
  const events: LedgerEvent[] = [
    { event: 'begun', bot, at: 0, poem: known },
    sent(0),
    { event: 'posted', bot, at: 0, id: '1', by: 'answer' },
    ...(doubt ? [{ ...sent(1), since: '1' }] : []),
    { event: 'restored', bot, at: 5 },
  ];
  const state = events.reduce<BotState | undefined>(applyEvent, undefined);
  assert.ok(state, 'it has begun');
  return doubt ? state : applyEvent(state, lookFor(bot, state, 6));
}

/** What is written down of a timeline, and the state after it. */
function look(
  state: BotState,
  texts: string[],
  { current = linesOf(...poem), atEnd = 'stop' }: { current?: Line[]; atEnd?: 'loop' | 'stop' } = {},
): { events: LedgerEvent[]; kinds: string; state: BotState } {
  const timeline = texts.map((text, index) => ({ id: String(index + 2), text }));
  const { open } = state;
  assert.ok(open, 'something is open');
  const found = foundSince({ bot, at: now, state, lines: current, rules: rulesOfX, timeline, atEnd });
  const priceOf = () => ({ cost: 15, dayEnds: 10_000, monthEnds: 20_000 });
  const events = eventsOfFound(found, { bot, at: now, open, priceOf });
  return {
    events,
    kinds: events.map(({ event }) => event).join(' '),
    state: events.reduce(applyEvent, state),
  };
}

describe('what is written down of a look back', () => {
  it('is that nothing was found', () => {
    const { kinds, state } = look(restored(false), []);
    assert.equal(kinds, 'absent');
    assert.deepEqual(
      [state.place.next, state.restored, state.owed, state.tally?.total],
      [1, undefined, undefined, 15],
    );
  });

  it('is each post after the one before it, each paid for', () => {
    const { events, kinds, state } = look(restored(false), ['two', 'three']);
    assert.equal(kinds, 'intent posted intent posted checked');
    assert.deepEqual(
      events.flatMap((event) => (event.event === 'intent' ? [event.since] : [])),
      ['1', '2'],
    );
    assert.deepEqual([state.place.next, state.posts, state.restored, state.last?.id], [3, 3, undefined, '3']);
    assert.equal(state.tally?.total, 3 * 15);
  });

  it('is the post that was in doubt, with what was written down of it', () => {
    const { kinds, state } = look(restored(true), ['two', 'three']);
    assert.equal(kinds, 'posted intent posted checked');
    assert.deepEqual([state.place.next, state.posts, state.tally?.total], [3, 3, 3 * 15]);
  });

  it('is that the post in doubt is not there, where another one is', () => {
    const { kinds, state } = look(restored(true), ['three']);
    assert.equal(kinds, 'absent skipped intent posted checked');
    assert.deepEqual(
      [state.place.next, state.posts, state.owed, state.tally?.day.posts],
      [3, 2, undefined, 2],
    );
  });

  it('is that the post in doubt is not there, and still owed, where nothing is', () => {
    const { kinds, state } = look(restored(true), []);
    assert.equal(kinds, 'absent checked');
    assert.deepEqual([state.restored, state.owed?.why, state.place.next], [undefined, 'absent', 1]);
    assert.equal(state.tally?.total, 15);
  });

  it('is an edit before the first post that came after it', () => {
    const current = linesOf('one', 'too', 'three');
    const { kinds, state } = look(restored(false), ['too', 'three'], { current });
    assert.equal(kinds, 'edited intent posted intent posted checked');
    assert.deepEqual(state.place, { poem: fingerprints(current), next: 3, ahead: [] });
  });

  it('is that the post in doubt is not there, where its line was posted as it reads now', () => {
    const current = linesOf('one', 'too', 'three');
    assert.equal(look(restored(true), ['too'], { current }).kinds, 'absent edited intent posted checked');
  });

  it('is the rest of a pass as passed over, before the poem begins again', () => {
    const { events, kinds, state } = look(restored(false), ['two', 'one', 'two'], { atEnd: 'loop' });
    assert.equal(kinds, 'intent posted skipped again intent posted intent posted checked');
    assert.deepEqual(
      events.find(({ event }) => event === 'skipped'),
      { event: 'skipped', bot, at: now, line: 2 },
    );
    assert.deepEqual([state.pass, state.place.next, state.posts], [2, 2, 4]);
  });
});
