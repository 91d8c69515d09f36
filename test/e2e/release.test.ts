import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { tempFolder } from '../flock/temp-folder.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const built = read('scripts/release/build');

describe('a release', () => {
  it('is signed so that the command of the papers verifies it', () => {
    const place = tempFolder({ SHA256SUMS: `${'0'.repeat(64)}  keymaker-1.0.0.tgz\n` });
    const run = (program: string, args: readonly string[], input = '') =>
      spawnSync(program, args, { cwd: place, encoding: 'utf8', input });
    assert.equal(run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', 'key']).status, 0);
    const signing = /ssh-keygen (.*) SHA256SUMS$/m.exec(built)?.[1] ?? '';
    const signed = run('ssh-keygen', [...signing.replace('"$key"', 'key').split(' '), 'SHA256SUMS']);
    assert.equal(signed.status, 0, signed.stderr);
    const [verifying = ''] = /ssh-keygen -Y verify [^`]*(?= < SHA256SUMS)/.exec(
      read('.github/CONTRIBUTING.md').replaceAll(/\s+/g, ' '),
    ) ?? [''];
    writeFileSync(
      path.join(place, 'SIGNERS'),
      `keymaker ${readFileSync(path.join(place, 'key.pub'), 'utf8')}`,
    );
    const verify = (text: string) => run('ssh-keygen', verifying.split(' ').slice(1), text);
    const sums = readFileSync(path.join(place, 'SHA256SUMS'), 'utf8');
    assert.equal(verify(sums).status, 0, verifying);
    assert.notEqual(verify(sums.replace('0', '1')).status, 0);
  });

  it('is published by a workflow that tests first, and only with the rights it needs', () => {
    const job = z.object({
      needs: z.string().optional(),
      permissions: z.record(z.string(), z.string()).optional(),
      steps: z.array(z.object({ run: z.string().optional() })),
    });
    const { permissions, jobs } = z
      .object({ permissions: z.record(z.string(), z.string()), jobs: z.record(z.string(), job) })
      .parse(parse(read('.github/workflows/release.yml')));
    assert.deepEqual(permissions, { contents: 'read' });
    assert.equal(jobs['publish']?.needs, 'test');
    assert.equal(jobs['publish'].permissions?.['id-token'], 'write');
    const runs = Object.values(jobs).flatMap(({ steps }) => steps.map(({ run = '' }) => run));
    assert.ok(runs.includes('.ci/run'));
    const published = runs.flatMap((text) => text.match(/npm publish .*/g) ?? []);
    assert.equal(published.length, 2);
    for (const line of published) assert.match(line, /--provenance/);
    for (const file of runs.flatMap((text) => text.match(/(?:scripts|\.ci)\/[\w/-]+/g) ?? []))
      execFileSync('test', ['-x', file], { cwd: root });
  });
});
