import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import twitterText from 'twitter-text';
import { fitsInPost, maxWeight, weigh } from '../../src/poems/tweet-text.ts';

const isValid = (text: string): boolean => twitterText.parseTweet(text).valid;

describe('the weight of a text', () => {
  const cases: [name: string, text: string, weight: number][] = [
    ['Latin letters', 'rain on tin', 11],
    ['decomposed letters, which are composed first', 'e\u0301'.repeat(10), 10],
    ['a curly quote and an em dash', '\u201cso\u2014\u201d', 5],
    ['an ellipsis, which is heavy', 'so\u2026', 4],
    ['Chinese', '\u96e8\u96e8', 4],
    ['an emoji of several characters', '\u{1f469}\u200d\u{1f33e}', 2],
    ['a long link', `https://example.com/${'a'.repeat(300)}`, 23],
    ['a link nobody meant', 'the sky.is', 27],
  ];
  for (const [name, text, weight] of cases) {
    it(`counts ${name}`, () => {
      assert.equal(weigh(text), weight);
    });
  }
});

describe('fitting in one post', () => {
  const cases: [name: string, text: string, fits: boolean][] = [
    ['nothing', '', false],
    ['280 Latin letters', 'a'.repeat(maxWeight), true],
    ['281 Latin letters', 'a'.repeat(maxWeight + 1), false],
    ['140 heavy characters', '\u96e8'.repeat(140), true],
    ['141 heavy characters', '\u96e8'.repeat(141), false],
    ['140 Hebrew letters that fall into three each when composed', '\ufb2c'.repeat(140), false],
    ['93 of them, which weigh 279', '\ufb2c'.repeat(93), true],
    ['70 musical notes that fall into three each when composed', '\u{1d160}'.repeat(70), false],
    ['a byte order mark within', 'a\ufeffb', false],
    ['a noncharacter within', 'a\uffffb', false],
    ['links that weigh more than they are long', 'a.co '.repeat(12), false],
    ['long links that weigh less than they are long', `https://example.com/${'a'.repeat(500)}`, true],
  ];
  for (const [name, text, fits] of cases) {
    it(`${fits ? 'takes' : 'refuses'} ${name}`, () => {
      assert.equal(fitsInPost(text), fits);
      assert.equal(isValid(text), fits);
    });
  }

  it('agrees with X’s own parser on any text', () => {
    const alphabet = fc.constantFrom(
      ...[
        'a',
        ' ',
        '.',
        '\u00e9',
        'e\u0301',
        '\u96e8',
        '\u2026',
        '\u{1f426}',
        '\ufb2c',
        '\u{1d160}',
        '\u0958',
      ],
      ...['sky.is', 'https://example.com/x', '\n', '\u200b', '\ufeff', '@rain', '#rain'],
    );
    const texts = fc.oneof(
      fc.array(alphabet, { maxLength: 300 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.tuple(alphabet, fc.integer({ min: 1, max: 300 })).map(([part, times]) => part.repeat(times)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        assert.equal(fitsInPost(text), isValid(text));
      }),
      { numRuns: 500 },
    );
  });
});
