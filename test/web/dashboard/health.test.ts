import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Hono } from 'hono';
import { HeldClock } from '../../../src/clock.ts';
import { FlockError } from '../../../src/errors.ts';
import {
  addHealth,
  askReady,
  type Check,
  checksOf,
  openChecks,
  openProbe,
} from '../../../src/web/dashboard/health.ts';
import type { WebApp } from '../../../src/web/server.ts';
import { tempFolder } from '../../flock/temp-folder.ts';
import { ownPort } from '../../support/own-port.ts';

type Health = Parameters<typeof checksOf>[0];

const well: Health = { unwritable: undefined, bots: 1, overdue: 0, reload: { good: true, goodAt: 0 } };

const failing = (health: Partial<Health>): string[] =>
  checksOf({ ...well, ...health }).flatMap(({ check, ok }) => (ok ? [] : [check]));

/** What flockd answers at a path. @param overdue - for how long its scheduler is, in milliseconds */
async function answerAt(
  path: string,
  { overdue = 0, checks = checksOf(well) }: { overdue?: number; checks?: Check[] } = {},
): Promise<{ status: number; body: string }> {
  const app: WebApp = new Hono();
  addHealth(app, { overdue: () => overdue }, () => Promise.resolve(checks));
  const response = await app.request(path);
  return { status: response.status, body: await response.text() };
}

describe('the checks', () => {
  it('are all good where all is well', () => {
    assert.deepEqual(checksOf(well), [
      { check: 'state', ok: true },
      { check: 'keys', ok: true },
      { check: 'scheduler', ok: true },
      { check: 'reload', ok: true },
    ]);
  });

  it('each say what is wrong, and nothing else', () => {
    assert.deepEqual(failing({ unwritable: 'the disk is full' }), ['state']);
    assert.deepEqual(failing({ bots: 0 }), ['keys']);
    assert.deepEqual(failing({ overdue: 60_000 }), ['scheduler']);
    assert.deepEqual(failing({ reload: { good: false, goodAt: 0 } }), ['reload']);
    assert.deepEqual(failing({ unwritable: 'no', bots: 0 }), ['state', 'keys']);
  });

  it('take no machine that has just woken for one that stands still', async () => {
    assert.deepEqual(failing({ overdue: 59_999 }), []);
    assert.equal((await answerAt('/healthz', { overdue: 59_999 })).status, 200);
  });
});

describe('/healthz', () => {
  it('says ok', async () => {
    const { status, body } = await answerAt('/healthz');
    assert.deepEqual([status, body], [200, 'ok\n']);
  });

  it('says for how long a scheduler stands still', async () => {
    const { status, body } = await answerAt('/healthz', { overdue: 61_500 });
    assert.deepEqual([status, body], [503, 'the scheduler is 61 s late; start flockd again\n']);
  });
});

describe('/readyz', () => {
  it('says yes with every check', async () => {
    const { status, body } = await answerAt('/readyz');
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { ready: true, checks: checksOf(well) });
  });

  it('says no where one check fails', async () => {
    const checks = checksOf({ ...well, unwritable: 'the disk is full' });
    const { status, body } = await answerAt('/readyz', { checks });
    assert.equal(status, 503);
    assert.deepEqual(JSON.parse(body), { ready: false, checks });
    assert.match(body, /"why":"the state folder cannot be written: the disk is full"/);
  });
});

describe('the probe of the state folder', () => {
  it('writes to it and leaves nothing there', async () => {
    const folder = tempFolder();
    const probe = openProbe(folder, new HeldClock(0));
    assert.equal(await probe(), undefined);
    assert.deepEqual(await readdir(folder), []);
  });

  it('says why it cannot', async () => {
    const folder = tempFolder();
    const gone = path.join(folder, 'state');
    const probe = openProbe(gone, new HeldClock(0));
    assert.equal(await probe(), 'there is no such file or folder');
  });

  it('writes once in five seconds, however often it is asked', async () => {
    const clock = new HeldClock(0);
    let writes = 0;
    const write = async (): Promise<void> => {
      writes++;
      await Promise.resolve();
    };
    const probe = openProbe('', clock, write);
    await Promise.all(Array.from({ length: 100 }, probe));
    await clock.runUntil(4_999);
    await probe();
    assert.equal(writes, 1);
    await clock.runUntil(5_000);
    await Promise.all(Array.from({ length: 100 }, probe));
    assert.equal(writes, 2);
  });

  it('waits two seconds for a disk that does not answer, once, and sees when it does again', async () => {
    const clock = new HeldClock(0);
    let writes = 0;
    let answer: () => void = () => undefined;
    const write = (): Promise<void> => {
      writes++;
      return new Promise((resolve) => (answer = resolve));
    };
    const probe = openProbe('', clock, write);
    const stuck = 'it takes longer than 2 seconds';
    const first = probe();
    await clock.runUntil(2_000);
    assert.equal(await first, stuck);
    const second = probe();
    await clock.runUntil(2_000);
    assert.equal(await second, stuck);
    await clock.runUntil(60_000);
    assert.equal(writes, 1);
    answer();
    assert.equal(await probe(), undefined);
    assert.equal(clock.nextAlarm, undefined);
  });
});

