import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { type BlueskyOptions } from '../../src/sandbox/bluesky-servers.ts';
import type { SandboxAnswer } from '../../src/sandbox/requests.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type SandboxState, stateSchema } from '../../src/sandbox/world.ts';

const posts = 'app.bsky.feed.post';
const minute = 60_000;

type Json = Record<string, unknown>;

class Bench {
  readonly clock = new HeldClock('2026-11-21T09:00:00Z');
  readonly sandbox: Sandbox;

  constructor(bluesky: BlueskyOptions = {}, state?: SandboxState) {
    this.sandbox = new Sandbox({
      clock: this.clock,
      appKeys: [],
      seed: 'test',
      bluesky,
      ...(state && { state }),
    });
  }

  send(
    name: string,
    { body, bearer, query = {} }: { body?: object; bearer?: string; query?: Record<string, string> },
  ): SandboxAnswer {
    const search = new URLSearchParams(query).toString();
    return this.sandbox.handle({
      method: body ? 'POST' : 'GET',
      url: `/bluesky/xrpc/com.atproto.${name}${search && `?${search}`}`,
      host: '127.0.0.1:4010',
      headers: { 'content-type': 'application/json', ...(bearer !== undefined && { authorization: bearer }) },
      body: body ? JSON.stringify(body) : '',
    });
  }

  ok(name: string, request: Parameters<Bench['send']>[1]): Json {
    const answer = this.send(name, request);
    assert.equal(answer.status, 200, answer.body);
    return answer.body === '' ? {} : (JSON.parse(answer.body) as Json);
  }

  person(name = 'howl') {
    const made = this.ok('server.createAccount', { body: { handle: `${name}.test`, password: 'main' } });
    const main = `Bearer ${String(made['accessJwt'])}`;
    const app = this.ok('server.createAppPassword', { body: { name: 'flock' }, bearer: main });
    const did = String(made['did']);
    const password = String(app['password']);
    const session = this.ok('server.createSession', { body: { identifier: did, password } });
    return {
      did,
      main,
      password,
      bearer: `Bearer ${String(session['accessJwt'])}`,
      refresh: `Bearer ${String(session['refreshJwt'])}`,
    };
  }
}

const errorOf = ({ status, body }: SandboxAnswer): string => {
  const { error, message } = JSON.parse(body) as { error: string; message: string };
  return `${String(status)} ${error}: ${message}`;
};

const record = (text: string, more: object = {}): Json => ({
  $type: posts,
  text,
  createdAt: '2026-11-21T09:00:00.000Z',
  ...more,
});

const rkey = '3m63ytojc222a';

