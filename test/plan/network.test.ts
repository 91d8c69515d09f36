import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from '../flock/temp-folder.ts';
import { scriptOf, startCommand } from '../support/programs.ts';

/**
 * Writes down, at the end of the process, everything in it that could reach a network. A unix socket is none: through its
 * socket, a flockd of this machine may be asked which ledger to use, and other tests run some.
 */
const spy = `
import { createHook } from 'node:async_hooks';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
const seen = [];
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  if (args.flat()[0]?.path === undefined) seen.push('connect');
  return connect.apply(this, args);
};
createHook({
  init(_, type) {
    if (/TCP|UDP|TLS|GETADDRINFO|GETNAMEINFO|QUERYWRAP|HTTP|PROCESSWRAP/.test(type)) seen.push(type);
  },
}).enable();
process.on('exit', () => writeFileSync('seen.json', JSON.stringify(seen)));
`;

const mayUnshare = spawnSync('unshare', ['--net', 'true']).status === 0;

describe('flockd plan and the network', () => {
  const bundle = {
    consumer_token: 'app',
    consumer_token_secret: 'hidden-app',
    oauth_token: '77-access',
    oauth_token_secret: 'hidden-access',
    user_id: '77',
    screen_name: 'heron',
  };
  const files = {
    'poems/heron.txt': 'The heron stands\n',
    'keys/heron.json': JSON.stringify(bundle),
    'spy.mjs': spy,
    'probe.mjs': `import './spy.mjs'; import net from 'node:net'; net.connect(9, '127.0.0.1').on('error', () => undefined);`,
  };

  it('have nothing to do with each other', async () => {
    const cwd = tempFolder(files);
    const seen = (): string[] => JSON.parse(readFileSync(path.join(cwd, 'seen.json'), 'utf8')) as string[];
    await startCommand([process.execPath, 'probe.mjs'], { cwd }).exit;
    assert.deepEqual(seen(), ['connect', 'TCPWRAP', 'TCPCONNECTWRAP'], 'the spy sees a connection');
    for (const how of [[], ['--json'], ['--ics']]) {
      const call = [process.execPath, '--import', './spy.mjs', scriptOf('flockd'), 'plan', ...how];
      const running = startCommand(call, { cwd });
      assert.deepEqual(await running.exit, { code: 0, signal: null }, running.stderr);
      assert.deepEqual(seen(), []);
      assert.doesNotMatch(running.stdout, /hidden/);
    }
  });

  it('need not even be on one machine', { skip: !mayUnshare && 'may not leave the network' }, async () => {
    const call = ['unshare', '--net', process.execPath, scriptOf('flockd'), 'plan'];
    const running = startCommand(call, { cwd: tempFolder(files) });
    assert.deepEqual(await running.exit, { code: 0, signal: null }, running.stderr);
  });
});
