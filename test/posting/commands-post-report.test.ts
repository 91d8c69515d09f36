import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Intent } from '../../src/ledger/events.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { postReport, reportOf } from '../../src/posting/commands.ts';

const state: BotState = {
  place: { poem: 'aaaaaaaabbbbbbbbcccccccc', next: 2, ahead: [] },
  pass: 1,
  served: 0,
  posts: 2,
  last: { id: '77', at: 9, line: 1 },
};
const open: Intent = {
  event: 'intent',
  bot: 'howl',
  at: 9,
  slot: 9,
  until: 9,
  line: 2,
  lines: 1,
  print: 'cccccccc',
};
const owed = { slot: 9, until: 9, retryAt: 90, why: 'wait', reason: '429', times: 1 };
const parked = { why: 'X refuses its key (401)', hint: 'keymaker reauth howl', key: 'k', at: 9 };

describe('what came of an order to post', () => {
  const cases: [name: string, state: Partial<BotState>, report: object][] = [
    ['a post', {}, { state: 'posted', line: 2, of: 3, id: '77', at: 9 }],
    [
      'a post of two lines',
      { last: { id: '77', at: 9, line: 1, lines: 2 } },
      { state: 'posted', line: 2, lines: 2, of: 3, id: '77', at: 9 },
    ],
    [
      'doubt',
      { open },
      { state: 'in doubt', line: 3, of: 3, why: 'nobody knows whether it arrived; its timeline will tell' },
    ],
    ['a refusal for now', { owed }, { state: 'waiting', line: 3, of: 3, why: '429', until: 90 }],
    [
      'nothing yet',
      { owed: { ...owed, why: 'asked' } },
      { state: 'waiting', line: 3, of: 3, why: 'flockd may not post now' },
    ],
    [
      'a repair to be made',
      { owed, parked },
      { state: 'parked', line: 3, of: 3, why: 'X refuses its key (401)', hint: 'keymaker reauth howl' },
    ],
  ];
  for (const [name, more, report] of cases) {
    it(`is ${name}`, () => {
      const found = reportOf({ ...state, ...more });
      assert.deepEqual(found, report);
      assert.deepEqual(postReport.parse(JSON.parse(JSON.stringify(found))), report);
    });
  }

  it('is not known where the bot is not', () => {
    assert.equal(reportOf(undefined), undefined);
  });
});
