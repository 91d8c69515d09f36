import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { fingerprints } from '../../src/ledger/state.ts';
import { Journal } from '../../src/ledger/journal.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { type Running, scriptOf, start, startCommand } from '../support/programs.ts';
import { lines } from './rehearsed.ts';

const files = {
  'poems/heron.txt': lines('heron', 40).join('\n'),
  'poems/Otter Song.txt': lines('otter', 30).join('\n'),
};

/** A flock, and a place for its temporary files. */
function flock(more: Record<string, string> = {}): { cwd: string; env: { TMPDIR: string } } {
  const cwd = tempFolder({ ...files, ...more });
  mkdirSync(path.join(cwd, 'tmp'));
  return { cwd, env: { TMPDIR: path.join(cwd, 'tmp') } };
}

const rehearse = (place: ReturnType<typeof flock>, ...args: string[]): Running =>
  start('flockd', ['rehearse', ...args], place);

const temporaryFiles = ({ env }: ReturnType<typeof flock>): string[] => readdirSync(env.TMPDIR);

const shape = z.object({
  posted: z.int(),
  refused: z.int(),
  inDoubt: z.int(),
  usd: z.number(),
  seconds: z.number(),
  seed: z.string(),
  bots: z.array(
    z.looseObject({
      bot: z.string(),
      posted: z.int(),
      refused: z.int(),
      inDoubt: z.int(),
      usd: z.number(),
    }),
  ),
});

