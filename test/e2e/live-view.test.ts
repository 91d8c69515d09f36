import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { everySecond, poem, TestFlock } from '../support/flock.ts';
import { scriptOf, startCommand, terminalScript, type Running } from '../support/programs.ts';

const synchronized = '\u001b[?2026h';

async function open(): Promise<TestFlock> {
  const poems = { 'heron.txt': poem('heron', 3), 'tide.txt': poem('tide', 3) };
  const flock = await TestFlock.open({
    poems,
    settings: { ...everySecond, bots: { tide: { paused: true } } },
  });
  for (const bot of ['heron', 'tide']) await flock.giveKey(bot);
  return flock;
}

/** In a terminal with a certain environment. */
const onTerminal = (flock: TestFlock, environment: string): Running =>
  flock.watch(
    startCommand(
      ['python3', terminalScript, '80', 'env', environment, process.execPath, scriptOf('flockd'), 'run'],
      { cwd: flock.root, env: flock.environment },
    ),
  );

describe('flockd run', { concurrency: true }, () => {
  it('shows the flock below its log on a terminal, and leaves the log alone at its end', async () => {
    await using flock = await open();
    const flockd = flock.start('flockd', ['run'], { columns: 80 });
    await flockd.matching(/2 paused\. 3 posts today, \$0\.05 this month\./);
    assert.match(stripVTControlCharacters(flockd.stdout), /heron +@heron +█+ 3\/3 .* paused/);
    assert.match(stripVTControlCharacters(flockd.stdout), /INFO: heron: posted line 3 of 3: heron 3\b/);
    assert.ok(flockd.stdout.includes(synchronized));
    flockd.kill();
    assert.equal((await flockd.exit).code, 0);
    const end = flockd.stdout.slice(flockd.stdout.lastIndexOf(synchronized));
    assert.doesNotMatch(end, /heron +@heron/);
    assert.match(flockd.stdout, /has stopped/);
    assert.match(end, /2 bots: 2 paused\. 3 posts today, \$0\.05 this month\./);
    // Each change is one whole write, and all is as it was at the end.
    for (const [on, off] of [
      [synchronized, '\u001b[?2026l'],
      ['\u001b[?7l', '\u001b[?7h'],
    ] as const) {
      assert.equal(flockd.stdout.split(on).length, flockd.stdout.split(off).length);
    }
  });

  it('has no colours there where nobody wants them', async () => {
    await using flock = await open();
    const flockd = onTerminal(flock, 'NO_COLOR=1');
    await flockd.matching(/heron +@heron +█+ 3\/3/);
    assert.ok(!flockd.stdout.includes('\u001b[3'), flockd.stdout);
  });

  for (const [name, begin] of [
    ['on a terminal that cannot be drawn on', (flock: TestFlock) => onTerminal(flock, 'TERM=dumb')],
    ['in a pipe', (flock: TestFlock) => flock.start('flockd', ['run'])],
    [
      'in the journal',
      (flock: TestFlock) => flock.start('flockd', ['run'], { env: { JOURNAL_STREAM: '8:1' } }),
    ],
  ] as const) {
    it(`logs, and nothing else, ${name}`, async () => {
      await using flock = await open();
      const flockd = begin(flock);
      await flockd.matching(/posted line 3 of 3/);
      assert.ok(!flockd.stdout.includes('\u001b'), flockd.stdout);
      assert.ok(!flockd.stdout.includes('█'), flockd.stdout);
    });
  }
});
