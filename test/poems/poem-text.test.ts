import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import { decodePoem } from '../../src/poems/poem-text.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the text of a poem', () => {
  it('is the file’s, less a byte order mark at its start', () => {
    assert.equal(decodePoem(bytes('\ufeffLamp\r\noil\r'), 'lamp.txt'), 'Lamp\r\noil\r');
    assert.equal(decodePoem(new Uint8Array(), 'lamp.txt'), '');
    assert.equal(decodePoem(bytes('\u96e8 \u{1f426}'), 'lamp.txt'), '\u96e8 \u{1f426}');
  });

  const cases: [name: string, content: Uint8Array, message: RegExp][] = [
    ['a NUL in the first line', bytes('a\0b'), /^poems\/lamp\.txt:1: a NUL/],
    ['a NUL after a CRLF and a CR', bytes('a\r\nb\rc\0'), /^poems\/lamp\.txt:3: a NUL/],
    [
      'Latin-1 in the third line',
      Uint8Array.from([97, 10, 98, 10, 0xe9, 10]),
      /^poems\/lamp\.txt:3: not valid UTF-8/,
    ],
    [
      'a character cut off at the end',
      Uint8Array.from([97, 10, 0xe9, 0x9b]),
      /^poems\/lamp\.txt:2: not valid UTF-8/,
    ],
    ['half of a surrogate pair', Uint8Array.from([0xed, 0xa0, 0x80]), /^poems\/lamp\.txt:1: not valid UTF-8/],
    [
      'a slash written in two bytes',
      Uint8Array.from([97, 10, 0xc0, 0xaf]),
      /^poems\/lamp\.txt:2: not valid UTF-8/,
    ],
    ['UTF-16', Uint8Array.from([0xff, 0xfe, 97, 0, 10, 0]), /^poems\/lamp\.txt:1: not valid UTF-8/],
    ['a byte order mark inside', bytes('\ufeffa\nb\ufeffc'), /^poems\/lamp\.txt:2: .*U\+FEFF/],
    ['a second byte order mark', bytes('\ufeff\ufeffa'), /^poems\/lamp\.txt:1: .*U\+FEFF/],
    ['a noncharacter', bytes('a\n\nb\uffff'), /^poems\/lamp\.txt:3: .*U\+FFFF/],
  ];
  for (const [name, content, message] of cases) {
    it(`is refused for ${name}, naming file and line`, () => {
      assert.throws(
        () => decodePoem(content, 'poems/lamp.txt'),
        (error: unknown) => {
          assert.ok(error instanceof FlockError);
          assert.equal(error.exit, 'data');
          assert.match(error.message, message);
          assert.ok(error.hint);
          return true;
        },
      );
    });
  }
});
