import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { rulesOfBluesky } from '../../src/networks/bluesky/text.ts';
import { rulesOfMastodon, usualLimits } from '../../src/networks/mastodon/text.ts';
import { splitPoem, type Unit } from '../../src/poems/poem.ts';
import { rulesOfX, type TextRules } from '../../src/poems/tweet-text.ts';

const textsOf = (poem: string, rules: TextRules, unit: Unit = 'line'): string[] =>
  splitPoem(poem, { unit, rules }).map(({ text }) => text);

const family = '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}';
const link = `https://example.org/${'x'.repeat(180)}`;
const words = (count: number): string => Array.from({ length: count }, () => 'rain').join(' ');
const goToSocial = rulesOfMastodon({ maxCharacters: 5000, charactersPerLink: 23 });

describe('a poem in posts, by the limits of its network', () => {
  const cases: [name: string, rules: TextRules, poem: string, lengths: number[]][] = [
    ['500 letters at Mastodon', rulesOfMastodon(), 'x'.repeat(500), [500]],
    ['501 letters at Mastodon', rulesOfMastodon(), 'x'.repeat(501), [251, 250]],
    ['500 letters of a script that weighs 2 on X', rulesOfMastodon(), '雨'.repeat(500), [500]],
    ['500 emoji of eight code units', rulesOfMastodon(), family.repeat(500), [4000]],
    ['501 emoji of eight code units', rulesOfMastodon(), family.repeat(501), [2008, 2000]],
    ['a link that counts 23', rulesOfMastodon(), `${'x'.repeat(476)} ${link}`, [677]],
    [
      'a link that counts 23 and is one too many',
      rulesOfMastodon(),
      `${'x'.repeat(477)} ${link}`,
      [477, 200],
    ],
    [
      'a mention that counts without its host',
      rulesOfMastodon(),
      `${'x'.repeat(494)} @anna@example.org`,
      [512],
    ],
    ['a content warning of 100', rulesOfMastodon(usualLimits, 'w'.repeat(100)), 'x'.repeat(400), [400]],
    ['a content warning of 101', rulesOfMastodon(usualLimits, 'w'.repeat(101)), 'x'.repeat(400), [200, 200]],
    ['5,000 letters where the server takes them', goToSocial, 'x'.repeat(5000), [5000]],
    ['5,001 letters where the server takes 5,000', goToSocial, 'x'.repeat(5001), [2501, 2500]],
    ['300 letters at Bluesky', rulesOfBluesky, 'x'.repeat(300), [300]],
    ['301 letters at Bluesky', rulesOfBluesky, 'x'.repeat(301), [151, 150]],
    ['a link that counts in full', rulesOfBluesky, `${'x'.repeat(100)} ${link}`, [100, 200]],
    // 18 bytes each: 166 are 2,988 bytes, and 167 would be 3,006.
    ['166 emoji of 18 bytes', rulesOfBluesky, family.repeat(166), [1328]],
  ];
  for (const [name, rules, poem, lengths] of cases) {
    it(`takes ${name}`, () => {
      assert.deepEqual(
        textsOf(poem, rules).map(({ length }) => length),
        lengths,
      );
    });
  }

  it('keeps to the 3,000 bytes of Bluesky, too', () => {
    const posts = textsOf(family.repeat(167), rulesOfBluesky);
    assert.equal(posts.length, 2);
    assert.equal(posts.join(''), family.repeat(167));
    for (const post of posts) assert.ok(Buffer.byteLength(post) <= 3000);
  });

  it('is split anew for another network', () => {
    const poem = words(90);
    assert.deepEqual(
      [rulesOfX, rulesOfBluesky, rulesOfMastodon()].map((rules) => textsOf(poem, rules).length),
      [2, 2, 1],
    );
    assert.deepEqual(
      [rulesOfX, rulesOfBluesky, rulesOfMastodon(), goToSocial].map(({ id }) => id),
      [...new Set([rulesOfX, rulesOfBluesky, rulesOfMastodon(), goToSocial].map(({ id }) => id))],
    );
  });

  const row = fc
    .array(
      fc.oneof(
        fc.constantFrom(family, link, 'rain', '雨', '@anna@example.org', '#rain'),
        fc.string({ unit: 'grapheme', maxLength: 9 }),
      ),
      { maxLength: 300 },
    )
    .map((parts) => parts.join(' ').replaceAll(/[\r\n\p{C}]/gu, ''));
  for (const [name, rules] of Object.entries({
    Bluesky: rulesOfBluesky,
    Mastodon: rulesOfMastodon(),
    'Mastodon with a content warning': rulesOfMastodon(usualLimits, 'rain and 雨'),
  })) {
    it(`fits ${name} whatever it is, and loses nothing`, () => {
      fc.assert(
        fc.property(row, (poem) => {
          const posts = textsOf(poem, rules);
          for (const post of posts) assert.ok(rules.fits(post), post);
          const dense = (text: string): string => text.replaceAll(/\s+/gu, '');
          assert.equal(dense(posts.join('')), dense(poem));
        }),
        { numRuns: 60 },
      );
    });
  }
});