describe('records in the sandbox', () => {
  it('without a key are made twice, and with one that exists fail without a word, as at @atproto/pds', () => {
    const bench = new Bench();
    const { did: repo, bearer } = bench.person();
    const create = (more: object) =>
      bench.send('repo.createRecord', {
        body: { repo, collection: posts, record: record('rain'), ...more },
        bearer,
      });
    assert.equal(create({}).status, 200);
    assert.equal(create({}).status, 200);
    assert.equal(create({ rkey }).status, 200);
    assert.equal(errorOf(create({ rkey })), '500 InternalServerError: Internal Server Error');
    assert.equal(bench.sandbox.world.posts.length, 3);
  });

  it('put again are no other post, and other bytes are refused', () => {
    const bench = new Bench();
    const { did: repo, bearer } = bench.person();
    const put = (value: Json, more: object = { swapRecord: null }) =>
      bench.send('repo.putRecord', {
        body: { repo, collection: posts, rkey, record: value, ...more },
        bearer,
      });
    const first = JSON.parse(put(record('rain')).body) as Json;
    assert.ok(first['commit']);
    const { createdAt, ...others } = record('rain');
    const second = JSON.parse(put({ createdAt, ...others }).body) as Json;
    assert.deepEqual([second['cid'], second['commit']], [first['cid'], undefined]);
    assert.match(errorOf(put(record('snow'))), /^400 InvalidSwap: Record was at bafyrei/);
    assert.equal(put(record('snow'), { swapRecord: first['cid'] }).status, 200);
    assert.equal(put(record('hail'), {}).status, 200);
    const live = bench.sandbox.world.posts.filter(({ deleted }) => !deleted);
    assert.deepEqual(
      live.map(({ text }) => text),
      ['hail'],
    );
  });

  const wrong: [name: string, key: string, value: Json, message: RegExp][] = [
    ['a key that is no TID', 'line-7', record('rain'), /Invalid record key/],
    ['301 graphemes', rkey, record('a'.repeat(301)), /grapheme too big \(maximum 300, got 301\)/],
    ['3,001 bytes', rkey, record('👩‍👩‍👧'.repeat(167)), /string too big/],
    ['another type', rkey, record('rain', { $type: 'x' }), /Invalid app\.bsky\.feed\.post record/],
    ['four languages', rkey, record('rain', { langs: ['a', 'b', 'c', 'd'] }), /langs/],
    ['no time', rkey, { $type: posts, text: 'rain' }, /createdAt/],
    ['a negative offset', rkey, record('rain', { facets: [{ index: { byteStart: -1, byteEnd: 2 }, features: [] }] }), /facets/],
  ]; // prettier-ignore
  for (const [name, key, value, message] of wrong) {
    it(`are refused with ${name}`, () => {
      const bench = new Bench();
      const { did: repo, bearer } = bench.person();
      const answer = bench.send('repo.putRecord', {
        body: { repo, collection: posts, rkey: key, record: value },
        bearer,
      });
      assert.match(errorOf(answer), /^400 InvalidRequest/);
      assert.match(errorOf(answer), message);
    });
  }

  it('take facets beyond the text without a word', () => {
    const bench = new Bench();
    const { did: repo, bearer } = bench.person();
    const facets = [{ index: { byteStart: 500, byteEnd: 900 }, features: [] }];
    bench.ok('repo.putRecord', {
      body: { repo, collection: posts, rkey, record: record('rain', { facets }) },
      bearer,
    });
  });

  it('are listed in the order of their keys, a page at a time', () => {
    const bench = new Bench();
    const { did: repo, bearer } = bench.person();
    const keys = ['3m63ytojc222a', '3m63ytojc222c', '3m63ytojc222b'];
    for (const key of keys)
      bench.ok('repo.putRecord', {
        body: { repo, collection: posts, rkey: key, record: record(key) },
        bearer,
      });
    const list = (query: Record<string, string>) => {
      const page = bench.ok('repo.listRecords', { query: { repo, collection: posts, ...query } });
      const records = page['records'] as { value: { text: string } }[];
      return [...records.map(({ value }) => value.text.at(-1)), page['cursor']];
    };
    assert.deepEqual(list({ limit: '2' }), ['c', 'b', '3m63ytojc222b']);
    assert.deepEqual(list({ cursor: '3m63ytojc222b' }), ['a', '3m63ytojc222a']);
    assert.deepEqual(list({ cursor: '3m63ytojc222a' }), [undefined]);
    assert.deepEqual(list({ reverse: 'true', limit: '1' }), ['a', '3m63ytojc222a']);
    for (const limit of ['0', '101', 'x'])
      assert.match(
        errorOf(bench.send('repo.listRecords', { query: { repo, collection: posts, limit } })),
        /^400/,
      );
    bench.ok('repo.deleteRecord', { body: { repo, collection: posts, rkey: '3m63ytojc222c' }, bearer });
    assert.deepEqual(list({ limit: '1' }), ['b', '3m63ytojc222b']);
  });
});

