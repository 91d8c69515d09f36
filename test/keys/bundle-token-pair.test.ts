import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { format, inspect } from 'node:util';
import pino from 'pino';
import { TokenPair } from '../../src/oauth/signature.ts';

const pair = new TokenPair('hidden-token', 'hidden-secret');

function logOf(write: (log: pino.Logger) => void): string {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  write(pino(stream));
  return lines.join('');
}

describe('a token and its secret', () => {
  it('are there for whoever signs with them', () => {
    assert.deepEqual(pair.reveal(), { token: 'hidden-token', secret: 'hidden-secret' });
  });

  const ways: [name: string, print: () => string][] = [
    ['String()', () => String(pair)],
    // eslint-disable-next-line @typescript-eslint/restrict-template-expressions
    ['a template', () => `${pair}`],
    ['JSON', () => JSON.stringify({ pair, list: [pair] })],
    ['inspect', () => inspect({ deep: { pair } }, { depth: 9 })],
    [
      'inspect of all it can',
      () => inspect(pair, { showHidden: true, customInspect: false, getters: true, depth: 9 }),
    ],
    ['format', () => format('%s %o %O %j', pair, pair, pair, pair)],
    ['an error’s cause', () => inspect(new Error('x', { cause: pair }))],
    ['pino', () => logOf((log) => log.info({ pair, deep: { pair } }, 'made'))],
    ['pino’s message', () => logOf((log) => log.info('%s %o', pair, pair))],
    ['its properties', () => [...Object.entries(pair), ...Reflect.ownKeys(pair)].join()],
    [
      'a copy',
      () =>
        inspect({ copy: Object.assign({}, pair), clone: structuredClone(pair) }, { customInspect: false }),
    ],
  ];
  for (const [name, print] of ways) {
    it(`do not show in ${name}`, () => {
      assert.doesNotMatch(print(), /hidden/);
    });
  }
});
