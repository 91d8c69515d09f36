import { crc32 } from 'node:zlib';

/**
 * One record of the journal: a line of JSON whose last field, `crc`, is the CRC-32 (8 hex digits) of the text before it.
 * `{"n":7,"event":"posted","bot":"howl",…,"crc":"1c291ca3"}`
 */
export function formatLine(record: object): string {
  const open = JSON.stringify(record).slice(0, -1);
  return `${open},"crc":"${checksum(open)}"}\n`;
}

const shape = /^(\{.*),"crc":"([0-9a-f]{8})"\}$/su;

/** The record in a line without its newline, or undefined where the line is damaged. */
export function parseLine(line: string): unknown {
  const found = shape.exec(line);
  const open = found?.[1];
  return open !== undefined && checksum(open) === found?.[2] ? JSON.parse(`${open}}`) : undefined;
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
