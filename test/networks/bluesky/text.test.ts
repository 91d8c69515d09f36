import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { recordOf, newTid, tidInstant } from '../../../src/networks/bluesky/client.ts';
import { type Facet, facetsOf, lengthOf, linksIn, textFault } from '../../../src/networks/bluesky/text.ts';

/** The part of a text that a facet marks, as a reader of its bytes would find it. */
const partOf = (text: string, { index }: Facet): string =>
  Buffer.from(text).subarray(index.byteStart, index.byteEnd).toString();

const shown = (text: string): string[] =>
  facetsOf(text).map((facet) => {
    const [feature] = facet.features;
    return `${partOf(text, facet)} = ${'uri' in feature ? feature.uri : `#${feature.tag}`}`;
  });

describe('the length of a text', () => {
  const rows: [text: string, length: number][] = [
    ['', 0],
    ['rain', 4],
    ['rain\nrain', 9],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 1],
    ['नि', 1],
    ['\r\n', 1],
    ['https://example.com/a-long-way', 30],
  ];
  for (const [text, length] of rows) {
    it(`${JSON.stringify(text)} is ${String(length)}`, () => {
      assert.equal(lengthOf(text), length);
    });
  }

  it('is the same by the fast path and by the segmenter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        assert.equal(lengthOf(text), Array.from(new Intl.Segmenter().segment(text)).length);
      }),
    );
  });
});

describe('what Bluesky takes', () => {
  const rows: [name: string, text: string, fault: RegExp | undefined][] = [
    ['a line', 'rain', undefined],
    ['300 letters', 'a'.repeat(300), undefined],
    ['301 letters', 'a'.repeat(301), /longer than 300 characters \(301\)/],
    ['3,000 bytes', '👩‍👩‍👧'.repeat(166) + 'a'.repeat(12), undefined],
    ['3,001 bytes', '👩‍👩‍👧'.repeat(166) + 'a'.repeat(13), /longer than 3000 bytes \(3001\)/],
    ['nothing', '', /empty/],
    ['spaces', ' \n\u3000', /empty/],
    ['invisible characters', '\u200b\u2060\ufeff', /empty/],
    ['half a character', 'rain \ud83d', /not valid Unicode/],
    ['control characters', 'a\u0000b\u001b', undefined],
  ];
  for (const [name, text, fault] of rows) {
    it(`${fault ? 'is not' : 'is'} ${name}`, () => {
      const found = textFault(text);
      if (fault) assert.match(found ?? '', fault);
      else assert.equal(found, undefined);
    });
  }
});

describe('links and tags', () => {
  const rows: [text: string, ...parts: string[]][] = [
    ['rain'],
    ['https://example.com', 'https://example.com = https://example.com'],
    ['Ü 雨 👩‍👩‍👧 https://example.com/ä.', 'https://example.com/ä = https://example.com/ä'],
    ['(see https://example.com/a)', 'https://example.com/a = https://example.com/a'],
    ['https://example.com/a_(b)', 'https://example.com/a_(b) = https://example.com/a_(b)'],
    ['(https://example.com/a_(b))', 'https://example.com/a_(b) = https://example.com/a_(b)'],
    ['„https://example.com/“', 'https://example.com/ = https://example.com/'],
    ['HTTP://EXAMPLE.COM!', 'HTTP://EXAMPLE.COM = HTTP://EXAMPLE.COM'],
    ['「https://example.com/雨」。', 'https://example.com/雨 = https://example.com/雨'],
    // Without a scheme it is the end of a sentence, or a name that stays text.
    ['into the night.It rained on example.com'],
    ['xhttps://example.com'],
    ['https://'],
    ['https:// example.com'],
    ['https://a https://b', 'https://a = https://a', 'https://b = https://b'],
    ['#rain', '#rain = #rain'],
    ['rain #rain, #Regen!', '#rain = #rain', '#Regen = #Regen'],
    ['über #größe', '#größe = #größe'],
    ['＃雨', '＃雨 = #雨'],
    ['no#tag and # and #! and #42'],
    ['#4you', '#4you = #4you'],
    ['#\ufe0f⃣ keycap'],
    [`#${'a'.repeat(64)}`, `#${'a'.repeat(64)} = #${'a'.repeat(64)}`],
    [`#${'a'.repeat(65)}`],
    ['#a\u200bb', '#a = #a'],
    // A poem notifies no account.
    ['@anna.bsky.social and @bob'],
    ['https://example.com/#part', 'https://example.com/#part = https://example.com/#part'],
  ];
  for (const [text, ...parts] of rows) {
    it(`of ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.deepEqual(shown(text), parts);
    });
  }

  it('have offsets in bytes that cut no character, in order and apart, in any text', () => {
    const word = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('https://example.com/ü', '#größe', '👩‍👩‍👧', '(', ')', '\n', ' ', '.', '#', '雨'),
    );
    fc.assert(
      fc.property(
        fc.array(word).map((words) => words.join(' ')),
        (text) => {
          let end = 0;
          for (const facet of facetsOf(text)) {
            const { byteStart, byteEnd } = facet.index;
            assert.ok(byteStart >= end && byteEnd > byteStart && byteEnd <= Buffer.byteLength(text));
            end = byteEnd;
            const part = partOf(text, facet);
            assert.ok(text.includes(part) && !part.includes('\ufffd'), part);
            const [feature] = facet.features;
            assert.equal(part, 'uri' in feature ? feature.uri : part[0]?.concat(feature.tag));
          }
        },
      ),
    );
  });

  it('are found in a moment in a hostile text', () => {
    const text = `https://a${'('.repeat(1500)}${')'.repeat(1400)} #${'1'.repeat(3000)}`;
    const began = performance.now();
    facetsOf(text);
    assert.ok(performance.now() - began < 1000);
  });

  it('are read as links alone', () => {
    assert.deepEqual(linksIn('#rain https://example.com/a, https://example.com/b'), [
      'https://example.com/a',
      'https://example.com/b',
    ]);
  });
});

describe('the record of a post', () => {
  const tid = newTid(Date.parse('2026-11-21T09:00:00.123Z'));

  it('has the time of its key, and nothing that is not asked for', () => {
    assert.equal(new Date(tidInstant(tid)).toISOString(), '2026-11-21T09:00:00.123Z');
    assert.deepEqual(recordOf('rain', tid), {
      $type: 'app.bsky.feed.post',
      createdAt: '2026-11-21T09:00:00.123Z',
      text: 'rain',
    });
  });

  it('is the same whenever it is made', () => {
    const options = { language: 'de', contentWarning: 'nudity' };
    const made = recordOf('#rain', tid, options);
    assert.deepEqual(made, recordOf('#rain', tid, options));
    assert.deepEqual('langs' in made && made.langs, ['de']);
  });

  const warnings: [warning: string, label: string][] = [
    ['nudity', 'nudity'],
    ['porn', 'porn'],
    ['sexual', 'sexual'],
    ['graphic-media', 'graphic-media'],
    ['war, and its end', 'graphic-media'],
  ];
  for (const [contentWarning, val] of warnings) {
    it(`has the label ${val} for the warning "${contentWarning}"`, () => {
      const made = recordOf('rain', tid, { contentWarning });
      assert.deepEqual('labels' in made && made.labels, {
        $type: 'com.atproto.label.defs#selfLabels',
        values: [{ val }],
      });
    });
  }
});
