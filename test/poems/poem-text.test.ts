import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import { decodePoem } from '../../src/poems/find.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('the text of a poem', () => {
  it('is the file’s, less a byte order mark at its start', () => {
    assert.equal(decodePoem(bytes('\ufeffLamp\r\noil\r'), 'lamp.txt'), 'Lamp\r\noil\r');
    assert.equal(decodePoem(new Uint8Array(), 'lamp.txt'), '');
    assert.equal(decodePoem(bytes('\u96e8 \u{1f426}'), 'lamp.txt'), '\u96e8 \u{1f426}');
  });

  it('is read from UTF-16 that says so, in both orders of its bytes', () => {
    const text = 'caf\u00e9 \u201cnoir\u201d \u{1f426}\r\n';
    const little = Buffer.from(`\ufeff${text}`, 'utf16le');
    assert.equal(decodePoem(little, 'lamp.txt'), text);
    assert.equal(decodePoem(Buffer.from(little).swap16(), 'lamp.txt'), text);
  });

  const hints: [name: string, content: Uint8Array, hint: RegExp][] = [
    [
      'Latin-1',
      Buffer.from('caf\u00e9 na\u00efve\n', 'latin1'),
      /Latin-1.*: iconv -f latin1 -t utf-8 lamp\.txt$/,
    ],
    [
      'Windows-1252, by its quotes and dashes',
      Buffer.from('\x93Come in,\x94 she said \x96 it\x92s late\x85\r\n', 'latin1'),
      /Windows-1252.*: iconv -f windows-1252 -t utf-8 lamp\.txt$/,
    ],
    [
      'a code page of DOS, which has letters where Windows-1252 has none',
      Buffer.from('the caf\x82 na\x8bve \x81ber all of it\r\n', 'latin1'),
      /-f ENCODING/,
    ],
    ['Cyrillic of Windows', Buffer.from('\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0\n', 'latin1'), /-f ENCODING/],
    ['Chinese', Buffer.from('\xb4\xba\xc3\xdf\xb2\xbb\xbe\xf5\xcf\xfe\n', 'latin1'), /-f ENCODING/],
    [
      'a line of another encoding among UTF-8',
      Buffer.concat([Buffer.from('caf\u00e9\nna\u00efve\n'), Buffer.from('caf\xe9\n', 'latin1')]),
      /other lines of the file are UTF-8/,
    ],
    ['UTF-16 without a mark', Buffer.from('rain', 'utf16le'), /iconv -f utf-16le -t utf-8 lamp\.txt$/],
    ['the same, the other way round', Buffer.from('rain', 'utf16le').swap16(), /-f utf-16be /],
    ['UTF-32', Uint8Array.from([0xff, 0xfe, 0, 0, 97, 0, 0, 0]), /-f utf-32 /],
    ['what is no text', Uint8Array.from([1, 2, 0, 4]), /is it a poem at all/],
  ];
  for (const [name, content, hint] of hints) {
    it(`has a hint where it cannot be read: ${name}`, () => {
      assert.throws(
        () => decodePoem(content, 'lamp.txt'),
        (error: unknown) => error instanceof FlockError && hint.test(error.hint ?? ''),
      );
    });
  }

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
    [
      'half a character of UTF-16',
      Uint8Array.from([0xff, 0xfe, 97, 0, 10]),
      /lamp\.txt: .* not valid UTF-16/,
    ],
    ['half of a pair in UTF-16', Uint8Array.from([0xfe, 0xff, 0xd8, 0]), /lamp\.txt: .* not valid UTF-16/],
    ['UTF-16 without a mark', Uint8Array.from([97, 0, 98, 0]), /^poems\/lamp\.txt:1: a NUL/],
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
