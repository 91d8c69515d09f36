import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import { isLoopback, parseListenAddress } from '../../src/web/server.ts';

const port = (host: string, number: number) => ({ kind: 'port', host, port: number });

describe('the address to listen at', () => {
  const good: [string, object][] = [
    ['127.0.0.1:8787', port('127.0.0.1', 8787)],
    ['127.0.0.1:0', port('127.0.0.1', 0)],
    ['127.8.9.10:65535', port('127.8.9.10', 65535)],
    ['localhost:8787', port('127.0.0.1', 8787)],
    ['LOCALHOST:8787', port('127.0.0.1', 8787)],
    ['[::1]:8787', port('::1', 8787)],
    ['8787', port('127.0.0.1', 8787)],
    ['unix:/run/flockd/flockd.sock', { kind: 'socket', path: '/run/flockd/flockd.sock' }],
    ['unix:/tmp/with space.sock', { kind: 'socket', path: '/tmp/with space.sock' }],
    ['systemd', { kind: 'inherited' }],
  ];
  for (const [text, address] of good)
    it(`is ${text}`, () => {
      assert.deepEqual(parseListenAddress(text), address);
    });

  const foreign = [
    '0.0.0.0:8787',
    ':8787',
    '[::]:8787',
    '*:8787',
    '192.168.1.2:80',
    'flock.example:443',
    '10.0.0.1:1',
    '128.0.0.1:1',
    '::1:8787',
    '127.0.0.1.evil.example:80',
    '127.0.0.256:80',
    '[::ffff:127.0.0.1]:80',
    '2130706433:80',
    '0x7f.1:80',
  ];
  for (const text of foreign)
    it(`is not ${text}, which others can reach, or which is none`, () => {
      assert.throws(
        () => parseListenAddress(text),
        (error: unknown) => {
          assert.ok(error instanceof FlockError);
          assert.equal(error.exit, 'usage');
          assert.match(error.message, /^--listen: .* is not this machine alone$/);
          assert.match(error.hint ?? '', /reverse proxy before 127\.0\.0\.1:\d+/);
          return true;
        },
      );
    });

  const bad = [
    '',
    'here',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:99999',
    '127.0.0.1:-1',
    '127.0.0.1:80x',
    'http://127.0.0.1:80/',
    'Systemd',
    'unix:',
    'unix:flockd.sock',
    'unix:/run/',
    'unix:/run/\0',
    `unix:/${'x'.repeat(107)}`,
  ];
  for (const text of bad)
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseListenAddress(text), { exit: 'usage' });
    });

  it('is as long as a socket’s path can be, in bytes', () => {
    const path = `/${'é'.repeat(53)}`;
    assert.deepEqual(parseListenAddress(`unix:${path}`), { kind: 'socket', path });
    assert.throws(() => parseListenAddress(`unix:${path}x`), { exit: 'usage' });
  });

  it('knows this machine’s own addresses', () => {
    for (const address of ['127.0.0.1', '127.255.255.255', '::1'])
      assert.equal(isLoopback(address), true, address);
    for (const address of ['::', '0.0.0.0', '126.0.0.1', '127.0.0', '1127.0.0.1', '::ffff:127.0.0.1'])
      assert.equal(isLoopback(address), false, address);
  });
});
