import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { HeldClock } from '../../../src/clock.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send } from '../../../src/http/exchange.ts';
import { askInstance, mastodon, openMastodon } from '../../../src/networks/mastodon/client.ts';
import type { Outcome, TimelineStart } from '../../../src/networks/network.ts';
import { Secret } from '../../../src/text.ts';

const server = 'https://social.example';
const clock = new HeldClock('2026-11-21T09:00:00Z');

/** A client of a server that gives these answers, one after the other. */
function desk(...answers: (Partial<HttpAnswer> | Error)[]) {
  const asked: HttpRequest[] = [];
  const send: Send = (request) => {
    asked.push(request);
    const answer = answers[asked.length - 1] ?? new Error('asked once too often');
    return answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve({ status: 200, headers: {}, body: '', ...answer });
  };
  return { account: openMastodon(server, send, clock)(new Secret('hidden-token')), send, asked };
}

const json = (value: unknown): string => JSON.stringify(value);
const kindOf = (outcome: Outcome<unknown>): string => ('ok' in outcome ? 'ok' : outcome.failure.kind);
const date = { date: 'Sat, 21 Nov 2026 09:00:07 GMT' };

describe('a timeline on which the account has shared what others wrote', () => {
  const shared = (from: number): Partial<HttpAnswer> => ({
    body: json(
      Array.from({ length: 40 }, (_, n) => ({
        id: `s${from + n}`,
        content: '',
        created_at: '2026-11-21T08:00:00Z',
        reblog: {},
      })),
    ),
  });
  const own = { id: 'own', content: '<p>rain</p>', created_at: '2026-11-21T07:00:00Z', reblog: null };

  it('is read on until there is a post of its own', async () => {
    const { account, asked } = desk(shared(0), shared(40), { body: json([own]) });
    const read = await account.timeline('7', 'newest', { maxPosts: 5 });
    assert.ok('ok' in read);
    assert.deepEqual(
      read.ok.posts.map(({ id }) => id),
      ['own'],
    );
    assert.deepEqual(
      asked.map(({ url }) => new URL(url).searchParams.get('max_id')),
      [null, 's39', 's79'],
    );
  });

  it('is read on by the Link header of an empty page', async () => {
    const link = `<${server}/api?max_id=linked>; rel="next"`;
    const { account, asked } = desk({ body: '[]', headers: { link } }, { body: json([own]) });
    const read = await account.timeline('7', 'newest', { maxPosts: 5 });
    assert.ok('ok' in read);
    assert.equal(read.ok.posts.length, 1);
    assert.equal(new URL(asked[1]?.url ?? '').searchParams.get('max_id'), 'linked');
  });

  it('is not read on for ever', async () => {
    const { account, asked } = desk(...Array.from({ length: 30 }, (_, page) => shared(40 * page)));
    const read = await account.timeline('7', 'newest', { maxPosts: 5 });
    assert.ok('ok' in read && read.ok.next !== undefined);
    assert.equal(asked.length, 26);
  });
});

describe('posting', () => {
  it('is one POST with the mark as its Idempotency-Key', async () => {
    const { account, asked } = desk({ body: json({ id: '01HXY' }), headers: date });
    const outcome = await account.post('rain & tin', { mark: 'a-mark', language: 'en' });
    assert.deepEqual(outcome, { ok: '01HXY', time: Date.parse('2026-11-21T09:00:07Z') });
    const [request, ...others] = asked;
    assert.deepEqual(others, []);
    assert.deepEqual([request?.method, request?.url], ['POST', `${server}/api/v1/statuses`]);
    assert.deepEqual(JSON.parse(request?.body ?? ''), {
      status: 'rain & tin',
      visibility: 'unlisted',
      language: 'en',
    });
    assert.deepEqual(request?.headers, {
      accept: 'application/json',
      'user-agent': 'flockd',
      authorization: 'Bearer hidden-token',
      'content-type': 'application/json',
      'idempotency-key': 'a-mark',
    });
  });

  it('leaves the header out where there is no mark, and shows its token to nobody', async () => {
    const { account, asked } = desk({ body: json({ id: '1' }) });
    await account.post('rain');
    assert.ok(!('idempotency-key' in (asked[0]?.headers ?? {})));
    assert.doesNotMatch(inspect(account, { depth: 9 }), /hidden/);
  });

  const rows: [name: string, answer: Partial<HttpAnswer> | Error, kind: string][] = [
    ['200 without an id', { body: '{}' }, 'in-doubt'],
    ['200 with an id that is a number', { body: '{"id":1}' }, 'in-doubt'],
    ['200 with an empty id', { body: '{"id":""}' }, 'in-doubt'],
    ['200 with an error', { body: '{"error":"no"}' }, 'in-doubt'],
    ['200 with null', { body: 'null' }, 'in-doubt'],
    ['200 with half a body', { body: '{"id":"1' }, 'in-doubt'],
    ['200 without a body', { body: '' }, 'in-doubt'],
    ['200 with a login page', { body: '<html>sign in</html>' }, 'in-doubt'],
    ['204', { status: 204 }, 'in-doubt'],
    ['302', { status: 302, headers: { location: 'https://elsewhere.example/' } }, 'in-doubt'],
    ['503', { status: 503 }, 'in-doubt'],
    ['422', { status: 422, body: '{"error":"Validation failed: no"}' }, 'rejected'],
    ['a cut connection', new NoAnswer('cut', { sent: true }), 'in-doubt'],
    ['a refused connection', new NoAnswer('refused', { sent: false }), 'never-sent'],
    ['a bug below', new TypeError('x is not a function'), 'in-doubt'],
  ];
  for (const [name, answer, kind] of rows) {
    it(`takes ${name} for ${kind}, and asks once`, async () => {
      const { account, asked } = desk(answer);
      assert.equal(kindOf(await account.post('rain')), kind);
      assert.equal(asked.length, 1);
    });
  }

  it('takes a web page with the status of a success for foreign', async () => {
    const outcome = await desk({ body: '<html>' }).account.post('rain');
    assert.ok('failure' in outcome && outcome.failure.kind === 'in-doubt');
    assert.equal(outcome.failure.foreign, true);
  });
});

