import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HttpAnswer } from '../../../src/http/exchange.ts';
import { newTid } from '../../../src/networks/bluesky/client.ts';
import { Bench, kindOf, lost, methodOf, unreachable, xrpcError } from './bench.ts';

const minute = 60_000;

describe('posting to Bluesky', () => {
  it('is one putRecord of the record with its mark as key, in place of none', async () => {
    const bench = new Bench();
    const { key, mark, userId } = await bench.person();
    const one = mark();
    const outcome = await bench.open(key).post('rain', { mark: one, language: 'en' });
    assert.deepEqual(outcome, { ok: one, time: Date.parse('2026-11-21T09:00:00Z') });
    const { url, headers, body = '' } = bench.sent.at(-1) ?? assert.fail();
    assert.equal(url, 'http://127.0.0.1:4010/bluesky/xrpc/com.atproto.repo.putRecord');
    assert.match(headers['authorization'] ?? '', /^Bearer \S+$/);
    assert.deepEqual(JSON.parse(body), {
      repo: userId,
      collection: 'app.bsky.feed.post',
      rkey: one,
      record: {
        $type: 'app.bsky.feed.post',
        createdAt: '2026-11-21T09:00:00.000Z',
        text: 'rain',
        langs: ['en'],
      },
      swapRecord: null,
    });
  });

  const outcomes: [name: string, answer: Partial<HttpAnswer> | Error, kind: string][] = [
    ['a success without fields', { body: '{}' }, 'in-doubt'],
    ['a success with null', { body: 'null' }, 'in-doubt'],
    ['a success with a web page', { body: '<html>hello</html>' }, 'in-doubt'],
    ['half a success', { body: '{"uri":"at://' }, 'in-doubt'],
    ['an empty success', { body: '' }, 'in-doubt'],
    ['a redirect', { status: 302, headers: { location: '/' } }, 'in-doubt'],
    ['a cut connection', lost, 'in-doubt'],
    ['a refused connection', unreachable, 'never-sent'],
    ['a bug below', new TypeError('x is not a function'), 'in-doubt'],
    ['a 502', xrpcError(502, 'UpstreamFailure'), 'in-doubt'],
    ['a refused record', xrpcError(400, 'InvalidRequest', 'Invalid app.bsky.feed.post record'), 'rejected'],
    ['a takedown', xrpcError(401, 'AccountTakedown', 'Account has been taken down'), 'suspended'],
    ['a limit', xrpcError(429, 'RateLimitExceeded'), 'wait'],
  ];
  for (const [name, answer, kind] of outcomes) {
    it(`takes ${name} for ${kind}, and asks once`, async () => {
      const bench = new Bench();
      const { key, mark } = await bench.person();
      bench.instead = (request) => (methodOf(request) === 'putRecord' ? answer : undefined);
      assert.equal(kindOf(await bench.open(key).post('rain', { mark: mark() })), kind);
      assert.equal(bench.calls().filter((method) => method === 'putRecord').length, 1);
    });
  }

  it('sends no text that Bluesky cannot have, and nothing without a mark', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    for (const text of ['', ' ', 'a'.repeat(301), '\ud83d'])
      assert.equal(kindOf(await account.post(text, { mark: mark() })), 'rejected');
    for (const options of [undefined, {}, { mark: '' }, { mark: 'line-7' }])
      assert.equal(kindOf(await account.post('rain', options)), 'never-sent');
    assert.deepEqual(bench.calls(), []);
  });

  it('refuses a mark of the future, which would order all later posts, but not an old one', async () => {
    const bench = new Bench();
    const { key } = await bench.person();
    const account = bench.open(key);
    const at = (offset: number) => account.post('rain', { mark: newTid(bench.clock.now() + offset) });
    assert.equal(kindOf(await at(61 * minute)), 'clock');
    assert.equal(kindOf(await at(-30 * 24 * 60 * minute)), 'ok');
    assert.equal(kindOf(await at(59 * minute)), 'ok');
  });

  it('believes a key that is taken only if it can see the post', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    const one = mark();
    bench.instead = (request) =>
      methodOf(request) === 'putRecord' ? xrpcError(400, 'InvalidSwap') : undefined;
    assert.equal(kindOf(await account.post('rain', { mark: one })), 'in-doubt');
    bench.instead = () => undefined;
    assert.equal(kindOf(await account.post('rain', { mark: one })), 'ok');
    bench.instead = (request) =>
      methodOf(request) === 'getRecord'
        ? lost
        : methodOf(request) === 'putRecord'
          ? xrpcError(400, 'InvalidSwap')
          : undefined;
    assert.equal(kindOf(await account.post('rain', { mark: one })), 'in-doubt');
  });

  it('is seen late by no one: what was carried out after the connection broke is the same post', async () => {
    const bench = new Bench();
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    const one = mark();
    bench.sandbox.faults.add({ match: { path: '*putRecord' }, times: 1, fault: { kind: 'late', ms: 5000 } });
    assert.equal(kindOf(await account.post('rain', { mark: one })), 'in-doubt');
    assert.deepEqual(await account.find(one).then((found) => 'ok' in found && found.ok), undefined);
    assert.equal(kindOf(await account.post('rain', { mark: one })), 'ok');
    await bench.clock.runUntil(bench.clock.now() + 6000);
    assert.deepEqual(bench.posts(), ['rain']);
  });

  it('keeps within the limit of writes, and says until when', async () => {
    const bench = new Bench({ limits: { points: 6 } });
    const { key, mark } = await bench.person();
    const account = bench.open(key);
    for (const text of ['one', 'two', 'three'])
      assert.equal(kindOf(await account.post(text, { mark: mark() })), 'ok');
    const four = mark();
    const outcome = await account.post('four', { mark: four });
    assert.ok('failure' in outcome && outcome.failure.kind === 'wait' && outcome.failure.scope === 'bot');
    assert.equal(outcome.failure.until - bench.clock.now(), 60 * minute);
    await bench.clock.runUntil(outcome.failure.until);
    assert.equal(kindOf(await account.post('four', { mark: four })), 'ok');
  });
});

