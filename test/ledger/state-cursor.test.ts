import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  advance,
  fingerprint,
  fingerprints,
  isFinished,
  lengthOf,
  prints,
  startOf,
} from '../../src/ledger/state.ts';
import { withoutLinks } from '../../src/poems/tweet-text.ts';

const poem = fingerprints(['a', 'b', 'c', 'd', 'e'].map((text) => ({ text })));

describe('a line’s fingerprint', () => {
  for (const [name, one, other, same] of [
    ['composed and decomposed letters', 'caf\u00e9', 'cafe\u0301', true],
    ['space at both ends', '  rain ', 'rain', true],
    ['runs of space', 'rain \t on\ntin', 'rain on tin', true],
    ['capitals', 'Rain', 'rain', false],
    ['punctuation', 'rain', 'rain.', false],
    ['words run together', 'rain on', 'rainon', false],
  ] as const) {
    it(`is ${same ? 'blind for' : 'changed by'} ${name}`, () => {
      assert.equal(fingerprint(one) === fingerprint(other), same);
    });
  }

  it('is of plain words what it would be the long way', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'Z', '9', '.', ',', ':', '/', '@', '#', '-', '('),
      minLength: 1,
      maxLength: 6,
    });
    const texts = fc.array(fc.oneof(word, fc.constantFrom('', 'x.com', 'night.It', '\u00e9', 'e\u0301')), {
      maxLength: 6,
    });
    const longWay = (text: string): string => {
      const seen = withoutLinks(text.normalize('NFC')).trim().replaceAll(/\s+/gu, ' ');
      return createHash('sha256').update(seen).digest('base64url').slice(0, 8);
    };
    fc.assert(fc.property(texts, (words) => fingerprint(words.join(' ')) === longWay(words.join(' '))));
  });

  it('is the same in every version, because ledgers hold it', () => {
    assert.equal(fingerprint('rain on tin'), 'aOdlEod7');
  });

  it('is told apart within a poem', () => {
    assert.equal(lengthOf({ poem }), 5);
    assert.deepEqual(prints(poem).length, 5);
    assert.equal(prints(poem)[1], fingerprint('b'));
    assert.deepEqual(prints(''), []);
  });
});

describe('a place', () => {
  it('goes on line by line to the end', () => {
    let place = startOf(poem);
    for (let line = 1; line <= 5; line++) {
      assert.equal(isFinished(place), false);
      place = advance(place, 1);
      assert.equal(place.next, line);
    }
    assert.equal(isFinished(place), true);
    assert.equal(isFinished(startOf('')), true);
  });

  for (const [next, ahead, count, nextThen, aheadThen] of [
    [0, [1, 2], 1, 3, []],
    [0, [2, 4], 1, 1, [2, 4]],
    [1, [2, 4], 1, 3, [4]],
    [3, [4], 1, 5, []],
    [0, [], 2, 2, []],
    [0, [2], 2, 3, []],
    [0, [3], 2, 2, [3]],
  ] as const) {
    it(`passes over what is done: ${next} and [${ahead.join()}] after ${count} is ${nextThen}`, () => {
      assert.deepEqual(advance({ poem, next, ahead }, count), { poem, next: nextThen, ahead: aheadThen });
    });
  }
});
