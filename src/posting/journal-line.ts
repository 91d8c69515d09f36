import { crc32 } from 'node:zlib';

/**
 * One record of the journal: a line of JSON whose last field, `crc`, is the CRC-32 (8 hex digits) of the text before it.
 * `{"n":7,"event":"posted","bot":"howl",…,"crc":"1c291ca3"}`
 */
export function formatLine(record: object): string {
  const open = JSON.stringify(record).slice(0, -1);
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
