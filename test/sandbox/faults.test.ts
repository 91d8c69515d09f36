import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench, read } from './client.ts';

const posts = { method: 'POST', path: '/2/tweets' };

/** Orders one fault for the next post and makes that post; tells what came back and what was accepted. */
function trial(fault: Record<string, unknown>, text = 'line') {
  const bench = new Bench();
  const key = bench.dance('howl');
  bench.control('POST', '/sandbox/faults', { match: posts, times: 1, fault });
  const answer = bench.post(key, text);
  return { bench, key, answer, accepted: bench.sandbox.world.posts.length };
}

describe('an ordered fault', () => {
  it('answers in place of the sandbox, before or after the post was accepted', () => {
    for (const [when, count] of [
      ['before', 0],
      ['after', 1],
    ] as const) {
      const { answer, accepted } = trial({ kind: 'status', status: 503, when });
      assert.deepEqual([answer.status, read(answer)['status'], accepted], [503, 503, count]);
      assert.deepEqual(trial({ kind: 'drop', when }).accepted, count);
      assert.deepEqual(trial({ kind: 'hang', when }).accepted, count);
      assert.deepEqual(trial({ kind: 'empty', when }).accepted, count);
      assert.deepEqual(trial({ kind: 'redirect', when }).accepted, count);
    }
  });

  it('may bring its own body and headers', () => {
    const page = trial({
      kind: 'status',
      status: 200,
      body: '<html>',
      headers: { 'Retry-After': '9' },
    }).answer;
    assert.equal(page.body, '<html>');
    assert.match(page.headers['content-type'] ?? '', /html/);
    assert.equal(page.headers['retry-after'], '9');
    assert.deepEqual(read(trial({ kind: 'status', status: 200, body: { data: {} } }).answer), { data: {} });
  });

  it('spoils the delivery of a true answer', () => {
    for (const fault of [
      { kind: 'delay', ms: 50 },
      { kind: 'trickle', ms: 5 },
      { kind: 'cut' },
      { kind: 'gzip-cut' },
      { kind: 'gzip-corrupt' },
    ]) {
      const { answer, accepted } = trial(fault);
      assert.deepEqual([answer.status, answer.fault, accepted], [201, fault, 1]);
    }
    assert.deepEqual(trial({ kind: 'redirect' }).answer.status, 302);
    assert.deepEqual(trial({ kind: 'empty' }).answer.body, '');
  });

  it('writes the texts of a true answer otherwise, and nothing else of it', () => {
    const { bench, key, accepted } = trial({ kind: 'delay', ms: 1 }, 'salt & sea https://example.org/a');
    const timeline = (): unknown =>
      read(bench.send({ url: `/2/users/${key.userId}/tweets?tweet.fields=entities`, token: key }));
    const before = JSON.stringify(timeline());
    const fault = { kind: 'altered', how: 'decimal-entities' };
    bench.control('POST', '/sandbox/faults', { match: { path: '/2/users/*' }, times: 1, fault });
    const after = JSON.stringify(timeline());
    assert.match(after, /salt &#38; sea https/);
    assert.equal(after.replace('&#38;', '&amp;'), before);
    assert.deepEqual([JSON.stringify(timeline()), accepted], [before, 1]);
    const unknown = { match: {}, times: 1, fault: { kind: 'altered', how: 'upside-down' } };
    const refused = bench.send({ method: 'POST', url: '/sandbox/faults', json: unknown, signer: null });
    assert.equal(refused.status, 400);
  });

  it('may let a post land long after its connection broke', async () => {
    const { bench, answer, accepted } = trial({ kind: 'late', ms: 600_000 });
    assert.deepEqual([answer.fault, accepted], [{ kind: 'drop' }, 0]);
    await bench.clock.runUntil(bench.clock.now() + 600_000);
    assert.equal(bench.sandbox.world.posts[0]?.text, 'line');
  });

  it('ends after its times, and only meets what it matches', () => {
    const bench = new Bench();
    const [howl, odyssey] = [bench.dance('Howl'), bench.dance('odyssey')];
    const fault = { kind: 'status', status: 500 };
    bench.control('POST', '/sandbox/faults', { match: { account: 'HOWL', path: '/2/*' }, times: 2, fault });
    const statuses = [
      bench.post(odyssey, 'a'),
      bench.post(howl, 'a'),
      bench.send({ url: `/2/users/${howl.userId}/tweets`, token: howl }),
      bench.post(howl, 'a'),
    ].map(({ status }) => status);
    assert.deepEqual(statuses, [201, 500, 500, 201]);
    bench.control('POST', '/sandbox/faults', { match: { path: '/2/users/me', method: 'get' }, fault });
    assert.equal(bench.post(howl, 'b').status, 201);
    assert.equal(bench.send({ url: '/2/users/me', token: howl }).status, 500);
    assert.equal((bench.control('GET', '/sandbox/faults') as unknown[]).length, 1);
    bench.control('DELETE', '/sandbox/faults');
    assert.equal(bench.send({ url: '/2/users/me', token: howl }).status, 200);
  });

  it('by chance falls the same way for the same seed', () => {
    const run = (seed: string): number[] => {
      const bench = new Bench({ seed, limits: { me: null } });
      const key = bench.dance('howl');
      bench.sandbox.faults.add({ rate: 0.3, fault: { kind: 'status', status: 500 } });
      return Array.from({ length: 200 }, () => bench.send({ url: '/2/users/me', token: key }).status);
    };
    const first = run('one');
    assert.deepEqual(run('one'), first);
    assert.notDeepEqual(run('two'), first);
    const failed = first.filter((status) => status === 500).length;
    assert.ok(failed > 30 && failed < 90, String(failed));
  });

  it('must be well formed', () => {
    const bench = new Bench();
    for (const json of [
      {},
      { fault: { kind: 'nonsense' } },
      { fault: { kind: 'drop' }, match: { user: 'x' } },
    ]) {
      assert.equal(bench.send({ method: 'POST', url: '/sandbox/faults', json, signer: null }).status, 400);
    }
    const headers = { 'content-type': 'application/json' };
    assert.equal(bench.send({ method: 'POST', url: '/sandbox/faults', headers, signer: null }).status, 400);
  });
});

describe('the control', () => {
  it('tells of accounts and posts, in order', () => {
    const bench = new Bench();
    const [howl, odyssey] = [bench.dance('howl'), bench.dance('odyssey')];
    bench.post(howl, 'a & b');
    bench.post(odyssey, 'c');
    const [first] = bench.control('GET', '/sandbox/accounts') as object[];
    assert.deepEqual(first, {
      id: howl.userId,
      screenName: 'howl',
      network: 'x',
      suspended: false,
      created: '2026-11-21T09:00:00.000Z',
      posts: 1,
      tokens: ['write'],
    });
    const log = bench.control('GET', '/sandbox/log') as { account: string; text: string }[];
    assert.deepEqual(
      log.map(({ account, text }) => `${account}: ${text}`),
      ['howl: a & b', 'odyssey: c'],
    );
    assert.equal((bench.control('GET', '/sandbox/posts') as unknown[]).length, 2);
    assert.equal((bench.control('GET', '/sandbox/posts?account=HOWL') as unknown[]).length, 1);
    assert.deepEqual(bench.control('GET', '/sandbox/seed'), { seed: 'test' });
  });

  it('knows no other accounts, and takes nothing from another origin', () => {
    const bench = new Bench();
    assert.equal(bench.send({ url: '/sandbox/posts?account=nobody', signer: null }).status, 404);
    assert.equal(
      bench.send({ method: 'POST', url: '/sandbox/accounts/nobody/suspend', signer: null }).status,
      404,
    );
    const from = (origin: string) =>
      bench.send({ method: 'DELETE', url: '/sandbox/faults', signer: null, headers: { origin } }).status;
    assert.equal(from('http://evil.example'), 403);
    assert.equal(from('http://127.0.0.1:4010'), 200);
  });

  it('gives an account another name, under the same id and with the same keys', () => {
    const bench = new Bench();
    const key = bench.sandbox.grant('app-key', 'howl');
    bench.sandbox.grant('app-key', 'taken');
    const rename = (way: string) =>
      bench.send({ method: 'POST', url: `/sandbox/accounts/${way}`, signer: null }).status;
    assert.equal(rename('howl/rename/growl'), 200);
    assert.equal(bench.sandbox.world.accountNamed('howl'), undefined);
    assert.equal(bench.sandbox.world.accountNamed('GROWL')?.id, key.userId);
    assert.equal(bench.sandbox.grant('app-key', 'growl').token, key.token);
    assert.equal(rename('growl/rename/Growl'), 200);
    for (const [way, status] of [
      ['growl/rename/taken', 409],
      ['growl/rename/not%20one', 409],
      ['nobody/rename/x', 404],
    ] as const)
      assert.equal(rename(way), status, way);
    assert.notEqual(bench.sandbox.grant('app-key', 'howl').userId, key.userId);
  });

  it('hands out keys to a rehearsal that needs many', () => {
    const bench = new Bench();
    const key = bench.sandbox.grant('app-key', 'howl');
    assert.equal(bench.post(key, 'line').status, 201);
    assert.equal(bench.dance('howl').token, key.token);
  });
});

describe('the front page', () => {
  it('shows the posts as they are, with nothing that could run', () => {
    const bench = new Bench();
    bench.post(bench.dance('howl'), 'one\n  <img src=x onerror=alert(1)> & "two"');
    bench.post(bench.dance('odyssey'), 'other');
    const { body, headers } = bench.send({ url: '/', signer: null });
    assert.match(
      body,
      /<p class="text">one\n {2}&lt;img src=x onerror=alert\(1\)&gt; &amp; &quot;two&quot;<\/p>/,
    );
    assert.ok(body.indexOf('other') < body.indexOf('one\n'), 'newest first');
    assert.match(headers['content-security-policy'] ?? '', /default-src 'none'.*script-src 'self';/);
    assert.doesNotMatch(body, /style=|<script>/);
    const only = bench.send({ url: '/?account=ODYSSEY', signer: null }).body;
    assert.match(only, /<p class="text">other/);
    assert.doesNotMatch(only, /<p class="text">one/);
    const hostile = bench.send({ url: '/?account=%3Cscript%3E', signer: null }).body;
    assert.doesNotMatch(hostile, /<script>/);
    assert.match(
      bench.send({ url: '/sandbox/page.js', signer: null }).headers['content-type'] ?? '',
      /javascript/,
    );
    assert.match(
      bench.send({ url: '/sandbox/style.css', signer: null }).headers['content-type'] ?? '',
      /css/,
    );
  });
});

describe('the clock of the sandbox', () => {
  it('may be apart from that of those who ask: they see it, and their signatures are too old', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const now = Date.parse(bench.post(key, 'one').headers['date'] ?? '');
    bench.control('POST', '/sandbox/clock', { ahead: 20 * 60_000 });
    const refused = bench.post(key, 'two');
    assert.equal(refused.status, 401);
    assert.equal(Date.parse(refused.headers['date'] ?? ''), now + 20 * 60_000);
    bench.control('POST', '/sandbox/clock', { ahead: 4 * 60_000 });
    assert.equal(bench.post(key, 'three').status, 201);
    bench.control('POST', '/sandbox/clock', { ahead: 0 });
    assert.equal(bench.post(key, 'four').status, 201);
    assert.equal(bench.sandbox.world.posts.length, 3);
  });
});
