import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { lengthOf, linksIn, rulesOfMastodon, usualLimits } from '../../../src/networks/mastodon/text.ts';
import { textOfHtml } from '../../../src/networks/mastodon/client.ts';

describe('the length of a post', () => {
  const rows: [text: string, length: number][] = [
    ['', 0],
    ['rain', 4],
    ['雨が降る', 4],
    ['e\u0301', 1],
    ['\u{1f469}\u200d\u{1f4bb}\u{1f327}\ufe0f', 2],
    ['https://example.org', 23],
    [`https://example.org/${'x'.repeat(400)}`, 23],
    ['http://a.io', 23],
    ['see https://example.org.', 28],
    ['(https://example.org/a)', 25],
    ['https://example.org/wiki/Rain_(poem)', 23],
    ['https://example.org, http://example.net/?q=a&b=c!', 49],
    // No links: without a scheme, a dot or a boundary.
    ['night.It is none', 16],
    ['www.example.org', 15],
    ['http://localhost/a', 18],
    ['xhttps://example.org', 20],
    ['@anna', 5],
    ['@anna@example.org', 5],
    ['ask @anna@example.org, or @bob', 18],
    ['a@example.org', 13],
  ];
  for (const [text, length] of rows) {
    it(`${length}: ${text.slice(0, 60)}`, () => {
      assert.equal(lengthOf(text, usualLimits), length);
    });
  }

  it('includes the content warning, and counts links as the server says', () => {
    assert.equal(lengthOf('rain', usualLimits, 'wet'), 7);
    assert.equal(lengthOf('https://example.org', { maxCharacters: 500, charactersPerLink: 32 }), 32);
  });

  it('is the number of graphemes where there is no link and no mention', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((made) => !/[@/]/.test(made));
    fc.assert(
      fc.property(text, (made) => {
        assert.equal(lengthOf(made, usualLimits), Array.from(new Intl.Segmenter().segment(made)).length);
      }),
    );
  });
});

describe('the rules of a server', () => {
  it('take no empty text, and none beyond its limit, with the content warning', () => {
    const { fits } = rulesOfMastodon(usualLimits);
    const warned = rulesOfMastodon(usualLimits, 'wet');
    assert.deepEqual([' \n', 'x'.repeat(500), 'x'.repeat(501)].map(fits), [false, true, false]);
    assert.deepEqual(['x'.repeat(497), 'x'.repeat(498)].map(warned.fits), [true, false]);
    assert.equal(warned.maxWeight, 497);
  });

  it('count every link as 23, or as the server says', () => {
    const long = `${'x'.repeat(480)} https://example.org/${'y'.repeat(100)}`;
    const short = { maxCharacters: 500, charactersPerLink: 10 };
    assert.deepEqual([rulesOfMastodon().fits(long), rulesOfMastodon(short).fits(long)], [false, true]);
    assert.notEqual(rulesOfMastodon().id, rulesOfMastodon(short).id);
  });
});

describe('links and mentions', () => {
  it('are found where a reader sees them', () => {
    const text =
      'https://a.example/x, @anna and @bob@b.example (http://c.example/?q=@no) a@d.example @_x. .@eve';
    assert.deepEqual(
      linksIn(text).map(({ url, from, to }) => [url, text.slice(from, to)]),
      [
        ['https://a.example/x', 'https://a.example/x'],
        ['http://c.example/?q=@no', 'http://c.example/?q=@no'],
      ],
    );
    assert.deepEqual(
      rulesOfMastodon()
        .entitiesIn(text)
        .map((entity) => `${entity.kind} ${entity.text}`),
      [
        'link https://a.example/x',
        'mention @anna',
        'mention @bob@b.example',
        'link http://c.example/?q=@no',
        'mention @_x',
        'mention @eve',
      ],
    );
  });

  it('have tags beside them, which are no numbers', () => {
    const kinds = (text: string): string[] =>
      rulesOfMastodon()
        .entitiesIn(text)
        .map((entity) => `${entity.kind} ${entity.text}`);
    assert.deepEqual(kinds('#rain, ＃雨 #1 #1a a#b https://a.example/#no'), [
      'hashtag #rain',
      'hashtag ＃雨',
      'hashtag #1a',
      'link https://a.example/#no',
    ]);
  });

  it('take linear time', () => {
    for (const text of [
      '@a.'.repeat(20_000),
      'https://a.'.repeat(10_000),
      '(https://a.b/('.repeat(5000),
      '#1'.repeat(20_000),
    ]) {
      const begun = performance.now();
      lengthOf(text, usualLimits);
      rulesOfMastodon().entitiesIn(text);
      assert.ok(performance.now() - begun < 2000, text.slice(0, 10));
    }
  });
});

describe('the text in the HTML of a post', () => {
  const rows: [html: string, text: string][] = [
    ['<p>rain</p>', 'rain'],
    ['<p>one<br />two<br>three</p><p>four</p>', 'one\ntwo\nthree\n\nfour'],
    ['one<br>two<br><br>three<br>', 'one\ntwo\n\nthree'],
    ['<p>1 &lt; 2 &amp;&amp; &quot;3&quot; &#39;4&#39; &#x26;amp;</p>', '1 < 2 && "3" \'4\' &amp;'],
    ['<p>a&nbsp;b</p>', 'a\u00a0b'],
    [
      '<p>see <a href="https://example.org/long" rel="nofollow"><span class="invisible">https://</span><span class="ellipsis">example.org/lo</span><span class="invisible">ng</span></a></p>',
      'see https://example.org/long',
    ],
    ['<p><a href="x" class="mention hashtag" rel="tag">#<span>rain</span></a></p>', '#rain'],
    [
      '<p><span class="h-card"><a href="x" class="u-url mention">@<span>anna</span></a></span> hi</p>',
      '@anna hi',
    ],
    // snac does not escape.
    ['1 < 2 and 3 > 2', '1 < 2 and 3 > 2'],
    ['<!-- made by -->rain', 'rain'],
    ['', ''],
  ];
  for (const [html, text] of rows) {
    it(JSON.stringify(html.slice(0, 60)), () => {
      assert.equal(textOfHtml(html), text);
    });
  }

  it('is what was written, where the server escapes as Mastodon does', () => {
    const asMastodon = (text: string): string => {
      const escaped = text
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;');
      const paragraphs = escaped.split(/\n{2,}/).map((lines) => `<p>${lines.replaceAll('\n', '<br />')}</p>`);
      return paragraphs.join('');
    };
    const sign = fc.constantFrom(...'ab <>&"\'#;\n/p!-'.split(''), '&amp;', '<br>', '雨', '\u{1f327}');
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 40 }), (signs) => {
        const folded = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
        const text = signs.join('');
        assert.equal(folded(textOfHtml(asMastodon(text))), folded(text));
      }),
      { numRuns: 1000 },
    );
  });
});
