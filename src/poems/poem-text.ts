import { FlockError } from '../errors.ts';
import { refusedByX } from './line-length.ts';

/**
 * The text of a poem's file, read strictly: UTF-8, a byte order mark at the start dropped.
 *
 * @throws {FlockError} `data`, naming file and line, for bytes that are not UTF-8, for NUL and for characters X refuses
 */
export function decodePoem(bytes: Uint8Array, file: string): string {
  const text = decode(bytes, file);
  const nul = text.indexOf('\0');
  if (nul >= 0) {
    throw new FlockError('data', `${file}:${lineAt(text, nul)}: a NUL byte; this is not a text`, {
      hint: 'is it a poem at all? save it as plain UTF-8 text',
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
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FlockError('data', `${file}:${firstBadLine(bytes)}: not valid UTF-8`, {
      hint: `save the file as UTF-8, for example: iconv -f latin1 -t utf-8 ${file}`,
      cause,
    });
  }
}

/** No character's bytes contain a newline byte, so each row can be decoded by itself. */
function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    try {
      decoder.decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end;
  }
  return line;
}

const lineAt = (text: string, index: number): string =>
  String(text.slice(0, index).split(/\r\n|\n|\r/).length);

const nameOf = (text: string, index: number): string =>
  `the character U+${(text.codePointAt(index) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
