import { FlockError } from '../errors.ts';
import { refusedByX } from './tweet-text.ts';

/**
 * The text of a poem's file, read strictly: UTF-8, or UTF-16 with a byte order mark; the mark at the start is dropped.
 *
 * @throws {FlockError} `data`, naming file and line, for bytes that are not UTF-8, for NUL and for characters X refuses
 */
export function decodePoem(bytes: Uint8Array, file: string): string {
  const text = decode(bytes, file);
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    throw new FlockError('data', `${file}:${lineAt(text, nul)}: a NUL byte; this is not a text`, {
      hint: hintForNul(bytes, file),
    });
  }
  const refused = text.search(refusedByX);
  if (refused >= 0) {
    throw new FlockError(
      'data',
      `${file}:${lineAt(text, refused)}: ${nameOf(text, refused)}, which X refuses`,
      {
        hint: 'delete that invisible character',
      },
    );
  }
  return text;
}

function decode(bytes: Uint8Array, file: string): string {
  const encoding = markedEncoding(bytes);
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    if (encoding !== 'utf-8')
      throw new FlockError('data', `${file}: begins as UTF-16 does and is not valid UTF-16`, {
        hint: 'save the file as UTF-8 in the program that wrote it',
        cause,
      });
    throw new FlockError('data', `${file}:${firstBadLine(bytes)}: not valid UTF-8`, {
      hint: hintFor(bytes, file),
      cause,
    });
  }
}

/** What a byte order mark says. The mark of UTF-32 begins like one of UTF-16; what follows are NULs. */
function markedEncoding([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}

function hintForNul(bytes: Uint8Array, file: string): string {
  const [first, second, third, fourth] = bytes;
  const iconv = (from: string): string =>
    `is it ${from}? then: iconv -f ${from.toLowerCase()} -t utf-8 ${file}`;
  if (first === 0xff && second === 0xfe && third === 0 && fourth === 0) return iconv('UTF-32');
  // Western text in UTF-16: every other byte is NUL.
  if (first !== 0 && second === 0 && third !== 0 && fourth === 0) return iconv('UTF-16LE');
  if (first === 0 && second !== 0 && third === 0 && fourth !== 0) return iconv('UTF-16BE');
  return 'is it a poem at all? save it as plain UTF-8 text';
}

/** So much of a file tells its encoding. Bytes. */
const sample = 1024 * 1024;

/** How to repair a file that is not UTF-8. It says no more than its bytes can tell. */
function hintFor(whole: Uint8Array, file: string): string {
  const bytes = whole.subarray(0, sample);
  const rows = [...rowsOf(bytes)];
  const foreign = rows.filter(({ isValid }) => !isValid).length;
  // By chance, a few lines of another encoding are UTF-8 as well.
  if (rows.filter(({ row, isValid }) => isValid && row.some(isHigh)).length > foreign)
    return 'other lines of the file are UTF-8: write anew what is not';
  const high = bytes.filter(isHigh);
  const letters = bytes.filter((byte) => isHigh(byte) || /[a-z]/i.test(String.fromCharCode(byte))).length;
  // Words of western languages are mostly ASCII. Those in other scripts are not, nor are Chinese and Japanese.
  const looksLike = (name: string, from: string): string =>
    `it looks like ${name}; save it as UTF-8: iconv -f ${from} -t utf-8 ${file}`;
  if (high.length * 3 <= letters) {
    if (!high.some((byte) => byte < 0xa0)) return looksLike('Latin-1', 'latin1');
    if (!high.some((byte) => notInWindows.has(byte))) return looksLike('Windows-1252', 'windows-1252');
  }
  return `save it as UTF-8 in the program that wrote it, or by its encoding: iconv -f ENCODING -t utf-8 ${file}`;
}

const isHigh = (byte: number): boolean => byte >= 0x80;

/** Windows-1252 has quotes and dashes where Latin-1 has control characters, but for these. */
const notInWindows = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

function firstBadLine(bytes: Uint8Array): number {
  let line = 1;
  for (const { isValid } of rowsOf(bytes)) {
    if (!isValid) break;
    line++;
  }
  return line;
}

/** No character's bytes contain a newline byte, so each row can be decoded by itself. */
function* rowsOf(bytes: Uint8Array): Generator<{ row: Uint8Array; isValid: boolean }> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const row = bytes.subarray(start, newline < 0 ? bytes.length : newline + 1);
    yield { row, isValid: isUtf8(row, decoder) };
    start += row.length;
  }
}

function isUtf8(row: Uint8Array, decoder: { decode: (bytes: Uint8Array) => string }): boolean {
  try {
    decoder.decode(row);
    return true;
  } catch {
    return false;
  }
}

const lineAt = (text: string, index: number): string =>
  String(text.slice(0, index).split(/\r\n|\n|\r/).length);

const nameOf = (text: string, index: number): string =>
  `the character U+${(text.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
