import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BotState } from '../../src/ledger/state.ts';
import {
  eventsOf,
  type Command,
  command as orderSchema,
  type Readiness,
} from '../../src/posting/commands.ts';

const place = { poem: 'aaaaaaaabbbbbbbb', next: 1, ahead: [] };
const fine: BotState = { place, pass: 1, served: 0, posts: 1 };
const parked: BotState = {
  ...fine,
  parked: { why: 'reauth', hint: 'keymaker reauth howl', key: 'k', at: 5 },
};
const open: BotState = {
  ...fine,
  open: { event: 'intent', bot: 'howl', at: 5, slot: 4, until: 4, line: 1, lines: 1, print: 'bbbbbbbb' },
};
const paused: BotState = { ...fine, paused: 7 };
const finished: BotState = { ...fine, place: { ...place, next: 2 } };
const looking: BotState = { ...finished, ...(open.open && { open: { ...open.open, look: true } }) };
const resolve = (posted: boolean, id?: string): Command => ({ order: 'resolve', bot: 'howl', posted, id });
const resume: Command = { order: 'resume', bot: 'howl' };
const resumeAt: Command = { ...resume, poem: 'ccccccccdddddddd', next: 1 };

describe('an order', () => {
  const carriedOut: [name: string, order: Command, state: BotState, events: object[]][] = [
    ['posted, with its id', resolve(true, '77'), open, [{ event: 'posted', by: 'person', id: '77' }]],
    ['posted, without one', resolve(true), open, [{ event: 'posted', by: 'person' }]],
    ['not posted', resolve(false), open, [{ event: 'absent', by: 'person' }]],
    ['nothing posted after the end', resolve(false), looking, [{ event: 'absent', by: 'person' }]],
    ['go on', resume, parked, [{ event: 'freed' }]],
    ['go on after a pause', resume, paused, [{ event: 'resumed' }]],
    ['rest', { order: 'pause', bot: 'howl' }, fine, [{ event: 'paused' }]],
    [
      'have another name',
      { order: 'rename', bot: 'howl', to: 'rain' },
      fine,
      [{ event: 'renamed', bot: 'rain', from: 'howl' }],
    ],
    ['post now', { order: 'post', bot: 'howl' }, fine, [{ event: 'asked' }]],
    [
      'go on elsewhere',
      resumeAt,
      parked,
      [{ event: 'edited', poem: 'ccccccccdddddddd', next: 1, ahead: [], by: 'person' }, { event: 'freed' }],
    ],
  ];
  for (const [name, order, state, events] of carriedOut) {
    it(`is carried out: ${name}`, () => {
      assert.deepEqual(
        eventsOf(order, state, 9),
        events.map((event) => ({ bot: 'howl', at: 9, ...event })),
      );
    });
  }

  const refused: [name: string, order: Command, state: BotState | undefined, why: RegExp][] = [
    ['a bot that nobody knows', resume, undefined, /not in the ledger/],
    ['nothing in doubt', resolve(true), fine, /no post in doubt/],
    ['a line after the end', resolve(true), looking, /come to the end of its poem/],
    ['nothing parked', resume, fine, /not paused, and does not need you/],
    ['a post of a bot in doubt', { order: 'post', bot: 'howl' }, open, /post in doubt/],
    ['a post of a parked bot', { order: 'post', bot: 'howl' }, parked, /needs you: /],
    ['a post of a paused bot', { order: 'post', bot: 'howl' }, paused, /is paused/],
    ['a second pause', { order: 'pause', bot: 'howl' }, paused, /paused already/],
    ['another place while a post is in doubt', resumeAt, open, /post in doubt/],
  ];
  for (const [name, order, state, why] of refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => eventsOf(order, state, 9), why);
    });
  }

  const ready = { paused: false, atEnd: 'stop', isStopped: false } as const;
  const unready: [name: string, readiness: Readiness, state: BotState, why: RegExp][] = [
    ['flock.json lets it rest', { ...ready, paused: true }, fine, /is paused/],
    ['the flock is stopped', { ...ready, isStopped: true }, fine, /whole flock is paused/],
    ['it has finished', ready, finished, /has finished its poem/],
  ];
  for (const [name, readiness, state, why] of unready) {
    it(`to post is refused where ${name}`, () => {
      assert.throws(() => eventsOf({ order: 'post', bot: 'howl' }, state, 9, readiness), why);
    });
  }

  it('to post is carried out where it begins again at the end', () => {
    const order = { order: 'post', bot: 'howl' } as const;
    assert.equal(eventsOf(order, finished, 9, { ...ready, atEnd: 'loop' }).length, 1);
  });

  it('is read strictly', () => {
    assert.deepEqual(orderSchema.parse(JSON.parse(JSON.stringify(resumeAt))), resumeAt);
    assert.throws(() => orderSchema.parse({ order: 'obey', bot: 'howl' }));
  });
});
