import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as askHttp } from 'node:http';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlServer, type DaemonCommand, type Execute, sendCommand } from '../../src/daemon/control.ts';
import { FlockError } from '../../src/errors.ts';
import { EventLog } from '../../src/log.ts';
import type { PostReport } from '../../src/posting/commands.ts';
import { HeardLog } from '../alarms/heard-log.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';
import { flockError } from '../support/flock-error.ts';

const report: PostReport = { state: 'posted', line: 3, of: 9, id: '77', at: 5 };
const post: DaemonCommand = { order: 'post', bot: 'howl' };
const socketOf = (state: string): string => path.join(state, 'flockd.sock');

async function listening(state: string, execute: Execute): Promise<ControlServer> {
  const server = new ControlServer(execute, new EventLog());
  await server.listen(state);
  return server;
}

/** Asks as any program does that speaks HTTP. */
function ask(
  state: string,
  { method = 'POST', route, body }: { method?: string; route: string; body: string },
): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const request = askHttp({ socketPath: socketOf(state), path: route, method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        resolve({ status: response.statusCode, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('a command', () => {
  it('reaches the daemon, and what it has led to comes back', async () => {
    const state = tempFolder();
    const taken: DaemonCommand[] = [];
    await using _server = await listening(state, (command) => {
      taken.push(command);
      if (command.order === 'recipients') return Promise.resolve({ recipients: ['age1x'] });
      return Promise.resolve(command.order === 'post' ? { report } : undefined);
    });
    assert.deepEqual(await sendCommand(state, post), { done: true, report });
    const others: DaemonCommand[] = [
      { order: 'pause', bot: 'howl' },
      { order: 'resume', bot: 'howl', poem: 'a'.repeat(1_000_000), next: 4 },
      { order: 'resolve', bot: 'howl', posted: true, id: '1' },
      { order: 'rename', bot: 'howl', to: 'growl' },
      { order: 'reload' },
      { order: 'stop' },
      { order: 'release' },
    ];
    for (const command of others) assert.deepEqual(await sendCommand(state, command), { done: true });
    assert.deepEqual(await sendCommand(state, { order: 'recipients' }), {
      done: true,
      recipients: ['age1x'],
    });
    assert.deepEqual(taken, [post, ...others, { order: 'recipients' }]);
  });

  it('can come from any program that speaks HTTP, by the paths of the page', async () => {
    const state = tempFolder();
    const taken: DaemonCommand[] = [];
    await using _server = await listening(state, (command) => {
      taken.push(command);
      return Promise.resolve(command.order === 'post' ? { report } : undefined);
    });
    const given = await ask(state, { route: '/bots/post', body: '{"bot": "howl"}' });
    assert.deepEqual([given.status, JSON.parse(given.body)], [200, { done: true, report }]);
    assert.equal((await ask(state, { route: '/flock/pause', body: '{}' })).status, 200);
    assert.deepEqual(taken, [post, { order: 'stop' }]);
  });

  it('is refused with what the daemon has against it', async () => {
    const state = tempFolder();
    const cause = new FlockError('tryLater', 'howl has a post in doubt', { hint: 'wait' });
    await using _server = await listening(state, () => Promise.reject(cause));
    await assert.rejects(
      sendCommand(state, post),
      flockError('tryLater', /^howl has a post in doubt$/, /^wait$/),
    );
  });

  it('that is none is answered, carried out by nobody, and stops no other', async () => {
    const state = tempFolder();
    const taken: string[] = [];
    await using _server = await listening(state, ({ order }) => {
      taken.push(order);
      return Promise.resolve(undefined);
    });
    const bad = [
      { route: '/bots/obey', body: '{"bot": "howl"}', status: 404 },
      { route: '/bots/post', body: '{}', status: 409 },
      { route: '/bots/post', body: 'nonsense', status: 409 },
      { route: '/bots/post', body: '["howl"]', status: 409 },
      { route: '/bots/post', body: '{"bot": "howl"}', method: 'PUT', status: 405 },
    ];
    for (const { status, ...asked } of bad) {
      const given = await ask(state, asked);
      assert.equal(given.status, status, JSON.stringify(asked));
      assert.match(given.body, /^\{"done":false,/);
    }
    const tooLong = { route: '/bots/post', body: JSON.stringify({ bot: 'x'.repeat(5_000_000) }) };
    await assert.rejects(ask(state, tooLong), { code: /ECONNRESET|EPIPE/ });
    await sendCommand(state, { order: 'reload' });
    assert.deepEqual(taken, ['reload']);
  });

  it('does not wait for another that takes long', async () => {
    const state = tempFolder();
    let finish: () => void = () => undefined;
    await using _server = await listening(state, ({ order }) =>
      order === 'post'
        ? new Promise((resolve) => (finish = () => resolve({ report })))
        : Promise.resolve(undefined),
    );
    const posting = sendCommand(state, post);
    await sendCommand(state, { order: 'pause', bot: 'growl' });
    finish();
    assert.deepEqual(await posting, { done: true, report });
  });

  it('waits for a daemon that is starting', async () => {
    const state = tempFolder();
    const given = sendCommand(state, post);
    await sleep(150);
    await using _server = await listening(state, () => Promise.resolve({ report }));
    assert.deepEqual(await given, { done: true, report });
  });
});

describe('a command that gets no answer', () => {
  it('was not carried out where nobody listens', async () => {
    await assert.rejects(
      sendCommand(tempFolder(), post, { timeout: 50 }),
      flockError('tryLater', /does not answer: nothing was done/, /ask again/),
    );
  });

  it('was not sent where nobody took it', async () => {
    const state = tempFolder();
    const sockets: Socket[] = [];
    let text = '';
    const silent = createServer((socket) => {
      sockets.push(socket);
      socket.setEncoding('utf8').on('data', (part: string) => (text += part));
    });
    silent.listen(socketOf(state));
    await once(silent, 'listening');
    try {
      await assert.rejects(
        sendCommand(state, post, { timeout: 100 }),
        flockError('tryLater', /does not answer: nothing was done/, /ask again/),
      );
      assert.match(text, /^POST \/bots\/post HTTP/);
      assert.doesNotMatch(text, /howl/);
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });

  it('may have been carried out where it was taken', async () => {
    const state = tempFolder();
    let finish: () => void = () => undefined;
    await using _server = await listening(
      state,
      () => new Promise((resolve) => (finish = () => resolve(undefined))),
    );
    await assert.rejects(
      sendCommand(state, post, { timeout: 200 }),
      flockError('tryLater', /^flockd runs but does not answer$/, /may be carried out all the same/),
    );
    finish();
  });

  it('is of no use to a person who may not use the socket', async () => {
    const state = tempFolder();
    mkdirSync(path.join(state, 'other'));
    writeFileSync(path.join(state, 'other', 'flockd.sock'), '');
    await assert.rejects(
      sendCommand(path.join(state, 'other', 'flockd.sock'), post),
      flockError('io', /^cannot reach flockd at /, /run this as the one who runs flockd/),
    );
  });
});

describe('the socket of a daemon', () => {
  it('is for its own user alone, and nothing else is left of the making', async () => {
    const state = tempFolder({ '.flockd.sock-abcdef/flockd.sock': '' });
    await using _server = await listening(state, () => Promise.resolve(undefined));
    assert.deepEqual(readdirSync(state), ['flockd.sock']);
    assert.equal(lstatSync(socketOf(state)).mode & 0o777, 0o600);
  });

  it('may be in a folder whose path is longer than a socket’s can be', async () => {
    const state = path.join(tempFolder(), 'a'.repeat(100), 'ö'.repeat(100));
    mkdirSync(state, { recursive: true });
    await using server = await listening(state, () => Promise.resolve({ report }));
    assert.deepEqual(await sendCommand(state, post), { done: true, report });
    assert.ok(lstatSync(socketOf(state)).isSocket());
    server.end();
    assert.deepEqual(readdirSync(state), []);
  });

  it('is gone once the daemon takes no more commands, and those under way have their answers', async () => {
    const state = tempFolder();
    let finish: () => void = () => undefined;
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const server = await listening(state, () => {
      begin();
      return new Promise((resolve) => (finish = () => resolve({ report })));
    });
    const given = sendCommand(state, post);
    await begun;
    server.end();
    assert.equal(existsSync(socketOf(state)), false);
    finish();
    const closed = server[Symbol.asyncDispose]();
    assert.deepEqual(await given, { done: true, report });
    await closed;
  });

  it('that cannot be made stops no daemon, and the log says why', async () => {
    const state = tempFolder({ 'flockd.sock/file': '' });
    const heard = new HeardLog();
    await using server = new ControlServer(() => Promise.resolve(undefined), heard.log);
    await server.listen(state);
    const [line] = heard.of('order-failed');
    assert.match(line?.msg ?? '', /^cannot take commands at \S+\/flockd.sock: /);
    assert.deepEqual(readdirSync(state), ['flockd.sock']);
  });
});

describe('a process that is killed', () => {
  let script: string;
  before(async () => {
    script = await bundle(path.join(import.meta.dirname, 'control-process.ts'));
  });

  async function start(state: string, when = ''): Promise<ChildProcess> {
    const child = spawn(process.execPath, [script, state, when], { stdio: ['ignore', 'pipe', 'inherit'] });
    assert.ok(child.stdout);
    await once(child.stdout, 'data');
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  const postsIn = (state: string): number => {
    const file = path.join(state, 'posts');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
  };

  it('leaves a socket that the next daemon replaces', async () => {
    const state = tempFolder();
    await kill(await start(state));
    assert.ok(lstatSync(socketOf(state)).isSocket());
    await using _server = await listening(state, () => Promise.resolve({ report }));
    assert.deepEqual(await sendCommand(state, post), { done: true, report });
  });

  for (const [when, posts] of [
    ['before', 0],
    ['after', 1],
  ] as const) {
    it(`${when} it has carried a command out never does so again, and its client is told that nobody knows`, async () => {
      const state = tempFolder();
      const child = await start(state, when);
      await assert.rejects(
        sendCommand(state, post),
        flockError('tryLater', /not known whether it carried that out/, /look at flockd status/),
      );
      await kill(child);
      const next = await start(state);
      await sendCommand(state, { order: 'reload' });
      assert.equal(postsIn(state), posts);
      await kill(next);
    });
  }

  it('or stopped before it took a command never carries it out, though it goes on later', async () => {
    const state = tempFolder();
    const child = await start(state);
    child.kill('SIGSTOP');
    await assert.rejects(
      sendCommand(state, post, { timeout: 300 }),
      flockError('tryLater', /does not answer: nothing was done/, /ask again/),
    );
    child.kill('SIGCONT');
    await sendCommand(state, { order: 'reload' });
    assert.equal(postsIn(state), 0);
    await kill(child);
  });

  it('as a client takes a command with it that it has not sent whole', async () => {
    const state = tempFolder();
    const child = await start(state);
    const body = '{"bot": "howl"}';
    const client = askHttp({
      socketPath: socketOf(state),
      path: '/bots/post',
      method: 'POST',
      headers: { 'content-length': body.length },
    });
    client.on('error', () => undefined);
    client.write(body.slice(0, 5));
    await sleep(100);
    client.destroy();
    await sendCommand(state, { order: 'reload' });
    assert.equal(postsIn(state), 0);
    await kill(child);
  });
});
