import assert from 'node:assert/strict';
import { existsSync, lstatSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { scriptOf, startCommand, type Running } from '../support/programs.ts';
import { everySecond, poem, TestFlock } from '../support/flock.ts';

const activate = path.join(import.meta.dirname, 'inherit_socket.py');

/** A flock of one bot that posts each second. */
async function openFlock(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems: { 'amber.txt': poem('amber', 500) }, settings: everySecond });
  await flock.giveKey('amber');
  return flock;
}

const addressOf = async (flockd: Running): Promise<string> =>
  (await flockd.matching(/"event":"listening","address":"([^"]+)"/))[1] ?? '';

const ask = (where: object, way: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    get({ path: way, agent: false, headers: { host: 'localhost' }, ...where }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
    }).on('error', reject);
  });

async function stop(flockd: Running): Promise<number | null> {
  flockd.kill('SIGTERM');
  return (await flockd.exit).code;
}

describe('flockd run --listen', () => {
  it('shows the flock on a port, and tells of posts as they are made', async () => {
    await using flock = await openFlock();
    const flockd = flock.start('flockd', ['run', '--listen', '127.0.0.1:0']);
    const address = await addressOf(flockd);
    await flock.posted('amber', 2);
    const page = await (await fetch(address)).text();
    assert.match(page, /amber is posting\./);
    const [, version = '', edition = ''] = /data-version="([^"]+)"\s+data-edition="([^"]+)"/.exec(page) ?? [];
    const events = await fetch(`${address}/events?since=${version}&edition=${edition}`);
    let heard = '';
    for await (const part of events.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      heard += part;
      if (/^event: changed$/m.test(heard)) break;
    }
    const next = await (await fetch(address)).text();
    const linesOf = (text: string): number =>
      text.match(/amber \d+: the tide comes in by itself/g)?.length ?? 0;
    assert.ok(linesOf(next) > linesOf(page), `${linesOf(next)} lines`);
    for (const way of ['/healthz', '/readyz', '/metrics'])
      assert.equal((await fetch(address + way)).status, 200, way);
    assert.equal(await stop(flockd), 0);
    await assert.rejects(fetch(address));
    await flock.assertNoSecrets();
    assert.doesNotMatch(page, new RegExp(String((await flock.bundle('amber'))['oauth_token'])));
  });

  it('shows the flock where Node has no WebAssembly, as the strictest unit has it', async () => {
    await using flock = await openFlock();
    const env = { NODE_OPTIONS: '--jitless' };
    const flockd = flock.start('flockd', ['run', '--listen', '127.0.0.1:0'], { env });
    const address = await addressOf(flockd);
    await flock.posted('amber', 1);
    assert.match(await (await fetch(address)).text(), /amber is posting\./);
    assert.equal(await stop(flockd), 0);
  });

  it('goes on posting, however many look and do not read', async () => {
    await using flock = await openFlock();
    const flockd = flock.start('flockd', ['run', '--listen', '127.0.0.1:0']);
    const { port, host } = new URL(await addressOf(flockd));
    const page = await (await fetch(`http://${host}`)).text();
    const edition = /data-edition="([^"]+)"/.exec(page)?.[1] ?? '';
    const sockets = Array.from({ length: 500 }, () => {
      const socket = connect(Number(port), '127.0.0.1').pause();
      socket
        .on('error', () => undefined)
        .write(`GET /events?edition=${edition} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      return socket;
    });
    await flock.posted('amber', flock.postsOf('amber').length + 4);
    assert.equal((await fetch(`http://${host}/healthz`)).status, 200);
    for (const socket of sockets) socket.destroy();
    assert.equal(await stop(flockd), 0);
  });

  it('shows it on a socket, which is gone when it is', async () => {
    await using flock = await openFlock();
    const socketPath = flock.file('flockd.sock');
    const flockd = flock.start('flockd', [
      'run',
      '--listen',
      `unix:${socketPath}`,
      '--host',
      'flock.example',
    ]);
    assert.equal(await addressOf(flockd), `unix:${socketPath}`);
    assert.equal(lstatSync(socketPath).mode & 0o777, 0o660);
    assert.equal((await ask({ socketPath }, '/')).status, 200);
    assert.equal((await ask({ socketPath, headers: { host: 'flock.example' } }, '/')).status, 200);
    assert.equal((await ask({ socketPath, headers: { host: 'evil.example' } }, '/')).status, 421);
    flockd.kill('SIGKILL');
    await flockd.exit;
    assert.ok(existsSync(socketPath));
    const next = flock.start('flockd', ['run', '--listen', `unix:${socketPath}`]);
    await addressOf(next);
    assert.equal((await ask({ socketPath }, '/')).status, 200);
    assert.equal(await stop(next), 0);
    assert.equal(existsSync(socketPath), false);
  });

  const inherit = (flock: TestFlock, address: string): Running =>
    flock.watch(
      startCommand(
        ['python3', activate, address, process.execPath, scriptOf('flockd'), 'run', '--listen', 'systemd'],
        { cwd: flock.root, env: flock.environment },
      ),
    );

  it('shows it on a port or a socket that systemd hands over', async () => {
    await using flock = await openFlock();
    const onPort = inherit(flock, '127.0.0.1:0');
    const address = await addressOf(onPort);
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await fetch(address)).status, 200);
    assert.equal(await stop(onPort), 0);
    const socketPath = flock.file('handed.sock');
    const onSocket = inherit(flock, socketPath);
    await addressOf(onSocket);
    assert.equal((await ask({ socketPath }, '/')).status, 200);
    assert.equal(await stop(onSocket), 0);
    // It is systemd's, and stays.
    assert.ok(existsSync(socketPath));
  });

  it('refuses a port that others can reach, be it systemd’s', async () => {
    await using flock = await openFlock();
    const flockd = inherit(flock, '0.0.0.0:0');
    assert.equal((await flockd.exit).code, 78);
    assert.match(flockd.stderr, /0\.0\.0\.0 is not this machine alone/);
  });

  it('says what is wrong with its flags before it begins', async () => {
    await using flock = await openFlock();
    const refused: [string[], number, RegExp][] = [
      [
        ['--listen', '0.0.0.0:8787'],
        64,
        /--listen: 0\.0\.0\.0 is not this machine alone\nhint: put a reverse proxy/,
      ],
      [['--listen', 'here'], 64, /--listen: "here" is not an address/],
      [['--allow-control'], 64, /--allow-control means nothing without --listen/],
      [['--listen', '8787', '--host', 'https://x'], 64, /--host: "https:\/\/x" is not the name of a host/],
      [['--listen', 'systemd'], 78, /systemd hands over no socket called http/],
      [
        ['--listen', flock.x.url.replace('http://', '')],
        69,
        /--listen: port \d+ is in use\nhint: choose another/,
      ],
    ];
    for (const [flags, exit, said] of refused) {
      const { code, stderr } = await flock.run('flockd', ['run', ...flags]);
      assert.equal(code, exit, flags.join(' '));
      assert.match(stderr, said);
    }
  });

  it('lets its page pause the flock, and goes on posting once it may', async () => {
    await using flock = await openFlock();
    const flockd = flock.start('flockd', ['run', '--listen', '127.0.0.1:0', '--allow-control']);
    const address = await addressOf(flockd);
    const tell = async (way: string): Promise<number> => {
      const csrf = /name="csrf" value="([^"]+)"/.exec(await (await fetch(address)).text())?.[1] ?? '';
      const body = new URLSearchParams({ csrf, bot: 'amber' });
      return (
        await fetch(address + way, { method: 'POST', body, headers: { origin: address }, redirect: 'manual' })
      ).status;
    };
    assert.equal(await tell('/flock/pause'), 303);
    await flockd.matching(/"event":"flock-stopped"/);
    const before = flock.postsOf('amber').length;
    assert.equal(await tell('/flock/resume'), 303);
    await flock.posted('amber', before + 1);
    assert.equal(await tell('/bots/pause'), 303);
    await flockd.matching(/"event":"paused","bot":"amber"/);
    assert.equal(await stop(flockd), 0);
  });
});