describe('the health of a running flockd', () => {
  it('is asked of the daemon, its folder and its last reload', async () => {
    const folder = tempFolder();
    const clock = new HeldClock(0);
    const daemon = {
      bots: 1,
      late: 0,
      stats: () => ({ bots: daemon.bots, next: undefined, busy: 0, timezone: 'UTC' }),
      overdue: () => daemon.late,
      execute: () => Promise.reject(new Error('nobody asked for it')),
    };
    let reload = { good: true, goodAt: 0 };
    const app: WebApp = new Hono();
    addHealth(
      app,
      daemon,
      openChecks(daemon, clock, folder, () => reload),
    );
    const ask = async (path: string): Promise<number> => (await app.request(path)).status;
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 200]);
    daemon.bots = 0;
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 503]);
    daemon.bots = 1;
    daemon.late = 120_000;
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [503, 503]);
    daemon.late = 0;
    reload = { good: false, goodAt: 0 };
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 503]);
    reload = { good: true, goodAt: 0 };
    await rm(folder, { recursive: true });
    await clock.runUntil(5_000);
    assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 503]);
  });
});

/** What is said of a server that answers like this. */
async function asked(
  answer: RequestListener,
  where: number | string = 0,
  deadline?: number,
): Promise<unknown> {
  const server = createServer(answer);
  await new Promise<void>((resolve) =>
    typeof where === 'string' ? server.listen(where, resolve) : server.listen(where, '127.0.0.1', resolve),
  );
  const shown =
    typeof where === 'string' ? `unix:${where}` : `127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    return await askReady(shown, deadline);
  } catch (error) {
    assert.ok(error instanceof FlockError, String(error));
    assert.equal(error.exit, 'unavailable');
    return error.message.replace(shown, 'there');
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('who asks a flockd whether it is ready', () => {
  it('is told', async () => {
    const { body: yes } = await answerAt('/readyz');
    const hosts: unknown[] = [];
    const answer: RequestListener = ({ url, headers }, response) => {
      hosts.push(headers.host);
      response.end(url === '/readyz' ? yes : '');
    };
    assert.deepEqual(await asked(answer), JSON.parse(yes));
    assert.match(String(hosts[0]), /^127\.0\.0\.1:\d+$/);
  });

  it('is told through a socket, too', async () => {
    const { body: yes } = await answerAt('/readyz');
    const folder = tempFolder();
    const hosts: unknown[] = [];
    const answer: RequestListener = ({ headers }, response) => {
      hosts.push(headers.host);
      response.end(yes);
    };
    assert.deepEqual(await asked(answer, path.join(folder, 'flockd.sock')), JSON.parse(yes));
    assert.deepEqual(hosts, ['localhost']);
  });

  it('is told what is wrong', async () => {
    const answer = await answerAt('/readyz', { checks: checksOf({ ...well, bots: 0 }) });
    const said = await asked((_, response) => response.writeHead(answer.status).end(answer.body));
    assert.deepEqual(said, JSON.parse(answer.body));
  });

  it('does not take others for flockd', async () => {
    const { body: yes } = await answerAt('/readyz');
    const other = 'what answers at there is not flockd';
    assert.equal(await asked((_, response) => response.end('<h1>It works</h1>')), other);
    assert.equal(await asked((_, response) => response.end('{"ready":"yes"}')), other);
    assert.equal(await asked((_, response) => response.end(`${' '.repeat(70_000)}${yes}`)), other);
  });

  it('does not wait for ever', async () => {
    const late = 'no flockd answers at there: not within 0.05 seconds';
    assert.equal(await asked(() => undefined, 0, 50), late);
    assert.equal(await asked((_, response) => response.write('{'), 0, 50), late);
  });

  it('learns that nobody listens', async () => {
    const folder = tempFolder();
    const socket = `unix:${path.join(folder, 'flockd.sock')}`;
    await assert.rejects(askReady(socket), {
      exit: 'unavailable',
      message: `no flockd answers at ${socket}: there is no such file or folder`,
      hint: `start it there: flockd run --listen ${socket}`,
    });
    const port = `127.0.0.1:${await ownPort()}`;
    await assert.rejects(askReady(port), {
      exit: 'unavailable',
      message: `no flockd answers at ${port}: nobody listens there`,
    });
  });

  it('has to say where', async () => {
    for (const address of ['systemd', '127.0.0.1:0'])
      await assert.rejects(askReady(address), { exit: 'usage' });
  });
});