describe('what Bluesky has', () => {
  const reads: [name: string, answer: Partial<HttpAnswer> | Error, kind: string][] = [
    ['a refusal without a name', { status: 400, body: '{"message":"Could not locate record"}' }, 'in-doubt'],
    ['another refusal', xrpcError(400, 'InvalidRequest', 'Error: repo must be a valid did'), 'rejected'],
    [
      'a server that is not its own',
      xrpcError(400, 'InvalidRequest', 'Could not locate record'),
      'suspended',
    ],
    ['a web page with 404', { status: 404, body: '<html>' }, 'in-doubt'],
    ['RecordNotFound of a web page', { status: 400, body: '<html>RecordNotFound' }, 'in-doubt'],
    ['an error', xrpcError(500, 'InternalServerError'), 'in-doubt'],
    ['an answer of another form', { body: '{"records":[]}' }, 'in-doubt'],
    ['a lost answer', lost, 'in-doubt'],
    ['a server that is gone', unreachable, 'never-sent'],
  ];
  for (const [name, answer, kind] of reads) {
    it(`does not lack a post by ${name}`, async () => {
      const bench = new Bench();
      const { key, mark } = await bench.person();
      bench.instead = (request) => (methodOf(request) === 'getRecord' ? answer : undefined);
      assert.equal(kindOf(await bench.open(key).find(mark())), kind);
    });
  }

  it('is read without a session', async () => {
    const bench = new Bench();
    const { key, mark, userId } = await bench.person();
    const one = mark();
    await bench.open(key).post('rain', { mark: one });
    bench.calls();
    const restored = bench.openAll()(key);
    const found = await restored.find(one);
    assert.deepEqual('ok' in found && found.ok, { id: one, text: 'rain', at: bench.clock.now() });
    await restored.timeline(userId, 'newest', { maxPosts: 5 });
    assert.deepEqual(bench.calls(), ['getRecord', 'listRecords']);
    assert.ok(bench.sent.every(({ headers }) => headers['authorization'] === undefined));
  });

  it('is listed since a post or an instant, and no further', async () => {
    const bench = new Bench();
    const { key, mark, userId } = await bench.person();
    const account = bench.open(key);
    const marks: string[] = [];
    const start = bench.clock.now();
    for (let n = 0; n < 10; n++) {
      const one = mark();
      marks.push(one);
      await account.post(`line ${String(n)}`, { mark: one });
      await bench.clock.runUntil(start + (n + 1) * minute);
    }
    const texts = async (from: Parameters<typeof account.timeline>[1], maxPosts: number) => {
      bench.calls();
      const found: string[] = [];
      let token: string | undefined;
      do {
        const page = await account.timeline(userId, from, { maxPosts, token });
        assert.ok('ok' in page);
        found.push(...page.ok.posts.map(({ text }) => text));
        token = page.ok.next;
      } while (token !== undefined);
      return found;
    };
    assert.deepEqual(await texts({ sinceId: marks[7] ?? '' }, 3), ['line 9', 'line 8']);
    assert.deepEqual(bench.calls(), ['listRecords']);
    assert.deepEqual(await texts({ start: start + 8 * minute }, 100), ['line 9', 'line 8']);
    assert.equal((await texts('newest', 3)).length, 10);
    assert.equal((await texts('newest', 0)).length, 10);
    assert.equal((await texts('newest', 1000)).length, 10);
    assert.deepEqual(await texts({ sinceId: marks[9] ?? '' }, 100), []);
  });

  const pages: [name: string, body: unknown][] = [
    ['a post without a text', { records: [{ uri: 'at://a/b/3jzfcijpj2z2a', value: {} }] }],
    ['no list', { cursor: '3jzfcijpj2z2a' }],
    ['a list of nothing', { records: [null] }],
    ['an id that is a number', { records: [{ uri: 7, value: { text: 'rain' } }] }],
  ];
  for (const [name, body] of pages) {
    it(`is not told by a page with ${name}`, async () => {
      const bench = new Bench();
      const { key, userId } = await bench.person();
      bench.instead = () => ({ body: JSON.stringify(body) });
      assert.equal(kindOf(await bench.open(key).timeline(userId, 'newest', { maxPosts: 10 })), 'in-doubt');
    });
  }

  it('ends where a server gives the same page again and again', async () => {
    const bench = new Bench();
    const { key, userId } = await bench.person();
    bench.instead = () => ({ body: JSON.stringify({ records: [], cursor: '3jzfcijpj2z2a' }) });
    const page = await bench.open(key).timeline(userId, 'newest', { maxPosts: 10 });
    assert.deepEqual('ok' in page && page.ok, { posts: [], next: undefined });
  });
});

