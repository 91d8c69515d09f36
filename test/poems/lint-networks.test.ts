import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { usualPrices } from '../../src/cost.ts';
import { rulesOfBluesky } from '../../src/networks/bluesky/text.ts';
import { rulesOfMastodon } from '../../src/networks/mastodon/text.ts';
import { lintPoem } from '../../src/poems/lint.ts';
import { splitPoem, type Unit } from '../../src/poems/poem.ts';
import type { TextRules } from '../../src/poems/tweet-text.ts';

/** `3 link: what it says` for each lint of a poem. */
function lints(rules: TextRules, rows: readonly string[], unit: Unit = 'line'): string[] {
  const split = { unit, rules };
  const found = lintPoem(splitPoem(rows.join('\n'), split), {
    ...split,
    prices: { ...usualPrices, post: 0, linkPost: 0 },
    pace: undefined,
  });
  return found.map(({ code, line, message }) => `${line} ${code}: ${message}`);
}

const quiet = ['A line.', 'all night.It rained', 'example.com', 'me@example.com', '#1 and $5', 'oh', 'oh'];

describe('what Mastodon will make of a poem', () => {
  const mastodon = rulesOfMastodon();

  it('is nothing to speak of where it is words, repeated or not', () => {
    assert.deepEqual(lints(mastodon, [...quiet, '$AAPL']), []);
  });

  const rows: [row: string, lint: string][] = [
    [
      'for @anna',
      'mention: @anna is a mention: Mastodon notifies this person of every such post; write it without the @ to notify nobody',
    ],
    [
      'for @anna@example.org and @bob',
      'mention: @anna@example.org, @bob are mentions: Mastodon notifies these people of every such post; write them without the @ to notify nobody',
    ],
    ['https://example.org/@bob#moon', 'link: https://example.org/@bob#moon is a link: it counts 23'],
    ['the #moon', 'hashtag: #moon is a hashtag: Mastodon shows it as a link to a search'],
    ['  in the rain', 'leading-space: begins with 2 spaces, which Mastodon drops'],
    ['bell\u0007', 'control-character: holds the control character U+0007 (BEL), and is posted without it'],
  ];
  for (const [row, lint] of rows) {
    it(`is told of ${JSON.stringify(row)}`, () => {
      assert.deepEqual(lints(mastodon, ['first', row]), [`2 ${lint}`]);
    });
  }

  it('goes by the limits of its server', () => {
    const snac = rulesOfMastodon({ maxCharacters: 100_000, charactersPerLink: 32 });
    assert.match(lints(snac, ['https://example.org'])[0] ?? '', /it counts 32$/);
    const long = Array.from({ length: 120 }, (_, n) => `word${n}`).join(' ');
    assert.match(
      lints(mastodon, [long])[0] ?? '',
      /^1 split: this line is too long for one post and makes 2/,
    );
    assert.deepEqual(lints(snac, [long]), []);
  });

  it('is told of each row of a stanza', () => {
    assert.deepEqual(
      lints(mastodon, ['a', 'for @anna', 'and #rain'], 'stanza').map((lint) => lint.split(':')[0]),
      ['2 mention', '3 hashtag'],
    );
  });
});

describe('what Bluesky will make of a poem', () => {
  it('is nothing to speak of where it is words, repeated or not, with or without space', () => {
    assert.deepEqual(lints(rulesOfBluesky, [...quiet, '  in the rain', 'for @anna', '$AAPL']), []);
  });

  const rows: [row: string, lint: string][] = [
    [
      'for @anna.bsky.social',
      'mention: @anna.bsky.social is a mention: it is posted as plain text, which notifies nobody on Bluesky',
    ],
    [
      'see https://example.org/a, (http://b.example)',
      'link: https://example.org/a, http://b.example are links: each counts in full',
    ],
    ['the #moon', 'hashtag: #moon is a hashtag: Bluesky shows it as a link to a search'],
    [
      'https://example.org/@a.example #moon',
      'link: https://example.org/@a.example is a link: it counts in full',
    ],
  ];
  for (const [row, lint] of rows) {
    it(`is told of ${JSON.stringify(row)}`, () => {
      assert.equal(lints(rulesOfBluesky, ['first', row])[0], `2 ${lint}`);
    });
  }

  it('takes linear time', () => {
    for (const text of ['@a.'.repeat(50_000), '#a'.repeat(50_000), '@a-'.repeat(50_000)]) {
      const begun = performance.now();
      rulesOfBluesky.entitiesIn(text);
      assert.ok(performance.now() - begun < 2000, text.slice(0, 9));
    }
  });
});
