import assert from 'node:assert/strict';
import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { everySecond, poem, TestFlock } from '../support/flock.ts';
import { scriptOf, startCommand, type Running } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const poems = { 'amber.txt': poem('amber', 50) };

interface Service {
  flockd: Running;
  /** What systemd hears. */
  heard: Running;
}

/** How the socket gets to flockd. */
const wrappers = {
  'our wrapper': ['perl', path.join(root, 'scripts/notify-fd')],
  // As systemd 253 does it for OpenFile=/run/systemd/notify:notify.
  OpenFile: [
    'perl',
    '-MSocket',
    '-e',
    '$^F = 9; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); connect($s, pack_sockaddr_un($ENV{NOTIFY_SOCKET})); fileno($s) == 3 or die; @ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, 1, "notify"); delete $ENV{NOTIFY_SOCKET}; exec @ARGV',
  ],
  'systemd-notify': [],
};

/** flockd as its unit starts it, with something in systemd's place. */
async function serve(
  flock: TestFlock,
  env: Record<string, string> = {},
  way: keyof typeof wrappers = 'our wrapper',
): Promise<Service> {
  const socket = flock.file('notify');
  const heard = flock.watch(
    startCommand(['/usr/bin/python3', path.join(root, 'test/support/notify_socket.py'), socket], {
      cwd: flock.root,
    }),
  );
  await heard.matching(/^listening$/m);
  const run = [process.execPath, scriptOf('flockd'), 'run'];
  const flockd = flock.watch(
    startCommand([...wrappers[way], ...run], {
      cwd: flock.root,
      env: { ...flock.environment, NOTIFY_SOCKET: socket, ...env },
    }),
  );
  return { flockd, heard };
}

const ready = /"READY=1\\nSTATUS=1 bot, [^"]*"/;

describe('what flockd tells systemd', { concurrency: 4 }, () => {
  it('is that it is ready, how the flock stands, and that it stops, in that order', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    await flock.giveKey('amber');
    const { flockd, heard } = await serve(flock);
    await heard.matching(ready);
    await flock.posted('amber', 1);
    flockd.kill('SIGTERM');
    assert.deepEqual(await flockd.exit, { code: 0, signal: null });
    await heard.matching(/EXTEND_TIMEOUT_USEC=\d+/);
    const said = heard.stdout
      .split('\n')
      .flatMap((line) => /"(?:STATUS=reads|READY|STOPPING|EXTEND)/.exec(line)?.[0] ?? []);
    assert.deepEqual([...new Set(said)], ['"STATUS=reads', '"READY', '"STOPPING', '"EXTEND']);
  });

  it('is not that it is ready where it cannot run', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber');
    await writeFile(flock.file('flock.json'), '{"schedule": "whenever"}');
    const { flockd, heard } = await serve(flock);
    assert.equal((await flockd.exit).code, 78);
    assert.doesNotMatch(heard.stdout, /READY/);
  });

  it('is that it is alive, again and again, for a watchdog', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    await flock.giveKey('amber');
    const { heard } = await serve(flock, { WATCHDOG_USEC: '300000' });
    let from = 0;
    for (let beat = 0; beat < 5; beat++) from = (await heard.matching(/"WATCHDOG=1"/, { from })).end;
  });

  it('is not that it is alive where it is not asked, or another process is', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    await flock.giveKey('amber');
    const { flockd, heard } = await serve(flock, { WATCHDOG_USEC: '300000', WATCHDOG_PID: '1' });
    await flock.posted('amber', 2);
    flockd.kill('SIGTERM');
    await flockd.exit;
    assert.doesNotMatch(heard.stdout, /WATCHDOG/);
  });

  it('is that it reloads, and is ready again, whatever came of it', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    await flock.giveKey('amber');
    const { heard } = await serve(flock);
    const { end } = await heard.matching(ready);
    const good = await flock.run('flockd', ['reload']);
    assert.deepEqual([good.code, good.stdout], [0, 'flockd has read its files again.\n']);
    const reloading = await heard.matching(/"RELOADING=1\\nMONOTONIC_USEC=\d+"/, { from: end });
    const again = await heard.matching(ready, { from: reloading.end });
    await writeFile(flock.file('flock.json'), '{"schedule": "whenever"}');
    const bad = await flock.run('flockd', ['reload']);
    assert.equal(bad.code, 78);
    assert.match(bad.stderr, /flock\.json: schedule: "whenever" is not a cron expression/);
    await heard.matching(ready, { from: again.end });
    const posts = flock.postsOf('amber').length;
    await flock.posted('amber', posts + 2);
  });

  for (const way of ['OpenFile', 'systemd-notify'] as const) {
    it(`gets there by ${way}, too`, async () => {
      await using flock = await TestFlock.open({ poems, settings: everySecond });
      await flock.giveKey('amber');
      const { heard } = await serve(flock, {}, way);
      await heard.matching(/READY=1/);
    });
  }

  it('does not open a debugger on SIGUSR1', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    await flock.giveKey('amber');
    const { flockd, heard } = await serve(flock);
    await heard.matching(ready);
    flockd.kill('SIGUSR1');
    await flockd.matching(/"event":"signal"/);
    assert.doesNotMatch(flockd.stderr, /Debugger listening/);
  });
});