describe('a mark', () => {
  it('has 128 random bits, in characters of a header', () => {
    const marks = Array.from({ length: 100 }, () => mastodon.newMark?.(0, undefined) ?? '');
    assert.equal(new Set(marks).size, 100);
    for (const mark of marks) assert.match(mark, /^[\w-]{22}$/);
  });
});

describe('a refused key', () => {
  const dead = { status: 401, body: json({ error: 'The access token is invalid' }) };
  const wordless = { status: 401, body: json({ error: 'Unauthorized' }) };
  const page = { status: 502, body: '<html>' };
  const me = { body: json({ id: '7', username: 'rain' }) };
  const rows: [name: string, answers: (Partial<HttpAnswer> | Error)[], kind: string][] = [
    ['is dead where both answers say so', [dead, dead], 'reauth'],
    ['is doubted where the second names no reason', [dead, wordless], 'unauthorized'],
    ['is doubted where the first names no reason', [wordless, dead], 'unauthorized'],
    ['is doubted at the empty answers of snac', [{ status: 401 }, { status: 422 }], 'unauthorized'],
    ['is good where the second answer names its account', [dead, me], 'in-doubt'],
    ['is in doubt where the second is a web page', [dead, page], 'in-doubt'],
    ['is in doubt where there is no second answer', [dead, new NoAnswer('cut', { sent: true })], 'in-doubt'],
  ];
  for (const [name, answers, kind] of rows) {
    it(name, async () => {
      const { account, asked } = desk(...answers);
      assert.equal(kindOf(await account.post('rain')), kind);
      assert.deepEqual(
        asked.map(({ url }) => url.slice(server.length)),
        ['/api/v1/statuses', '/api/v1/accounts/verify_credentials'],
      );
    });
  }

  it('keeps the time of the first answer', async () => {
    const outcome = await desk({ ...dead, headers: date }, dead).account.post('rain');
    assert.equal(outcome.time, Date.parse('2026-11-21T09:00:07Z'));
  });
});

describe('the account', () => {
  it('is read with what a doctor wants to know', async () => {
    const body = json({
      id: '109',
      username: 'rain',
      acct: 'rain',
      bot: true,
      locked: true,
      moved: { url: 'https://new.example/@rain' },
    });
    assert.deepEqual(await desk({ body }).account.me(), {
      ok: {
        userId: '109',
        screenName: 'rain@social.example',
        isBot: true,
        isLocked: true,
        movedTo: 'https://new.example/@rain',
      },
    });
  });

  it('needs an id and a name alone', async () => {
    const outcome = await desk({ body: json({ id: 'abc', username: 'rain', moved: null }) }).account.me();
    assert.ok('ok' in outcome);
    assert.deepEqual([outcome.ok.isBot, outcome.ok.movedTo], [false, undefined]);
    for (const body of ['{"id":"1"}', '{"username":"rain"}', '{"id":"1","username":"a b"}', '[]'])
      assert.equal(kindOf(await desk({ body }).account.me()), 'in-doubt', body);
  });
});

/** A server, and a look at its timeline. */
interface Behaviour {
  /** The most posts on its pages. */
  size: number;
  ignoresPaging: boolean;
  links: boolean;
  count: number;
  /** The post to begin after, and whether it is gone. */
  since: number;
  isGone: boolean;
  maxPosts: number;
}