describe('the label of a bot', () => {
  it('is not put over a profile that changed meanwhile', async () => {
    const bench = new Bench();
    const { key, access, userId } = await bench.person();
    const account = bench.open(key);
    await account.setBotLabel();
    const put = (record: object) =>
      bench.call(
        'repo.putRecord',
        { repo: userId, collection: 'app.bsky.actor.profile', rkey: 'self', record },
        access,
      );
    await put({ $type: 'app.bsky.actor.profile', displayName: 'Howl' });
    const send = bench.send;
    bench.instead = async (request) => {
      bench.instead = () => undefined;
      const answer = await send(request);
      await put({ $type: 'app.bsky.actor.profile', displayName: 'Growl' });
      return answer;
    };
    const outcome = await account.setBotLabel();
    assert.equal('failure' in outcome && outcome.failure.reason, 'the profile was changed meanwhile');
    assert.equal(kindOf(await account.setBotLabel()), 'ok');
  });

  const profiles: [name: string, answer: Partial<HttpAnswer> | Error, kind: string][] = [
    ['a lost answer', lost, 'in-doubt'],
    ['a web page', { status: 404, body: '<html>' }, 'in-doubt'],
  ];
  for (const [name, answer, kind] of profiles) {
    it(`is not known, nor set, after ${name}`, async () => {
      const bench = new Bench();
      const { key } = await bench.person();
      bench.instead = (request) => (methodOf(request) === 'getRecord' ? answer : undefined);
      assert.equal(kindOf(await bench.open(key).hasBotLabel()), kind);
      assert.equal(kindOf(await bench.open(key).setBotLabel()), kind);
      assert.ok(!bench.calls().includes('putRecord'));
    });
  }
});