describe('flockd reload', () => {
  it('says so where no flockd runs', async () => {
    await using flock = await TestFlock.open({ poems });
    const run = await flock.run('flockd', ['reload']);
    assert.equal(run.code, 69);
    assert.match(run.stderr, /no flockd runs on .*\nhint: start it: flockd run/);
  });

  it('refuses a flock of which no bot could post', async () => {
    await using flock = await TestFlock.open({ poems, settings: everySecond });
    await flock.giveKey('amber');
    const { heard } = await serve(flock);
    await heard.matching(ready);
    await chmod(flock.file('keys/amber.json'), 0o644);
    const run = await flock.run('flockd', ['reload']);
    assert.equal(run.code, 77);
    assert.match(run.stderr, /no bot can post: .*amber\.json: open to others/);
  });
});

describe('flockd status', () => {
  for (const [what, text] of [
    ['has no lines', '\n\n'],
    ['is not UTF-8', new Uint8Array([0x61, 0x80, 0x0a])],
    ['is not there', undefined],
  ] as const) {
    it(`says so where a poem ${what}, and ends with 1`, async () => {
      await using flock = await TestFlock.open({ poems });
      await flock.giveKey('amber');
      if (text === undefined) await rm(flock.file('poems/amber.txt'));
      else await flock.write('poems/amber.txt', text);
      const run = await flock.run('flockd', ['status', '--json']);
      assert.equal(run.code, 1);
      const { bots } = z
        .object({ bots: z.array(z.looseObject({ state: z.string(), why: z.string() })) })
        .parse(JSON.parse(run.stdout));
      assert.equal(bots[0]?.state, 'unfit');
      assert.match(bots[0].why, /amber\.txt/);
    });
  }
});

describe('what flockd logs', () => {
  it('has its priority in the journal, one line an event, none of them long', async () => {
    const long = 'x'.repeat(100_000);
    const settings = { ...everySecond, bots: { [long]: { paused: true } } };
    await using flock = await TestFlock.open({ poems, settings });
    await flock.giveKey('amber');
    await flock.write('keys/birch.json', '{');
    const { flockd } = await serve(flock, { JOURNAL_STREAM: '1:2' });
    await flock.posted('amber', 1);
    flockd.kill('SIGTERM');
    await flockd.exit;
    const lines = flockd.stdout.trimEnd().split('\n');
    for (const line of lines) assert.match(line, /^<[2-7]>\{"level":\d+,.*"event":"[a-z-]+".*\}$/);
    assert.ok(lines.some((line) => line.includes('"event":"unknown-bot"')));
    for (const line of lines) assert.ok(Buffer.byteLength(line) < 48 * 1024, `${line.length} characters`);
    assert.ok(lines.some((line) => line.startsWith('<3>') && line.includes('"event":"unfit"')));
    assert.ok(lines.some((line) => line.startsWith('<6>') && line.includes('"event":"posted"')));
  });
});
