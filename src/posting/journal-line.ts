import { crc32 } from 'node:zlib';

/**
 * One record of the journal: a line of JSON whose first field is its number, and whose last, `crc`, is the CRC-32 (8 hex
 * digits) of the text before it. `{"n":7,"event":"posted","bot":"howl",…,"crc":"1c291ca3"}`
 *
 * @param record - with one field at least
 */
export function formatLine(n: number, record: object): string {
  const open = `{"n":${n},${JSON.stringify(record).slice(1, -1)}`;
  return `${open}${endOf(open)}\n`;
}

const endOf = (open: string): string => `,"crc":"${crc32(open).toString(16).padStart(8, '0')}"}`;
const lengthOfEnd = endOf('').length;

/** The record in a line without its newline, or undefined where the line is damaged. */
export function parseLine(line: string): unknown {
  const open = line.slice(0, -lengthOfEnd);
  const isWhole = open.startsWith('{') && line.slice(-lengthOfEnd) === endOf(open);
  return isWhole ? JSON.parse(`${open}}`) : undefined;
}
