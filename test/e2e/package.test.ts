import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { tempFolder } from '../flock/temp-folder.ts';

const root = path.resolve(import.meta.dirname, '../..');
const manifest = z
  .object({ version: z.string(), dependencies: z.record(z.string(), z.string()).default({}) })
  .parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));

describe('what is built', () => {
  it('needs no other package', () => {
    assert.deepEqual(manifest.dependencies, {});
    const place = tempFolder();
    cpSync(path.join(root, 'dist'), path.join(place, 'dist'), { recursive: true });
    cpSync(path.join(root, 'package.json'), path.join(place, 'package.json'));
    const run = (...call: string[]): string =>
      execFileSync(process.execPath, call, { cwd: place, encoding: 'utf8' });
    for (const program of ['keymaker', 'flockd'])
      assert.equal(run(`dist/${program}.js`, '--version'), `${manifest.version}\n`);
    assert.match(run('dist/flockd.js', 'status'), /No bots yet/);
  });

  it('has the licences of what is inside', () => {
    const licences = readFileSync(path.join(root, 'dist/LICENSES.txt'), 'utf8');
    for (const name of [
      'yargs',
      'twitter-api-v2',
      'node-cron',
      'zod',
      'pino',
      'fs-extra',
      'undici',
      'hono',
      'idiomorph',
    ])
      assert.match(licences, new RegExp(`^${name} \\d`, 'm'), name);
  });
});
