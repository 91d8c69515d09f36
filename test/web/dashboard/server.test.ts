import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { knownHosts, parseHostName } from '../../../src/web/dashboard/server.ts';
import type { ListenAddress } from '../../../src/web/server.ts';

const at = (host: string, port: number): ListenAddress => ({ kind: 'port', host, port });

describe('the names a monitor answers to', () => {
  it('are those of this machine, with its port', () => {
    const isKnown = knownHosts(at('127.0.0.1', 0), 8787, []);
    for (const host of ['127.0.0.1:8787', 'localhost:8787', 'LocalHost:8787', '[::1]:8787'])
      assert.equal(isKnown(host), true, host);
    for (const host of [
      undefined,
      '',
      '127.0.0.1',
      'localhost',
      'localhost:80',
      'evil.example:8787',
      'evil.example',
      '127.0.0.1:8787.evil.example',
      'localhost.:8787',
      '127.0.0.1:87870',
    ])
      // prettier-ignore
      assert.equal(isKnown(host), false, host);
  });

  it('are another loopback address, where it listens there', () => {
    assert.equal(knownHosts(at('127.0.0.9', 0), 1, [])('127.0.0.9:1'), true);
    assert.equal(knownHosts(at('127.0.0.1', 0), 1, [])('127.0.0.9:1'), false);
  });

  it('may lack the port that browsers leave out', () => {
    assert.equal(knownHosts(at('127.0.0.1', 0), 80, [])('localhost'), true);
    assert.equal(knownHosts(at('127.0.0.1', 0), 80, [])('localhost:80'), true);
  });

  it('are those of its reverse proxies, on any port', () => {
    const isKnown = knownHosts(at('127.0.0.1', 0), 8787, ['flock.example']);
    for (const host of ['flock.example', 'Flock.Example', 'flock.example:8443'])
      assert.equal(isKnown(host), true, host);
    for (const host of [
      'flock.example.evil',
      'sub.flock.example',
      'flock.example:',
      'flock.example:x',
      'flock.example:1:2',
    ])
      // prettier-ignore
      assert.equal(isKnown(host), false, host);
  });

  it('are localhost for a socket in the file system', () => {
    const isKnown = knownHosts({ kind: 'socket', path: '/run/flockd.sock' }, undefined, ['flock.example']);
    assert.equal(isKnown('localhost'), true);
    assert.equal(isKnown('flock.example'), true);
    assert.equal(isKnown('evil.example'), false);
  });

  it('are given as names of hosts', () => {
    assert.equal(parseHostName('Flock.Example'), 'flock.example');
    assert.equal(parseHostName('a'), 'a');
    for (const name of ['', '*', 'flock.example:443', 'https://flock.example', '-x', 'a/b', 'a b', '[::1]'])
      assert.throws(() => parseHostName(name), { exit: 'usage' }, name);
  });
});
