import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isKnownHost, parseHostName } from '../../src/web/server.ts';

/** Whether a server that has a request at an address and a port of this machine goes by a name. */
const knownAt =
  (localAddress: string | undefined, localPort: number | undefined, names: readonly string[] = []) =>
  (host: string | undefined): boolean =>
    isKnownHost(host, { localAddress, localPort }, names);

describe('the names a monitor answers to', () => {
  it('are those of this machine, with its port', () => {
    const isKnown = knownAt('127.0.0.1', 8787);
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
    assert.equal(knownAt('127.0.0.9', 1)('127.0.0.9:1'), true);
    assert.equal(knownAt('127.0.0.1', 1)('127.0.0.9:1'), false);
  });

  it('may lack the port that browsers leave out', () => {
    assert.equal(knownAt('127.0.0.1', 80)('localhost'), true);
    assert.equal(knownAt('127.0.0.1', 80)('localhost:80'), true);
  });

  it('are those of its reverse proxies, on any port', () => {
    const isKnown = knownAt('127.0.0.1', 8787, ['flock.example']);
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
    const isKnown = knownAt(undefined, undefined, ['flock.example']);
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
