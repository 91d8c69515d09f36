import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatExport, parseExport } from '../../src/ledger/backup.ts';
import { flockError } from '../support/flock-error.ts';
import { at, exported, parked, posted } from './exported.ts';

const whole = exported({ howl: posted(2), tide: parked, ada: posted(0) });
const text = formatExport(whole);
const changed = (change: (value: Record<string, unknown>) => unknown): string =>
  JSON.stringify(change(JSON.parse(text) as Record<string, unknown>));

describe('an export', () => {
  it('says what the ledger says, but for the mark of a key', () => {
    const { states, history, at: when } = parseExport(text, 'export.json');
    assert.equal(when, at);
    assert.deepEqual(history.toJSON(), whole.history.toJSON());
    assert.deepEqual([...states.keys()], ['ada', 'howl', 'tide']);
    assert.deepEqual(states.get('howl'), posted(2));
    assert.deepEqual(states.get('tide'), { ...parked, parked: { ...parked.parked, key: '' } });
    assert.ok(!text.includes('markofakey'));
  });

  it('has a line for each bot', () => {
    assert.equal(text.split('\n').filter((line) => line.includes('"place"')).length, 3);
  });

  const bots = (state: object) =>
    changed((value) => ({ ...value, bots: { howl: { ...posted(1), ...state } } }));
  const refused: [name: string, text: string, why: RegExp][] = [
    ['nothing', '', /not an export/],
    ['half of one', text.slice(0, text.length / 2), /not an export/],
    ['a key bundle', '{"oauth_token": "17-granite"}', /not an export/],
    ['a journal', '{"n":0,"journal":"flockd","version":2,"crc":"00000000"}\n', /not an export/],
    ['a list', '[]', /not an export/],
    ['one of a newer version', changed((value) => ({ ...value, version: 2 })), /newer flockd \(version 2\)/],
    ['no bots', changed(({ bots: _, ...rest }) => rest), /not an export/],
    ['a history that is none', changed((value) => ({ ...value, history: { days: 7 } })), /not an export/],
    ['a state that is none', bots({ served: 'today' }), /not an export/],
    [
      'a place outside of the poem',
      bots({ place: { poem: 'aaaaaaaa', next: 2, ahead: [] } }),
      /not an export/,
    ],
    ['a place before the poem', bots({ place: { poem: 'aaaaaaaa', next: -1, ahead: [] } }), /not an export/],
    [
      'a poem with half a line',
      bots({ place: { poem: 'aaaaaaaabbb', next: 1, ahead: [] } }),
      /not an export/,
    ],
  ];
  for (const [name, given, why] of refused) {
    it(`is not ${name}`, () => {
      assert.throws(() => parseExport(given, 'export.json'), flockError('data', why));
    });
  }

  it('does not show what it holds where it is refused', () => {
    assert.throws(
      () => parseExport('{"oauth_token": "17-granite"', 'export.json'),
      (error: Error) => !error.message.includes('granite'),
    );
  });
});