describe('accounts in the sandbox', () => {
  it('are apart from those of X, cost nothing, and outlive a restart with their passwords', () => {
    const bench = new Bench();
    const { did: repo, bearer, password } = bench.person('long-breath');
    const x = bench.sandbox.grant('app', 'long_breath');
    bench.ok('repo.putRecord', {
      body: { repo, collection: posts, rkey, record: record('https://example.com') },
      bearer,
    });
    const { world } = bench.sandbox;
    assert.equal(world.postsOf(x.userId).length, 0);
    assert.deepEqual(world.usage, { posts: 0, linkPosts: 0, postReads: 0, accountReads: 0 });
    const state = stateSchema.parse(JSON.parse(JSON.stringify(world.snapshot())));
    const again = new Bench({}, state);
    again.ok('server.createSession', { body: { identifier: 'long-breath.test', password } });
    const found = again.ok('repo.getRecord', { query: { repo, collection: posts, rkey } });
    assert.deepEqual(found['value'], record('https://example.com'));
  });

  it('have tokens that say what they may, and end', async () => {
    const bench = new Bench();
    const { bearer, main, refresh } = bench.person();
    const session = (authorization: string) => bench.send('server.getSession', { bearer: authorization });
    assert.equal(session(bearer).status, 200);
    assert.match(errorOf(session(refresh)), /^400 InvalidToken: Bad token scope/);
    assert.match(errorOf(session(`${bearer}x`)), /^400 InvalidToken/);
    assert.match(errorOf(session('Bearer x')), /^400 InvalidToken/);
    assert.match(errorOf(bench.send('server.getSession', {})), /^401 AuthMissing/);
    const newPassword = (authorization: string) =>
      bench.send('server.createAppPassword', { body: { name: 'other' }, bearer: authorization });
    assert.match(errorOf(newPassword(bearer)), /^400 InvalidToken: Bad token scope/);
    assert.equal(newPassword(main).status, 200);
    await bench.clock.runUntil(bench.clock.now() + 120 * minute);
    assert.match(errorOf(session(bearer)), /^400 ExpiredToken/);
    const refreshed = () => bench.send('server.refreshSession', { body: {}, bearer: refresh });
    assert.equal(refreshed().status, 200);
    await bench.clock.runUntil(bench.clock.now() + 119 * minute);
    assert.equal(refreshed().status, 200);
    await bench.clock.runUntil(bench.clock.now() + 2 * minute);
    assert.match(errorOf(refreshed()), /^400 ExpiredToken: Token has been revoked/);
  });

  it('whose app password is revoked write until the access token ends', () => {
    const bench = new Bench();
    const { did: repo, bearer, refresh, main, password } = bench.person();
    bench.ok('server.revokeAppPassword', { body: { name: 'flock' }, bearer: main });
    bench.ok('repo.putRecord', { body: { repo, collection: posts, rkey, record: record('rain') }, bearer });
    assert.match(errorOf(bench.send('server.refreshSession', { body: {}, bearer: refresh })), /ExpiredToken/);
    const body = { identifier: repo, password };
    assert.match(errorOf(bench.send('server.createSession', { body })), /^401 AuthenticationRequired/);
  });

  it('are taken down by the admin alone', () => {
    const bench = new Bench();
    const { did, main } = bench.person();
    const body = { subject: { did }, takedown: { applied: true } };
    const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;
    for (const bearer of [main, basic('wrong')])
      assert.match(errorOf(bench.send('admin.updateSubjectStatus', { body, bearer })), /^401/);
    bench.ok('admin.updateSubjectStatus', { body, bearer: basic('admin') });
    assert.deepEqual(bench.ok('sync.getRepoStatus', { query: { did } }), {
      did,
      active: false,
      status: 'takendown',
    });
  });

  it('cannot write in the name of another, nor have a handle that is taken', () => {
    const bench = new Bench();
    const { bearer } = bench.person('howl');
    const { did: repo } = bench.person('growl');
    const body = { repo, collection: posts, rkey, record: record('rain') };
    assert.match(errorOf(bench.send('repo.putRecord', { body, bearer })), /^401 AuthenticationRequired/);
    const taken = { handle: 'howl.test', password: 'x' };
    assert.match(errorOf(bench.send('server.createAccount', { body: taken })), /HandleNotAvailable/);
    assert.match(
      errorOf(bench.send('identity.updateHandle', { body: { handle: 'growl.test' }, bearer })),
      /HandleNotAvailable/,
    );
  });

  it('can have faults of their own', () => {
    const bench = new Bench();
    const howl = bench.person('howl');
    const growl = bench.person('growl');
    bench.sandbox.faults.add({ match: { account: 'howl@bsky' }, fault: { kind: 'status', status: 503 } });
    const login = ({ did, password }: typeof howl) =>
      bench.send('server.createSession', { body: { identifier: did, password } }).status;
    assert.deepEqual([login(howl), login(growl)], [503, 200]);
    const session = ({ bearer }: typeof howl) => bench.send('server.getSession', { bearer }).status;
    assert.deepEqual([session(howl), session(growl)], [503, 200]);
  });

  it('show on the page of posts', () => {
    const bench = new Bench();
    const { did: repo, bearer } = bench.person();
    bench.ok('repo.putRecord', {
      body: { repo, collection: posts, rkey, record: record('rain on tin') },
      bearer,
    });
    const page = bench.sandbox.handle({
      method: 'GET',
      url: '/?account=howl@bsky',
      host: '127.0.0.1:4010',
      headers: {},
      body: '',
    });
    assert.match(page.body, /rain on tin/);
  });
});

describe('limits of the sandbox', () => {
  const login = (bench: Bench, identifier: string) =>
    bench.send('server.createSession', { body: { identifier, password: 'wrong' } });

  it('are of each account, or of all, with headers and an end', async () => {
    for (const loginsOf of ['account', 'address'] as const) {
      const bench = new Bench({ loginsOf, limits: { logins: 2 } });
      const answers = ['a.test', 'a.test', 'a.test', 'b.test'].map((handle) => login(bench, handle));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [401, 401, 429, loginsOf === 'account' ? 401 : 429],
      );
      const { headers } = answers[2] ?? assert.fail();
      assert.deepEqual(
        [
          headers['ratelimit-limit'],
          headers['ratelimit-remaining'],
          headers['ratelimit-policy'],
          headers['retry-after'],
        ],
        ['2', '0', '2;w=300', '300'],
      );
      assert.equal(Number(headers['ratelimit-reset']) * 1000, bench.clock.now() + 5 * minute);
      await bench.clock.runUntil(bench.clock.now() + 5 * minute);
      assert.equal(login(bench, 'a.test').status, 401);
    }
  });

  it('are of all requests of an address', () => {
    const bench = new Bench({ limits: { requests: 3 } });
    const statuses = Array.from(
      { length: 4 },
      () => bench.send('identity.resolveHandle', { query: { handle: 'a.test' } }).status,
    );
    assert.deepEqual(statuses, [400, 400, 400, 429]);
  });

  it('can be removed', () => {
    const bench = new Bench({ limits: { logins: null, loginsPerDay: null, requests: null } });
    const last = Array.from({ length: 400 }, () => login(bench, 'a.test')).at(-1);
    assert.deepEqual([last?.status, last?.headers['ratelimit-limit']], [401, undefined]);
  });
});
