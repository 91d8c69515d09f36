import { randomBytes } from 'node:crypto';

/** Where a secret was found, and as what. */
export interface Leak {
  secret: string;
  encoding: string;
  /** What is around it. */
  around: string;
}

/** A part of a secret that is as good as the whole, and how many of its characters a needle has. */
const fragment = 10;
const step = 4;

/** Characters that encodings treat in their own ways: URLs, JSON, HTML, base64 and forms. */
const awkward = `+/=&%"'<\\`;

/** Values that are nowhere else in the world, and the search for them in whatever was written. */
export class Sentinels {
  readonly #needles: { secret: string; encoding: string; needle: Buffer }[] = [];
  readonly #values = new Map<string, string>();

  /** A new secret of that name. @param before - what may be seen of it: its first characters, or whose it is */
  plant(secret: string, { before = '', plain = false } = {}): string {
    const half = (): string =>
      randomBytes(12)
        .toString('hex')
        .replaceAll(/[0-5]/g, (digit) => 'GhJkMn'.charAt(Number(digit)));
    const value = `${half()}${plain ? '' : awkward}${half()}`;
    this.learn(secret, value);
    this.#values.set(secret, before + value);
    return before + value;
  }

  /** A new secret of digits. */
  plantDigits(secret: string, count: number): string {
    const digits = Array.from(randomBytes(count), (byte) => 1 + (byte % 9)).join('');
    this.learn(secret, digits);
    return digits;
  }

  get(secret: string): string {
    const value = this.#values.get(secret);
    if (value === undefined) throw new Error(`there is no secret ${secret}`);
    return value;
  }

  /** A secret that somebody else made. */
  learn(secret: string, value: string): void {
    this.#values.set(secret, value);
    for (const [encoding, encode] of Object.entries(encodings)) {
      for (const part of partsOf(value)) {
        for (const needle of encode(part))
          this.#needles.push({ secret, encoding, needle: Buffer.from(needle) });
      }
    }
  }

  /** The secrets in some bytes, each once for each encoding. @param except - secrets that may be there */
  search(bytes: Buffer, except: readonly string[] = []): Leak[] {
    const found = new Map<string, Leak>();
    for (const { secret, encoding, needle } of this.#needles) {
      const key = `${secret} ${encoding}`;
      if (except.includes(secret) || found.has(key)) continue;
      const at = bytes.indexOf(needle);
      if (at < 0) continue;
      const around = bytes.subarray(Math.max(0, at - 60), at + needle.length + 40).toString('latin1');
      found.set(key, { secret, encoding, around });
    }
    return [...found.values()];
  }
}

/** The whole, and parts of which one is in every long fragment. What all secrets have in common is in no part. */
function partsOf(value: string): string[] {
  const parts = [value];
  if (value.length < 2 * fragment) return parts;
  for (const [run] of value.matchAll(/[A-Za-z0-9_-]{10,}/g)) {
    for (let at = 0; at + fragment <= run.length; at += step) parts.push(run.slice(at, at + fragment));
  }
  return parts;
}

const bytesOf = (text: string): string[] =>
  Array.from(Buffer.from(text), (byte) => byte.toString(16).padStart(2, '0'));
const units = (text: string): string[] =>
  Array.from({ length: text.length }, (_, index) => text.charCodeAt(index).toString(16).padStart(4, '0'));

/** Base64 of a text wherever it begins in what was encoded: the digits that hold nothing but the text. */
function aligned(text: string): string[] {
  const length = Buffer.byteLength(text);
  return [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]).toString('base64');
    return whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + length) * 8) / 6));
  });
}

const html = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
/** RFC 3986, as OAuth has it. */
const strict = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
const lowerEscapes = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());

/** Every way a secret could be written down. */
export const encodings: Readonly<Record<string, (text: string) => string[]>> = {
  plain: (text) => [text],
  base64: aligned,
  base64url: (text) => aligned(text).map((part) => part.replaceAll('+', '-').replaceAll('/', '_')),
  url: (text) => [
    encodeURIComponent(text),
    strict(text),
    ...[encodeURIComponent(text), strict(text)].map(lowerEscapes),
  ],
  form: (text) => [new URLSearchParams({ a: text }).toString().slice(2)],
  'url twice': (text) => [strict(strict(text)), encodeURIComponent(encodeURIComponent(text))],
  'every byte in %': (text) => [
    bytesOf(text)
      .map((byte) => `%${byte}`)
      .join(''),
    bytesOf(text)
      .map((byte) => `%${byte.toUpperCase()}`)
      .join(''),
  ],
  hex: (text) => [bytesOf(text).join(''), bytesOf(text).join('').toUpperCase()],
  'hex with spaces': (text) => [bytesOf(text).join(' '), bytesOf(text).join(':')],
  json: (text) => [
    JSON.stringify(text).slice(1, -1),
    JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/'),
  ],
  'json twice': (text) => [JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1)],
  'json escapes': (text) => [
    units(text)
      .map((unit) => `\\u${unit}`)
      .join(''),
    units(text)
      .map((unit) => `\\u${unit.toUpperCase()}`)
      .join(''),
  ],
  html: (text) => [html(text)],
  reversed: (text) => [Array.from(text).reverse().join('')],
};