describe('flockd rehearse as a process', { concurrency: 4 }, () => {
  it('gives programs what they want, on standard output alone', async () => {
    const place = flock();
    const running = rehearse(place, '--json', '--days', '20', '--faults', '0.2', '--seed', 'json');
    assert.deepEqual([await running.exit, running.stderr], [{ code: 0, signal: null }, '']);
    const report = shape.parse(JSON.parse(running.stdout));
    assert.deepEqual([report.posted, report.seed], [40, 'json']);
    assert.deepEqual(
      report.bots.map(({ bot, posted }) => [bot, posted]),
      [
        ['heron', 20],
        ['otter-song', 20],
      ],
    );
    assert.ok(report.inDoubt > 0);
    assert.equal(
      report.inDoubt,
      report.bots.reduce((sum, { inDoubt }) => sum + inDoubt, 0),
    );
    assert.doesNotMatch(running.stdout, /\d\.\d{7}/, 'money has no noise of binary fractions');
  });

  it('changes nothing in the flock’s folder, and needs no key and no right to write there', async () => {
    const place = flock();
    const before = readdirSync(place.cwd);
    assert.equal((await rehearse(place, '--days', '10').exit).code, 0);
    assert.deepEqual(readdirSync(place.cwd), before);
  });

  it('begins where the real ledger is', async () => {
    const place = flock();
    const journal = path.join(place.cwd, 'state/journal.jsonl');
    {
      await using ledger = await Journal.open(path.dirname(journal));
      const poem = fingerprints(lines('heron', 40).map((text) => ({ text })));
      const heron = { bot: 'heron', at: Date.UTC(2026, 10, 20), poem };
      await ledger.record({ event: 'begun', ...heron }, { event: 'edited', ...heron, next: 35, ahead: [] });
    }
    const before = [readFileSync(journal, 'utf8'), statSync(journal).mtimeMs];
    const running = rehearse(place, '--days', '3', '--json', '--from', '2026-11-21');
    assert.equal((await running.exit).code, 0, running.stderr);
    const { bots } = shape.parse(JSON.parse(running.stdout));
    assert.deepEqual([bots[0]?.['done'], bots[1]?.['done']], [39, 3]);
    assert.deepEqual([readFileSync(journal, 'utf8'), statSync(journal).mtimeMs], before);
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`ends on ${signal}, and leaves no temporary file`, async () => {
      const place = flock({ 'flock.json': '{"schedule": "0 * * * *"}' });
      const running = startCommand(
        [
          'python3',
          path.resolve(import.meta.dirname, '../e2e/terminal.py'),
          '60',
          process.execPath,
          scriptOf('flockd'),
        ].concat(['rehearse', '--days', '3650']),
        place,
      );
      await running.matching(/rehearses: 0 %, [\d,]{3,} posts/);
      assert.deepEqual(temporaryFiles(place), []);
      // The terminal's script waits for the program, whose process is its child.
      const child = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').trim();
      process.kill(Number(child), signal);
      await running.exit;
      assert.match(running.stdout, /flockd: interrupted/);
      assert.deepEqual(temporaryFiles(place), []);
    });
  }

  it('shows how far it is on a terminal, in its width, and nowhere else', async () => {
    const place = flock();
    const terminal = start('flockd', ['rehearse', '--days', '60'], { ...place, columns: 30 });
    await terminal.exit;
    const shown = terminal.stdout.split('\r\u001b[K');
    assert.match(shown[1] ?? '', /^rehearses: \d+ %, \d+ posts/);
    assert.ok(shown.slice(1, -1).every((line) => line.length < 30));
    assert.ok(shown.at(-1)?.startsWith('60 days of 2 bots'));
    const pipe = rehearse(place, '--days', '60');
    await pipe.exit;
    assert.equal(pipe.stderr, '');
  });

  it('says in one whole line how it is done again, and that does the same', async () => {
    const place = flock({ 'flock.json': '{"bots": {"ghost": {}, "otter": {}}}' });
    const args = [
      '--days',
      '20',
      '--faults',
      '0.2',
      '--from',
      '2026-11-21',
      '--bot',
      'heron',
      '--bot',
      'otter-song',
    ];
    const first = start('flockd', ['rehearse', ...args, '--root', '.'], { ...place, columns: 40 });
    assert.equal((await first.exit).code, 0, first.stdout);
    const call = /^flockd rehearse (.*)\r$/m.exec(first.stdout)?.[1] ?? '';
    const again = rehearse(place, ...call.split(' '));
    assert.equal((await again.exit).code, 0, `${call}\n${again.stderr}`);
    assert.match(again.stdout, new RegExp(`^flockd rehearse ${call}$`, 'm'));
    const faults = ({ stdout }: Running): string | undefined =>
      /^faults .*$/m.exec(stdout.replaceAll('\r', '').replaceAll(/\n {13}/g, ' '))?.[0];
    assert.match(faults(first) ?? '', /\d/);
    assert.equal(faults(again), faults(first));
  });

  it('tells of a bot that only flock.json names', async () => {
    const place = flock({ 'flock.json': '{"bots": {"ghost": {}, "herom": {}}}' });
    const running = rehearse(place, '--days', '1');
    assert.equal((await running.exit).code, 0);
    assert.equal(
      running.stderr,
      'flockd: ghost: flock.json names it, but it has neither a poem nor a key bundle\n' +
        'flockd: herom: flock.json names it, but it has neither a poem nor a key bundle\nhint: did you mean heron?\n',
    );
    const one = rehearse(place, '--days', '1', '--bot', 'heron');
    await one.exit;
    assert.equal(one.stderr, '');
  });

  it('leaves nothing where its reader goes away', async () => {
    const place = flock();
    const call = `'${process.execPath}' '${scriptOf('flockd')}' rehearse --days 30 | head -1`;
    const running = startCommand(['sh', '-c', call], place);
    assert.equal((await running.exit).code, 0);
    assert.match(running.stdout, /^30 days of 2 bots/);
    assert.deepEqual(temporaryFiles(place), []);
  });

  it('needs no place for temporary files', async () => {
    const place = flock();
    const nowhere = { cwd: place.cwd, env: { TMPDIR: path.join(place.cwd, 'nowhere') } };
    const running = rehearse(nowhere, '--days', '30');
    assert.deepEqual([await running.exit, running.stderr], [{ code: 0, signal: null }, '']);
    assert.equal(existsSync(nowhere.env.TMPDIR), false);
  });
});
