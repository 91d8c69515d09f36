import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leverNames, levers } from '../../src/sandbox/levers.ts';
import { Bench } from './client.ts';

const accept = 'text/html,application/xhtml+xml';

describe('a lever of the sandbox', () => {
  const effects: [lever: string, path: string, status: number, body: RegExp][] = [
    ['revoke', '/howl', 401, /Unauthorized/],
    ['read-only', '/howl', 403, /oauth1-permissions/],
    ['suspend', '/howl', 403, /suspended/],
    ['duplicate', '/howl', 403, /duplicate content/],
    ['rate-limit', '', 429, /Too Many Requests/],
    ['no-credit', '', 402, /CreditsDepleted/],
    ['outage', '', 503, /<html>/],
  ];
  for (const [lever, path, status, body] of effects) {
    it(`${lever} has a post refused with ${status}`, () => {
      const bench = new Bench();
      const token = bench.dance('howl');
      assert.equal(bench.post(token, 'before').status, 201);
      bench.control('POST', `/sandbox/trigger/${lever}${path}`);
      const answer = bench.post(token, 'after');
      assert.equal(answer.status, status);
      assert.match(answer.body, body);
    });
  }

  it('about one account leaves the others alone', () => {
    for (const lever of ['revoke', 'read-only', 'suspend', 'duplicate']) {
      const bench = new Bench();
      bench.dance('howl');
      const other = bench.dance('prowl');
      bench.control('POST', `/sandbox/trigger/${lever}/howl`);
      assert.equal(bench.post(other, 'after').status, 201, lever);
    }
  });

  it('duplicate is for one post, and the rate limit says when it ends', () => {
    const bench = new Bench();
    const token = bench.dance('howl');
    bench.control('POST', '/sandbox/trigger/duplicate/howl');
    assert.deepEqual([bench.post(token, 'a').status, bench.post(token, 'a').status], [403, 201]);
    bench.control('POST', '/sandbox/trigger/rate-limit');
    const reset = Number(bench.post(token, 'b').headers['x-rate-limit-reset']);
    assert.equal(reset, Date.parse('2026-11-21T09:15:00Z') / 1000);
  });

  it('latency delays each answer', () => {
    const bench = new Bench();
    const token = bench.dance('howl');
    bench.control('POST', '/sandbox/trigger/latency');
    const { status, fault } = bench.post(token, 'a');
    assert.deepEqual([status, fault], [201, { kind: 'delay', ms: 5000 }]);
  });

  it('recover ends all but dead keys', () => {
    const bench = new Bench();
    const [howl, prowl] = [bench.dance('howl'), bench.dance('prowl')];
    for (const path of ['suspend/howl', 'revoke/prowl', 'rate-limit', 'no-credit', 'outage', 'latency'])
      bench.control('POST', `/sandbox/trigger/${path}`);
    bench.control('POST', '/sandbox/trigger/recover');
    assert.equal(bench.post(howl, 'a').status, 201);
    assert.equal(bench.post(prowl, 'a').status, 401);
    assert.deepEqual(bench.control('GET', '/sandbox/faults'), []);
  });

  it('needs an event that there is, and its account', () => {
    const bench = new Bench();
    const status = (path: string): number =>
      bench.send({ method: 'POST', url: `/sandbox/trigger/${path}`, signer: null }).status;
    assert.deepEqual(['storm', 'revoke', 'revoke/nobody'].map(status), [404, 400, 404]);
  });

  it('cannot be pulled from another web page', () => {
    const bench = new Bench();
    const headers = { origin: 'https://evil.example' };
    const { status } = bench.send({ method: 'POST', url: '/sandbox/trigger/outage', headers, signer: null });
    assert.equal(status, 403);
  });
});

describe('the levers on the page', () => {
  it('are buttons: for all accounts on the front page, for an account on its own', () => {
    const bench = new Bench();
    bench.dance('howl');
    for (const [url, about] of [
      ['/', 'all'],
      ['/?account=howl', 'account'],
    ] as const) {
      const { body } = bench.send({ url, signer: null });
      for (const name of leverNames)
        assert.equal(
          body.includes(`action="/sandbox/trigger/${name}${about === 'all' ? '' : '/howl'}"`),
          levers[name].about === about,
          name,
        );
    }
  });

  it('lead back to the page, which says what holds now', () => {
    const bench = new Bench();
    bench.dance('howl');
    const pull = (path: string): string | undefined =>
      bench.send({ method: 'POST', url: `/sandbox/trigger/${path}`, headers: { accept }, signer: null })
        .headers['location'];
    assert.equal(pull('outage'), '/');
    assert.equal(pull('suspend/howl'), '/?account=howl');
    assert.match(
      bench.send({ url: '/', signer: null }).body,
      /Now: every network answers with a web page: 503\./,
    );
    pull('recover');
    assert.doesNotMatch(bench.send({ url: '/', signer: null }).body, /Now:/);
  });
});
