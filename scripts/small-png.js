import { crc32, deflateSync, inflateSync } from 'node:zlib';

/*
 * Pictures of pages have few colours, so a palette makes them several times smaller. @see https://www.w3.org/TR/png-3/
 */

const signature = Buffer.from('89504e470d0a1a0a', 'hex');
const maxColors = 256;

/**
 * A picture with a palette of at most 256 colours; every other colour becomes the nearest of them.
 *
 * @param {Buffer} png - as Chromium makes it: 8 bits a channel, RGB or RGBA, not interlaced, opaque
 * @returns {Buffer}
 */
export function withPalette(png) {
  const { width, height, colors } = pixelsOf(png);
  const counts = new Map();
  for (const color of colors) counts.set(color, (counts.get(color) ?? 0) + 1);
  const all = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const palette = paletteOf(all);
  const indexes = new Map(all.map((color) => [color, nearest(color, palette)]));
  const rows = Buffer.alloc(height * (width + 1));
  // The byte before each row is 0: rows of indexes are not filtered.
  for (let at = 0; at < colors.length; at++) rows[at + Math.floor(at / width) + 1] = indexes.get(colors[at]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(channelsOf))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Those that are frequent, then those that are far from all others, then those that are less far. */
function paletteOf(byFrequency) {
  const palette = byFrequency.slice(0, 64);
  for (const least of [32, 16, 8, 4, 0]) {
    for (const color of byFrequency) {
      if (palette.length === maxColors) return palette;
      if (palette.every((other) => distance(color, other) > least)) palette.push(color);
    }
  }
  return palette;
}

const channelsOf = (color) => [color >> 16, (color >> 8) & 255, color & 255];

const distance = (a, b) =>
  Math.hypot((a >> 16) - (b >> 16), ((a >> 8) & 255) - ((b >> 8) & 255), (a & 255) - (b & 255));

function nearest(color, palette) {
  const distances = palette.map((other) => distance(color, other));
  return distances.indexOf(Math.min(...distances));
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The size of a picture, and its pixels row by row, each as 0xRRGGBB. */
function pixelsOf(png) {
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const channels = { 2: 3, 6: 4 }[png[25]];
  if (png[24] !== 8 || channels === undefined || png[28] !== 0) throw new Error('not a picture of Chromium');
  const data = [];
  for (let at = signature.length; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const bytes = unfiltered(inflateSync(Buffer.concat(data)), width * channels, channels);
  const colors = new Uint32Array(width * height);
  for (let at = 0; at < colors.length; at++) colors[at] = bytes.readUIntBE(at * channels, 3);
  return { width, height, colors };
}

/** What the filters of rows subtract from a byte, by their numbers; the bytes are those to the left, above, and above left. */
const guesses = [
  () => 0,
  (left) => left,
  (left, above) => above,
  (left, above) => (left + above) >> 1,
  (left, above, corner) => {
    const a = Math.abs(above - corner);
    const b = Math.abs(left - corner);
    const c = Math.abs(left + above - 2 * corner);
    if (a <= b && a <= c) return left;
    return b <= c ? above : corner;
  },
];

/** Undoes the filter of each row, which its first byte names. */
function unfiltered(filtered, size, channels) {
  const rows = filtered.length / (size + 1);
  const bytes = Buffer.alloc(rows * size);
  for (let row = 0; row < rows; row++) {
    const guess = guesses[filtered[row * (size + 1)]];
    for (let x = 0; x < size; x++) {
      const at = row * size + x;
      const left = x < channels ? 0 : bytes[at - channels];
      const above = row === 0 ? 0 : bytes[at - size];
      const corner = row === 0 || x < channels ? 0 : bytes[at - size - channels];
      bytes[at] = filtered[at + row + 1] + guess(left, above, corner);
    }
  }
  return bytes;
}
