import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type ListenAddress, openWebServer, webApp, type WebServer } from '../../src/web/server.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const failed = (error: unknown): never => {
  throw error;
};

/** A server whose only page says `here`. */
function open(address: ListenAddress): Promise<WebServer> {
  const app = webApp({ maxBody: 0, failed, errorsAreIn: 'the test' });
  app.get('/', (c) => c.text('here'));
  return openWebServer(app, { address, failed });
}

const ask = (where: object): Promise<string> =>
  new Promise((resolve, reject) => {
    get({ path: '/', agent: false, ...where }, (response) => {
      response.setEncoding('utf8').on('data', resolve);
    }).on('error', reject);
  });

/** Leaves a socket that nobody listens to, as a program that was killed does. */
function leaveSocket(file: string): void {
  const script = `import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])`;
  assert.equal(spawnSync('python3', ['-c', script, file]).status, 0);
  assert.ok(lstatSync(file).isSocket());
}

describe('a server to this machine', () => {
  const folder = tempFolder();
  const socketAt = (name: string) => ({ kind: 'socket', path: path.join(folder, name) }) as const;

  it('listens on a port', async () => {
    await using server = await open({ kind: 'port', host: '127.0.0.1', port: 0 });
    const port = Number(new URL(server.shown).port);
    assert.equal(server.shown, `http://127.0.0.1:${port}`);
    assert.equal(await ask({ port }), 'here');
    const taken = { kind: 'port', host: '127.0.0.1', port } as const;
    await assert.rejects(open(taken), {
      exit: 'unavailable',
      message: `--listen: port ${port} is in use`,
    });
    await assert.rejects(open({ ...taken, flag: '--port' }), {
      exit: 'unavailable',
      message: `port ${port} is in use`,
      hint: 'choose another with --port N; 0 takes any that is free',
    });
  });

  it('keeps one copy of a page, however many are slow to read it', async () => {
    const app = webApp({ maxBody: 0, failed, errorsAreIn: 'the test' });
    const page = Buffer.alloc(8 * 1024 * 1024, 'x');
    let asked = 0;
    app.get('/', (c) => {
      asked++;
      return c.body(page);
    });
    await using server = await openWebServer(app, {
      address: { kind: 'port', host: '127.0.0.1', port: 0 },
      failed,
    });
    const { port, host } = new URL(server.shown);
    const before = process.memoryUsage().arrayBuffers;
    const sockets = Array.from({ length: 50 }, () => {
      const socket = connect(Number(port), '127.0.0.1').pause();
      socket.on('error', () => undefined).write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
      return socket;
    });
    const isAsked = (): boolean => asked === sockets.length;
    while (!isAsked()) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const grown = process.memoryUsage().arrayBuffers - before;
    for (const socket of sockets) socket.destroy();
    assert.ok(grown < 4 * page.length, `${grown} bytes more`);
  });

  it('listens on a socket that its group may use, and takes it away at the end', async () => {
    const address = socketAt('new.sock');
    const server = await open(address);
    assert.equal(server.shown, `unix:${address.path}`);
    assert.equal(lstatSync(address.path).mode & 0o777, 0o660);
    assert.equal(await ask({ socketPath: address.path }), 'here');
    await server[Symbol.asyncDispose]();
    assert.equal(existsSync(address.path), false);
  });

  it('takes the place of a socket that a killed one has left', async () => {
    const address = socketAt('stale.sock');
    leaveSocket(address.path);
    await using _server = await open(address);
    assert.equal(await ask({ socketPath: address.path }), 'here');
  });

  it('leaves a socket alone that somebody answers at', async () => {
    const address = socketAt('used.sock');
    await using _server = await open(address);
    await assert.rejects(open(address), {
      exit: 'unavailable',
      message: `--listen: ${address.path} is in use`,
    });
    assert.equal(await ask({ socketPath: address.path }), 'here');
  });

  it('leaves alone what is no socket', async () => {
    const address = socketAt('letter.txt');
    writeFileSync(address.path, 'dear rain');
    await assert.rejects(open(address), {
      exit: 'unavailable',
      message: `--listen: a file is in the place of ${address.path}`,
    });
    assert.ok(lstatSync(address.path).isFile());
    await assert.rejects(open({ kind: 'socket', path: folder }), {
      exit: 'unavailable',
      message: `--listen: a folder is in the place of ${folder}`,
    });
  });

  it('says where the folder of its socket is missing', async () => {
    const address = socketAt('nowhere/x.sock');
    await assert.rejects(open(address), {
      exit: 'unavailable',
      message: `--listen: there is no folder ${path.dirname(address.path)}`,
    });
  });

  it('refuses where systemd hands over no socket', async () => {
    await assert.rejects(open({ kind: 'inherited' }), { exit: 'config', hint: /FileDescriptorName=http/ });
  });
});
