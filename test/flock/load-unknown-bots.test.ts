import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unknownBots } from '../../src/flock/load.ts';

describe('a bot that only flock.json names', () => {
  it('is told from those who are there', () => {
    assert.deepEqual(unknownBots(['howl', 'ghost'], ['howl', 'tide']), [
      {
        bot: 'ghost',
        why: 'flock.json names it, but it has neither a poem nor a key bundle',
        hint: undefined,
      },
    ]);
  });

  it('may be meant to be another', () => {
    assert.equal(unknownBots(['hwol'], ['howl'])[0]?.hint, 'did you mean howl?');
  });

  it('is not shown where its name could be a secret', () => {
    const [{ bot, hint } = { bot: '', hint: '' }] = unknownBots(
      ['a8f5f167f44f4964e6c998dee827110c'],
      ['howl'],
    );
    assert.equal(bot, '…');
    assert.match(hint ?? '', /is not shown/);
  });

  it('costs no more where there are thousands of them', () => {
    const names = (word: string): string[] =>
      Array.from({ length: 20_000 }, (_, index) => `${word}-${index}`);
    const unknown = unknownBots(names('ghost'), names('bot'));
    assert.equal(unknown.length, 20_000);
    assert.ok(
      unknown.slice(5).every(({ hint }) => hint === undefined),
      'every one was looked up',
    );
  });
});
