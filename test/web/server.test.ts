import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openListener } from '../../src/web/server.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const answering = (): Server => createServer((_, response) => response.end('here'));

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });

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

describe('a monitor that listens', () => {
  const folder = tempFolder();
  const socketAt = (name: string) => ({ kind: 'socket', path: path.join(folder, name) }) as const;

  it('does so on a port of this machine', async () => {
    const server = answering();
    const { shown, port } = await openListener(
      server,
      { kind: 'port', host: '127.0.0.1', port: 0 },
      undefined,
    );
    assert.equal(shown, `http://127.0.0.1:${port ?? ''}`);
    assert.equal(await ask({ port }), 'here');
    const second = openListener(answering(), { kind: 'port', host: '127.0.0.1', port: port ?? 0 }, undefined);
    await assert.rejects(second, { exit: 'unavailable', message: `--listen: port ${port ?? ''} is in use` });
    await close(server);
  });

  it('does so on a socket that its group may use, and takes it away at the end', async () => {
    const server = answering();
    const address = socketAt('new.sock');
    const { shown, port } = await openListener(server, address, undefined);
    assert.equal(shown, `unix:${address.path}`);
    assert.equal(port, undefined);
    assert.equal(lstatSync(address.path).mode & 0o777, 0o660);
    assert.equal(await ask({ socketPath: address.path }), 'here');
    await close(server);
    assert.equal(existsSync(address.path), false);
  });

  it('takes the place of a socket that a killed one has left', async () => {
    const address = socketAt('stale.sock');
    leaveSocket(address.path);
    const server = answering();
    await openListener(server, address, undefined);
    assert.equal(await ask({ socketPath: address.path }), 'here');
    await close(server);
  });

  it('leaves a socket alone that somebody answers at', async () => {
    const address = socketAt('used.sock');
    const server = answering();
    await openListener(server, address, undefined);
    const second = openListener(answering(), address, undefined);
    await assert.rejects(second, { exit: 'unavailable', message: `--listen: ${address.path} is in use` });
    assert.equal(await ask({ socketPath: address.path }), 'here');
    await close(server);
  });

  it('leaves alone what is no socket', async () => {
    const address = socketAt('letter.txt');
    writeFileSync(address.path, 'dear rain');
    await assert.rejects(openListener(answering(), address, undefined), {
      exit: 'unavailable',
      message: `--listen: a file is in the place of ${address.path}`,
    });
    assert.ok(lstatSync(address.path).isFile());
    await assert.rejects(openListener(answering(), { kind: 'socket', path: folder }, undefined), {
      exit: 'unavailable',
      message: `--listen: a folder is in the place of ${folder}`,
    });
  });

  it('says where the folder of its socket is missing', async () => {
    const address = socketAt('nowhere/x.sock');
    await assert.rejects(openListener(answering(), address, undefined), {
      exit: 'unavailable',
      message: `--listen: there is no folder ${path.dirname(address.path)}`,
    });
  });

  it('refuses where systemd hands over no socket', async () => {
    const opened = openListener(answering(), { kind: 'inherited' }, undefined);
    await assert.rejects(opened, { exit: 'config', hint: /FileDescriptorName=http/ });
  });
});
