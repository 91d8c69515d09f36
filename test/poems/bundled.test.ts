import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as z from 'zod';
import { weigh, withoutLinks } from '../../src/poems/tweet-text.ts';
import { bundle } from '../support/bundle.ts';

const lines = [
  'praise the salt',
  'the tide comes in by itself, at https://example.org/tide?by=itself and leaves',
  'a link without a scheme: example.com, and one that is none: e.g.this',
  '潮は自ら満ちる https://例え.jp/潮 と言う',
  'münchen.de and xn--mnchen-3ya.de are one',
  '👩‍👩‍👧‍👦 a family is two, 🏳️‍🌈 a flag is two, é is one',
  '@salt #tide $SEA .@salt',
  `${'long '.repeat(60)}https://example.org/${'x'.repeat(5000)}`,
  '',
];

/** What a joined module makes of the lines, and what of the language it changes. */
const script = (module: string): string => `
const iterator = Object.getPrototypeOf([][Symbol.iterator]());
const language = { RegExp, Array, String, Symbol, Object, Date, Function, iterator };
const parts = new Map(
  Object.values(language).flatMap((part) => [part, part.prototype].filter(Boolean).map(
    (object) => [object, Object.getOwnPropertyDescriptors(object)],
  )),
);
const { weigh, withoutLinks } = await import(${JSON.stringify(pathToFileURL(module).href)});
const changed = [...parts].flatMap(([object, before]) =>
  Reflect.ownKeys(Object.getOwnPropertyDescriptors(object)).filter((key) => {
    const now = Object.getOwnPropertyDescriptor(object, key);
    return now.value !== before[key]?.value || now.get !== before[key]?.get;
  }).map(String));
const lines = ${JSON.stringify(lines)};
const globals = Object.keys(language).filter((name) => name in globalThis && globalThis[name] !== language[name]);
console.log(JSON.stringify({
  shown: lines.map((line) => [weigh(line), withoutLinks(line)]),
  changed: [...changed, ...globals],
}));`;

describe('line lengths, joined for a release', () => {
  it('are what they are in the source, and leave the language as it is', async () => {
    const module = await bundle(path.resolve(import.meta.dirname, '../../src/poems/tweet-text.ts'));
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script(module)], {
      encoding: 'utf8',
    });
    const told = z
      .object({
        shown: z.array(z.tuple([z.number(), z.string()])),
        changed: z.array(z.string()),
      })
      .parse(JSON.parse(said));
    assert.deepEqual(
      told.shown,
      lines.map((line) => [weigh(line), withoutLinks(line)]),
    );
    assert.deepEqual(told.changed, []);
  });
});