describe('a page of the timeline', () => {
  const at = (minute: number): string => `2026-11-21T08:${String(minute).padStart(2, '0')}:00.000Z`;
  const post = (id: string, minute: number, more: object = {}) => ({
    id,
    content: `<p>${id}</p>`,
    created_at: at(minute),
    reblog: null,
    ...more,
  });
  const [e, d, c, b, a] = [
    post('e', 50),
    post('d', 40),
    post('c', 30),
    post('b', 20),
    post('a', 10),
  ] as const;

  interface Wanted {
    from: TimelineStart;
    token?: string;
    maxPosts?: number;
  }
  const read = async (posts: unknown, { from, token, maxPosts = 40 }: Wanted, link?: string) => {
    const headers = link === undefined ? {} : { link };
    const { account, asked } = desk({ body: json(posts), headers });
    const outcome = await account.timeline('7', from, { maxPosts, token });
    assert.ok('ok' in outcome, json(outcome));
    return { ids: outcome.ok.posts.map(({ id }) => id), next: outcome.ok.next, url: asked[0]?.url, outcome };
  };

  it('asks with the token, for as many as a server gives, without what others wrote', async () => {
    const { url } = await read([], { from: 'newest', token: 'a/b', maxPosts: 5 });
    assert.equal(url, `${server}/api/v1/accounts/7/statuses?limit=40&exclude_reblogs=true&max_id=a%2Fb`);
  });

  it('has the text and the time of each post', async () => {
    const { outcome } = await read([post('a', 10, { content: '<p>1 &lt; 2<br>tin</p>' })], {
      from: 'newest',
    });
    assert.deepEqual(outcome.ok.posts, [{ id: 'a', text: '1 < 2\ntin', at: Date.parse(at(10)) }]);
  });

  const start = Date.parse(at(25));
  const next = (id: string): string =>
    `<${server}/api?limit=40&max_id=${id}>; rel="next", <${server}/api>; rel="prev"`;
  const rows: [name: string, posts: object[], wanted: Wanted, ids: string[], next: string | undefined, link?: string][] = [
    ['is whole at the post to begin after', [e, d, c, b], { from: { sinceId: 'c' } }, ['e', 'd'], undefined, next('b')],
    ['is whole at the post to begin after, the last of a page', [e, d], { from: { sinceId: 'd' } }, ['e'], undefined],
    ['goes on where that post is not on it', [e, d], { from: { sinceId: 'c' } }, ['e', 'd'], 'd'],
    ['is whole where that post is gone and the last is older than the start', [e, d, c, b], { from: { sinceId: 'x', start } }, ['e', 'd', 'c'], undefined],
    ['goes on where that post is gone and no start is known', [e, a], { from: { sinceId: 'x' } }, ['e', 'a'], 'a'],
    ['is whole where the last post is older than the start', [e, c, b], { from: { start } }, ['e', 'c'], undefined],
    ['goes on where the last post is not', [e, c], { from: { start } }, ['e', 'c'], 'c'],
    ['goes on by the Link header', [e, c], { from: { start } }, ['e', 'c'], 'linked', next('linked')],
    ['ends where an empty page links to itself', [], { from: { start }, token: 'e' }, [], undefined, next('e')],
    ['ends where it is empty', [], { from: { sinceId: 'x', start } }, [], undefined],
    ['ends with nothing new at a server that ignores max_id', [e, d], { from: { start: 0 }, token: 'd' }, [], undefined],
    ['is what follows its token at a server that ignores max_id', [e, d, c, b], { from: { start }, token: 'd' }, ['c'], undefined],
    ['is no longer than wanted, and goes on after its last post', [e, d, c, b], { from: { sinceId: 'b' }, maxPosts: 2 }, ['e', 'd'], 'd'],
    ['goes on to the wanted length of the next', [e, d, c, b], { from: { sinceId: 'b' }, maxPosts: 2, token: 'd' }, ['c'], undefined],
    ['leaves out what others wrote', [post('x', 55, { reblog: e }), e, d], { from: { sinceId: 'd' } }, ['e'], undefined],
    ['has a post of the same second that stands before the start', [post('f', 40), d], { from: { sinceId: 'd' } }, ['f'], undefined],
    ['has a newer post that stands behind the start', [d, e, c], { from: { sinceId: 'd' } }, ['e'], undefined],
  ]; // prettier-ignore
  for (const [name, posts, wanted, ids, token, link] of rows) {
    it(name, async () => {
      const page = await read(posts, wanted, link);
      assert.deepEqual([page.ids, page.next], [ids, token]);
    });
  }

  it('leads to each later post once, whatever a server makes of limit, max_id and Link', async () => {
    const walk = async ({ size, ignoresPaging, links, count, since, isGone, maxPosts }: Behaviour) => {
      const posts = Array.from({ length: count }, (_, n) => post(`p${n}`, n)).reverse();
      const listed = posts.filter((_, n) => !isGone || n !== count - 1 - since);
      const send: Send = ({ url }) => {
        const from = listed.findIndex((one) => one.id === new URL(url).searchParams.get('max_id')) + 1;
        const page = ignoresPaging ? listed : listed.slice(from, from + size);
        const link = `<${server}/?max_id=${page.at(-1)?.id ?? ''}>; rel="next"`;
        const headers: Record<string, string> = links && page.length === size ? { link } : {};
        return Promise.resolve({ status: 200, headers, body: json(page) });
      };
      const account = openMastodon(server, send, clock)(new Secret('hidden-token'));
      const read: string[] = [];
      let token: string | undefined;
      do {
        const sinceAt = Date.parse(at(since));
        const wanted = { maxPosts, token };
        const outcome = await account.timeline('7', { sinceId: `p${since}`, start: sinceAt }, wanted);
        assert.ok('ok' in outcome);
        read.push(...outcome.ok.posts.map(({ id }) => id));
        token = outcome.ok.next;
      } while (token !== undefined);
      const later = listed.filter(({ created_at }) => created_at > at(since)).map(({ id }) => id);
      assert.deepEqual(read, later);
    };
    const behaviour = fc.record<Behaviour>({
      size: fc.integer({ min: 1, max: 12 }),
      ignoresPaging: fc.boolean(),
      links: fc.boolean(),
      count: fc.integer({ min: 0, max: 30 }),
      since: fc.integer({ min: 0, max: 29 }),
      isGone: fc.boolean(),
      maxPosts: fc.integer({ min: 1, max: 40 }),
    });
    await fc.assert(fc.asyncProperty(behaviour, walk), { numRuns: 300 });
  });

  it('is no page where a post is not as documented', async () => {
    for (const bad of [
      {},
      [{}],
      [post('', 1)],
      [post('a', 1, { content: 7 })],
      [post('a', 1, { created_at: 'soon' })],
    ]) {
      const { account } = desk({ body: json(bad) });
      assert.equal(kindOf(await account.timeline('7', 'newest', { maxPosts: 5 })), 'in-doubt', json(bad));
    }
  });

  it('fails with the failure of an original that cannot be read', async () => {
    const sources: [Partial<HttpAnswer> | Error, string][] = [
      [{ status: 404, body: '{"error":"Record not found"}' }, 'in-doubt'],
      [{ body: '{"id":"a"}' }, 'in-doubt'],
      [{ body: '<html>' }, 'in-doubt'],
      [{ status: 429, body: '{"error":"Too many requests"}' }, 'wait'],
      [new NoAnswer('refused', { sent: false }), 'never-sent'],
    ];
    for (const [source, kind] of sources) {
      const { account } = desk({ body: json([a]) }, source);
      const outcome = await account.timeline('7', 'newest', { maxPosts: 5, isKnown: () => false });
      assert.equal(kindOf(outcome), kind);
    }
  });
});

