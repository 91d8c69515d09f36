import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { typedWords } from '../../src/cli/complete.ts';
import { shellWord } from '../../src/text.ts';

describe('the words of a line of bash', () => {
  const table: [line: string, words: string[]][] = [
    ['', ['']],
    ['flockd', ['flockd']],
    ['flockd ', ['flockd', '']],
    ['  a\tb  ', ['a', 'b', '']],
    ["a 'b c'", ['a', 'b c']],
    ["a 'b c", ['a', 'b c']],
    ['a "b c', ['a', 'b c']],
    ["a ''", ['a', '']],
    ["a '' ", ['a', '', '']],
    ['a ""b', ['a', 'b']],
    [String.raw`a\ b c`, ['a b', 'c']],
    [String.raw`a\\ b`, ['a\\', 'b']],
    [String.raw`'a\' b`, ['a\\', 'b']],
    [String.raw`"a\"b\$\\\x" c`, [String.raw`a"b$\\x`, 'c']],
    [String.raw`'it'\''s'`, ["it's"]],
    [`"it's" 'so "called"'`, ["it's", 'so "called"']],
    ['--root="a b" ', ['--root=a b', '']],
    ['a $(touch b) ', ['a', '$(touch', 'b)', '']],
    ['a "$(touch b)" `c` $HOME ~ *', ['a', '$(touch b)', '`c`', '$HOME', '~', '*']],
    ['a\\', ['a']],
    ['naïve 🐦', ['naïve', '🐦']],
  ];
  for (const [line, words] of table) {
    it(`are ${JSON.stringify(words)} for ${JSON.stringify(line)}`, () => {
      assert.deepEqual(typedWords(line), words);
    });
  }

  it('are what a path was before it was quoted', () => {
    const path = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(path, (file) => {
        assert.deepEqual(typedWords(`a ${shellWord(file)} `), ['a', file.replace(/^-/, './-'), '']);
      }),
    );
  });
});
