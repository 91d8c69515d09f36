import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';

const root = path.resolve(import.meta.dirname, '..');
const text = readFileSync(path.join(root, '.github/CONTRIBUTING.md'), 'utf8');
const manifest = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));

describe('CONTRIBUTING.md', () => {
  it('names files and folders that are there', () => {
    // `src/cli/keymaker/<command>.ts` stands for any.
    const named = Array.from(
      text.matchAll(/(?<![\w./-])(?:src|test|scripts)\/[\w./-]*[\w/](?![\w<])/g),
      ([name]) => name,
    );
    const places = named.filter((name) => !text.includes(`${name}<`));
    assert.ok(places.length > 10);
    for (const place of places) assert.ok(existsSync(path.join(root, place)), `there is no ${place}`);
  });

  it('names scripts that npm has', () => {
    const named = Array.from(text.matchAll(/npm run ([\w:-]+)/g), ([, name = '']) => name);
    assert.ok(named.length > 5);
    for (const name of named) assert.ok(name in manifest.scripts, `there is no npm run ${name}`);
  });
});