describe('the instance', () => {
  const statuses = { max_characters: 5000, characters_reserved_per_url: 25 };
  const body = (configuration: object): string => json({ title: 'Social', version: '4.5.0', configuration });
  const missing = { status: 404, body: '<h1>404</h1>' };

  it('is asked for its limits, at the older address where there is no newer one', async () => {
    const limits = { maxCharacters: 5000, charactersPerLink: 25 };
    const newer = desk({ body: body({ statuses }) });
    const older = desk(missing, { body: body({ statuses }) });
    for (const { send } of [newer, older])
      assert.deepEqual(await askInstance(server, send, clock), {
        ok: { title: 'Social', version: '4.5.0', limits },
      });
    assert.deepEqual(
      older.asked.map(({ url }) => url),
      [`${server}/api/v2/instance`, `${server}/api/v1/instance`],
    );
  });

  it('has the usual limits where it names none', async () => {
    for (const configuration of [{}, { statuses: {} }, { statuses: { max_characters: -1 } }]) {
      const outcome = await askInstance(server, desk({ body: body(configuration) }).send, clock);
      assert.ok('ok' in outcome);
      assert.deepEqual(outcome.ok.limits, { maxCharacters: 500, charactersPerLink: 23 });
    }
  });

  it('is none where web pages answer, or nothing', async () => {
    const outcome = await askInstance(server, desk(missing, missing).send, clock);
    assert.ok('failure' in outcome && outcome.failure.kind === 'in-doubt');
    assert.equal(outcome.failure.foreign, true);
    const gone = new NoAnswer('cannot reach social.example (ENOTFOUND)', { sent: false });
    assert.equal(kindOf(await askInstance(server, desk(gone).send, clock)), 'never-sent');
  });
});
