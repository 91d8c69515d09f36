import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench } from './client.ts';
import { front, threeRains } from './three-rains.ts';

describe('a lever at three networks', () => {
  const pull = (bench: Bench, path: string) =>
    bench.send({ method: 'POST', url: `/sandbox/trigger/${path}`, signer: null });

  it('about an account works at Mastodon and Bluesky', () => {
    for (const [lever, atMastodon] of [
      ['revoke', 401],
      ['suspend', 403],
    ] as const) {
      const { bench, toX, toMastodon, signIn } = threeRains();
      pull(bench, `${lever}/rain%40mastodon`);
      assert.deepEqual([toMastodon('a').status, signIn().status], [atMastodon, 200], lever);
      pull(bench, `${lever}/rain.test`);
      assert.deepEqual([toX('a').status, signIn().status], [201, 401], lever);
    }
  });

  it('that a network does not have is refused', () => {
    const { bench } = threeRains();
    const status = (path: string): number => pull(bench, path).status;
    assert.deepEqual(
      ['read-only/rain.test', 'duplicate/rain%40mastodon', 'read-only/rain%40mastodon'].map(status),
      [400, 400, 200],
    );
    assert.doesNotMatch(front(bench, '/?account=rain.test'), /trigger\/(duplicate|read-only)/);
  });

  for (const [lever, statuses] of [
    ['rate-limit', [429, 429, 429]],
    ['outage', [503, 503, 503]],
    ['x-outage', [503, 200, 200]],
    ['mastodon-outage', [201, 503, 200]],
    ['bluesky-outage', [201, 200, 503]],
    ['all-unauthorized', [201, 401, 200]],
    ['short-posts', [201, 422, 200]],
  ] as const)
    it(`${lever} gives ${statuses.join(', ')}, and recover ends it`, () => {
      const { bench, toX, toMastodon, toBluesky, login } = threeRains();
      const session = login();
      const all = (text: string): number[] =>
        [toX(text), toMastodon(text), toBluesky(text, {}, session)].map(({ status }) => status);
      pull(bench, lever);
      assert.deepEqual(all('longer than twenty characters'), statuses);
      assert.match(front(bench), /Now: /);
      pull(bench, 'recover');
      assert.deepEqual(all('another one of that length'), [201, 200, 200]);
      assert.doesNotMatch(front(bench), /Now: /);
    });

  it('switches what Mastodon does with a used key', () => {
    for (const [lever, expected] of [
      ['recover', '200 the same'],
      ['key-ignored', '200 another'],
      ['key-400', '400 another'],
      ['key-500', '500 another'],
      ['key-replayed', '200 the same'],
    ] as const) {
      const bench = new Bench();
      const { token } = bench.sandbox.grantMastodon('app', 'rain');
      pull(bench, lever);
      const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'k' };
      const url = '/mastodon/api/v1/statuses';
      const [first, second] = [1, 2].map(() =>
        bench.send({ method: 'POST', url, json: { status: 'a' }, headers, signer: null }),
      );
      assert.equal(
        `${second?.status} ${second?.body === first?.body ? 'the same' : 'another'}`,
        expected,
        lever,
      );
    }
  });
});
