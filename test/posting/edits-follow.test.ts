import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fingerprints, type Cursor, prints } from '../../src/ledger/state.ts';
import { followEdits } from '../../src/posting/edits.ts';

const poemOf = (lines: readonly string[]): string => fingerprints(lines.map((text) => ({ text })));
const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

/** What is still to come, in the order it will come. */
function toCome(place: Cursor | undefined, lines: readonly string[]): string | undefined {
  if (!place) return undefined;
  assert.equal(place.poem, poemOf(lines));
  return lines.filter((_, line) => line >= place.next && !place.ahead.includes(line)).join(' ');
}

describe('a poem edited while its bot is in it', () => {
  const cases: [name: string, before: string, next: number, after: string, left: string | undefined][] = [
    ['not edited', 'a b c d', 2, 'a b c d', 'c d'],
    ['a line put in after the place', 'a b c d', 2, 'a b c x d', 'c x d'],
    ['a line put in before the place', 'a b c d', 2, 'a x b c d', 'c d'],
    ['a line put in at the top', 'a b c d', 2, 'x a b c d', 'c d'],
    ['a line put in right at the place', 'a b c d', 2, 'a b x c d', 'x c d'],
    ['a posted line taken out', 'a b c d', 2, 'b c d', 'c d'],
    ['a coming line taken out', 'a b c d', 2, 'a b d', 'd'],
    ['the last posted line taken out', 'a b c d', 2, 'a c d', 'c d'],
    ['a typo in a posted line', 'a b c d', 2, 'a B c d', 'c d'],
    ['a typo in the coming line', 'a b c d', 2, 'a b C d', 'C d'],
    ['typos on both sides of the place', 'a b c d e f', 3, 'a b C D e f', 'D e f'],
    ['a coming line moved up', 'a b c d', 2, 'd a b c', 'd c'],
    ['a posted line moved down', 'a b c d', 2, 'b c d a', 'c d'],
    ['the whole order turned round', 'a b c d', 2, 'd c b a', 'd c'],
    ['lines added at the end', 'a b c d', 2, 'a b c d e f', 'c d e f'],
    ['a typo in a finished poem', 'a b c', 3, 'a B c', ''],
    ['nothing posted yet', 'a b c', 0, 'x y z', 'x y z'],
    ['another poem', 'a b c d', 2, 'w x y z', undefined],
    ['half of another poem', 'a b c d e f', 2, 'a w x y z v', undefined],
    ['all gone but what was posted', 'a b c d', 2, 'a b', ''],
    ['a refrain before and after the place', 'r a r b r c', 3, 'r a r b x r c', 'b x r c'],
    ['lines added to a finished poem, which go on with it', 'a b c', 3, 'a b c d e', 'd e'],
  ];
  for (const [name, before, next, after, left] of cases) {
    it(name, () => {
      const place = { poem: poemOf(words(before)), next, ahead: [] };
      assert.equal(toCome(followEdits(place, poemOf(words(after))), words(after)), left);
    });
  }

  it('keeps what was posted out of order posted', () => {
    const place = { poem: poemOf(words('d a b c')), next: 0, ahead: [1, 2] };
    assert.equal(toCome(followEdits(place, poemOf(words('d a x b c'))), words('d a x b c')), 'd c');
  });
});

describe('any edit', () => {
  type Edit = { take: number } | { put: number } | { change: number } | { from: number; to: number };
  const position = fc.nat({ max: 30 });
  const edits: fc.Arbitrary<Edit[]> = fc.array(
    fc.oneof(
      fc.record({ take: position }),
      fc.record({ put: position }),
      fc.record({ change: position }),
      fc.record({ from: position, to: position }),
    ),
    { minLength: 1, maxLength: 6 },
  );

  function apply(lines: readonly string[], edit: Edit, name: string): string[] {
    const after = [...lines];
    if ('put' in edit) after.splice(edit.put % (after.length + 1), 0, name);
    else if (after.length === 0) return after;
    else if ('take' in edit) after.splice(edit.take % after.length, 1);
    else if ('change' in edit) after[edit.change % after.length] = name;
    else {
      const [line = ''] = after.splice(edit.from % lines.length, 1);
      after.splice(edit.to % (after.length + 1), 0, line);
    }
    return after;
  }

  it('never has a posted line posted again nor a coming line passed over, where both stayed as they were', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat({ max: 20 }), edits, (length, at, changes) => {
        const before = Array.from({ length }, (_, line) => `line ${line}`);
        const next = Math.min(at, length);
        const after = changes.reduce<string[]>((lines, edit, n) => apply(lines, edit, `new ${n}`), before);
        const place = followEdits({ poem: poemOf(before), next, ahead: [] }, poemOf(after));
        if (!place) return;
        const left = new Set(toCome(place, after)?.split(/ (?=line|new)/) ?? []);
        for (const [line, text] of before.entries())
          if (after.includes(text)) assert.equal(left.has(text), line >= next, text);
        assert.deepEqual(
          [...place.ahead],
          place.ahead.filter((line) => line > place.next && line < after.length),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('of one line is always followed, in a poem of four lines and more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 20 }), fc.nat({ max: 20 }), edits, (length, at, [edit]) => {
        const before = Array.from({ length }, (_, line) => `line ${line}`);
        const after = edit ? apply(before, edit, 'new') : before;
        const place = followEdits(
          { poem: poemOf(before), next: Math.min(at, length), ahead: [] },
          poemOf(after),
        );
        assert.equal(prints(place?.poem ?? '').length, after.length);
      }),
    );
  });
});
