import type { Account, Outcome, TimelineStart } from '../../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { HeldClock } from '../../../src/clock.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send } from '../../../src/http/exchange.ts';
import { fingerprint } from '../../../src/ledger/state.ts';
import { openX, timeOfX } from '../../../src/networks/x/client.ts';
import { TokenPair } from '../../../src/oauth/signature.ts';
import { PostIds } from '../../../src/sandbox/world.ts';

const base = 'http://127.0.0.1:4010/x';
const bundle = {
  appKeys: new TokenPair('app-token', 'app-hidden'),
  accessToken: new TokenPair('77-access-token', 'access-hidden'),
  userId: '77',
  screenName: 'rain',
  poemFile: undefined,
};

interface Desk {
  x: Account;
  asked: HttpRequest[];
}

/** A client of an X that gives these answers, one after the other. */
function desk(...answers: (Partial<HttpAnswer> | Error)[]): Desk {
  const asked: HttpRequest[] = [];
  const send: Send = (request) => {
    asked.push(request);
    const answer = answers[asked.length - 1] ?? new Error('asked once too often');
    return answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve({ status: 200, headers: {}, body: '', ...answer });
  };
  return { x: openX(base, send, new HeldClock('2026-05-01T09:00:00Z'))(bundle), asked };
}

const json = (value: unknown): string => JSON.stringify(value);
const kindOf = (outcome: Outcome<unknown>): string => ('ok' in outcome ? 'ok' : outcome.failure.kind);
const page = (posts: object[], meta: object = {}): Partial<HttpAnswer> => {
  return { body: json({ data: posts, meta: { result_count: posts.length, ...meta } }) };
};

describe('posting', () => {
  it('is one signed POST of the text as JSON', async () => {
    const { x, asked } = desk({ status: 201, body: json({ data: { id: '1846', text: 'rain & "tin"' } }) });
    assert.deepEqual(await x.post('rain & "tin" \u96e8'), { ok: '1846' });
    const [request] = asked;
    assert.equal(asked.length, 1);
    assert.deepEqual([request?.method, request?.url], ['POST', `${base}/2/tweets`]);
    assert.deepEqual(JSON.parse(request?.body ?? ''), { text: 'rain & "tin" \u96e8' });
    assert.equal(request?.headers['content-type'], 'application/json');
    const authorization = request.headers['authorization'] ?? '';
    assert.match(authorization, /^OAuth .*oauth_consumer_key="app-token".*oauth_token="77-access-token"/);
    assert.match(authorization, /oauth_timestamp="1777626000"/);
    assert.match(authorization, /oauth_signature="[^"]{20,}"/);
    assert.doesNotMatch(json(asked), /hidden/);
  });

  it('never signs twice with one nonce', async () => {
    const created = { status: 201, body: json({ data: { id: '1' } }) };
    const { x, asked } = desk(created, created);
    await x.post('rain');
    await x.post('rain');
    const nonces = asked.map(
      ({ headers }) => /oauth_nonce="([^"]+)"/.exec(headers['authorization'] ?? '')?.[1],
    );
    assert.ok(nonces[0]);
    assert.notEqual(nonces[0], nonces[1]);
  });

  const rows: [name: string, answer: Partial<HttpAnswer> | Error, kind: string][] = [
    ['201 without an id', { status: 201, body: '{"data":{}}' }, 'in-doubt'],
    ['201 with an id that is a number', { status: 201, body: '{"data":{"id":1846}}' }, 'in-doubt'],
    ['201 with an empty id', { status: 201, body: '{"data":{"id":""}}' }, 'in-doubt'],
    ['201 without a body', { status: 201, body: '' }, 'in-doubt'],
    ['201 with half a body', { status: 201, body: '{"data":{"id":"18' }, 'in-doubt'],
    ['201 with null', { status: 201, body: 'null' }, 'in-doubt'],
    ['200 with a login page', { status: 200, body: '<html>sign in</html>' }, 'in-doubt'],
    ['200 with errors instead of data', { status: 200, body: '{"errors":[{"title":"x"}]}' }, 'in-doubt'],
    ['204', { status: 204 }, 'in-doubt'],
    ['302', { status: 302, headers: { location: 'http://127.0.0.1/' } }, 'in-doubt'],
    ['503', { status: 503 }, 'in-doubt'],
    ['403 duplicate', { status: 403, body: '{"detail":"duplicate content"}' }, 'duplicate'],
    ['401 dead token', { status: 401, body: '{"errors":[{"code":89,"message":"Expired"}]}' }, 'reauth'],
    ['401 that names nothing', { status: 401, body: '{"title":"Unauthorized"}' }, 'unauthorized'],
    ['401 without a body', { status: 401 }, 'in-doubt'],
    ['403 with a web page', { status: 403, body: '<html>denied</html>' }, 'in-doubt'],
    ['a cut connection', new NoAnswer('cut', { sent: true }), 'in-doubt'],
    ['a refused connection', new NoAnswer('refused', { sent: false }), 'never-sent'],
    ['a bug below', new TypeError('x is not a function'), 'in-doubt'],
  ];
  for (const [name, answer, kind] of rows) {
    it(`takes ${name} for ${kind}, and asks once`, async () => {
      const { x, asked } = desk(answer);
      assert.equal(kindOf(await x.post('rain')), kind);
      assert.equal(asked.length, 1);
    });
  }
});

describe('the account', () => {
  it('is read', async () => {
    const { x, asked } = desk({ body: json({ data: { id: '77', name: 'Rain', username: 'rain' } }) });
    assert.deepEqual(await x.me(), { ok: { userId: '77', screenName: 'rain' } });
    assert.deepEqual(
      [asked[0]?.method, asked[0]?.url, asked[0]?.body],
      ['GET', `${base}/2/users/me`, undefined],
    );
  });

  it('is not believed without an id', async () => {
    assert.equal(kindOf(await desk({ body: '{"data":{"username":"rain"}}' }).x.me()), 'in-doubt');
  });
});

describe('the id of a post', () => {
  const now = Date.parse('2026-05-01T09:00:00Z');
  const id = (instant: number): string => new PostIds().next(instant);
  const rows: [name: string, id: string, since: string | undefined, kind: string][] = [
    ['that is the first', '7', undefined, 'ok'],
    ['that is newer', '10', '9', 'ok'],
    ['that is the last one', '7', '7', 'in-doubt'],
    ['that is older', '9', '10', 'in-doubt'],
    ['from an hour ahead, since clocks differ', id(now + 3_600_000), undefined, 'ok'],
    ['from days ahead', id(now + 2 * 86_400_000), undefined, 'in-doubt'],
  ];
  for (const [name, posted, since, kind] of rows)
    it(`${name} is ${kind}`, async () => {
      const { x } = desk({ status: 201, body: json({ data: { id: posted } }) });
      assert.equal(kindOf(await x.post('rain', { since })), kind);
    });
});

describe('the timeline', () => {
  const textOf = async (post: object): Promise<string | undefined> => {
    const outcome = await desk(page([post])).x.timeline('77', { sinceId: '0' }, { maxPosts: 5 });
    assert.ok('ok' in outcome);
    return outcome.ok.posts[0]?.text;
  };

  it('is read a page at a time, newest first, with the token of the next one', async () => {
    const posts = [3, 2, 1].map((n) => ({ id: String(n), text: `line ${n}` }));
    const { x, asked } = desk(page(posts, { next_token: 'more' }), page([]));
    assert.deepEqual(await x.timeline('77', { sinceId: '0' }, { maxPosts: 10 }), {
      ok: { posts, next: 'more' },
    });
    const last = await x.timeline('77', { sinceId: '42' }, { maxPosts: 100, token: 'more' });
    assert.deepEqual(last, { ok: { posts: [], next: undefined } });
    const urls = asked.map(({ url }) => new URL(url));
    const names = ['since_id', 'start_time', 'max_results', 'pagination_token', 'tweet.fields'];
    assert.deepEqual(
      urls.map(({ pathname, searchParams }) => [pathname, ...names.map((name) => searchParams.get(name))]),
      [
        ['/x/2/users/77/tweets', '0', null, '10', null, 'entities'],
        ['/x/2/users/77/tweets', '42', null, '100', 'more', 'entities'],
      ],
    );
  });

  const starts: [name: string, from: TimelineStart, since: string | null, start: RegExp | null][] = [
    ['a post', { sinceId: '42' }, '42', null],
    ['an instant', { start: Date.parse('2026-04-30T08:00:00Z') }, null, /^2026-04-30T08:00:00(\.000)?Z$/],
    ['the first instant that X accepts', { start: 0 }, null, /^2010-11-06T00:00:01(\.000)?Z$/],
    ['the newest back', 'newest', null, null],
  ];
  for (const [name, from, since, start] of starts) {
    it(`is read from ${name} on`, async () => {
      const { x, asked } = desk(page([]));
      await x.timeline('77', from, { maxPosts: 5 });
      const query = new URL(asked[0]?.url ?? '').searchParams;
      assert.equal(query.get('since_id'), since);
      if (start) assert.match(query.get('start_time') ?? '', start);
      else assert.equal(query.get('start_time'), null);
    });
  }

  it('has newer posts than the start alone, newest first, by the value of their ids', async () => {
    const ids = ['9', '41', '100', '42', '1050118621198921728', '43'];
    const { x } = desk(page(ids.map((id) => ({ id, text: 'rain' }))));
    const read = await x.timeline('77', { sinceId: '42' }, { maxPosts: 10 });
    assert.ok('ok' in read);
    assert.deepEqual(
      read.ok.posts.map(({ id }) => id),
      ['1050118621198921728', '100', '43'],
    );
  });

  it('is empty where X counts no posts, with or without data', async () => {
    const empty = desk({ body: '{"meta":{"result_count":0}}' });
    assert.deepEqual(await empty.x.timeline('77', { sinceId: '0' }, { maxPosts: 5 }), {
      ok: { posts: [], next: undefined },
    });
  });

  for (const [name, post, text] of [
    [
      'signs that HTML needs',
      { id: '1', text: '&lt;rain&gt; &amp; &quot;tin&quot; &#39;' },
      `<rain> & "tin" '`,
    ],
    ['only once', { id: '1', text: '&amp;lt;' }, '&lt;'],
    [
      'links',
      {
        id: '1',
        text: 'see https://t.co/a and https://t.co/b',
        entities: {
          urls: [
            { url: 'https://t.co/a', expanded_url: 'https://example.com/?q=1&r=2' },
            { url: 'https://t.co/b', expanded_url: 'https://example.org/' },
          ],
        },
      },
      'see https://example.com/?q=1&r=2 and https://example.org/',
    ],
    [
      'a link without a scheme, which X gives one',
      {
        id: '1',
        text: 'the https://t.co/a today',
        entities: { urls: [{ url: 'https://t.co/a', expanded_url: 'http://sky.is', display_url: 'sky.is' }] },
      },
      'the sky.is today',
    ],
    [
      'a short link that another begins with',
      {
        id: '1',
        text: 'https://t.co/a https://t.co/ab',
        entities: {
          urls: [
            { url: 'https://t.co/a', expanded_url: 'https://example.com/1' },
            { url: 'https://t.co/ab', expanded_url: 'https://example.com/2' },
          ],
        },
      },
      'https://example.com/1 https://example.com/2',
    ],
    [
      'an address that looks like HTML',
      {
        id: '1',
        text: 'https://t.co/a',
        entities: { urls: [{ url: 'https://t.co/a', expanded_url: 'https://example.com/?a=1&lt;=2' }] },
      },
      'https://example.com/?a=1&lt;=2',
    ],
    [
      'an address with a dollar sign',
      {
        id: '1',
        text: 'https://t.co/a',
        entities: { urls: [{ url: 'https://t.co/a', expanded_url: 'https://example.com/$&$1' }] },
      },
      'https://example.com/$&$1',
    ],
  ] as [string, object, string][]) {
    // prettier-ignore
    it(`shows texts as they were written: ${name}`, async () => {
      // X adds a scheme to a link that has none, so it is the fingerprint that has to be the same.
      assert.equal(fingerprint((await textOf(post)) ?? ''), fingerprint(text));
      if (!name.includes('scheme')) assert.equal(await textOf(post), text);
    });
  }

  const rows: [name: string, answers: (Partial<HttpAnswer> | Error)[]][] = [
    ['a page with fewer posts than it counts', [page([{ id: '1', text: 'a' }], { result_count: 2 })]],
    ['a page that counts posts and has none', [{ body: '{"meta":{"result_count":3}}' }]],
    ['a page without a count', [{ body: '{"data":[]}' }]],
    ['an empty body', [{ body: '' }]],
    ['a login page', [{ body: '<html>' }]],
    ['errors', [{ body: '{"errors":[]}' }]],
    ['its own trouble', [{ status: 503 }]],
    ['a cut connection', [new NoAnswer('cut', { sent: true })]],
    ['a limit', [{ status: 429 }]],
  ];
  for (const [name, answers] of rows) {
    it(`proves nothing with ${name}`, async () => {
      assert.ok('failure' in (await desk(...answers).x.timeline('77', { sinceId: '0' }, { maxPosts: 5 })));
    });
  }
});

describe('what an answer tells besides', () => {
  const date = 'Fri, 01 May 2026 09:00:07 GMT';
  const time = Date.parse(date);

  it('is when X made it, whatever it says', async () => {
    const created = { status: 201, headers: { date }, body: json({ data: { id: '1' } }) };
    assert.deepEqual(await desk(created).x.post('rain'), { ok: '1', time });
    const refused = { status: 403, headers: { date }, body: json({ title: 'Forbidden' }) };
    assert.equal((await desk(refused).x.post('rain')).time, time);
  });

  it('is nothing where it has no date, and never what an earlier answer told', async () => {
    const { x } = desk(
      { status: 503, headers: { date } },
      { status: 503 },
      new NoAnswer('cut', { sent: true }),
    );
    assert.equal((await x.post('rain')).time, time);
    assert.equal((await x.post('rain')).time, undefined);
    assert.equal((await x.post('rain')).time, undefined);
  });

  it('is whether X charges for it', async () => {
    const isServed = async (answer: Partial<HttpAnswer> | Error): Promise<boolean> => {
      const outcome = await desk(answer).x.timeline('77', { sinceId: '0' }, { maxPosts: 5 });
      return 'failure' in outcome && 'isServed' in outcome.failure;
    };
    assert.equal(await isServed(new NoAnswer('cut', { sent: true })), true);
    assert.equal(await isServed({ body: '{"meta":{"result_count":3}}' }), true);
    assert.equal(await isServed(new NoAnswer('refused', { sent: false })), false);
    assert.equal(await isServed({ status: 403, body: '{"title":"Forbidden"}' }), false);
    assert.equal(await isServed({ status: 200, body: '<html>sign in</html>' }), false);
    assert.equal(await isServed({ status: 404, body: '<html>gone</html>' }), false);
  });
});

describe('the time at X', () => {
  const clock = new HeldClock('2026-05-01T09:00:00Z');
  const ask = (
    answer: Partial<HttpAnswer> | Error,
  ): { asked: HttpRequest[]; told: () => Promise<unknown> } => {
    const asked: HttpRequest[] = [];
    const send: Send = (request) => {
      asked.push(request);
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve({ status: 401, headers: {}, body: '', ...answer });
    };
    return { asked, told: () => timeOfX(base, send, clock) };
  };
  const ofX = json({ title: 'Unauthorized', status: 401, detail: 'Unauthorized' });
  const headers = { date: 'Fri, 01 May 2026 09:20:00 GMT' };

  it('is asked for without a key, which costs nothing', async () => {
    const { asked, told } = ask({ headers, body: ofX });
    assert.deepEqual(await told(), { ahead: 20 * 60_000 + 500, isOwn: true });
    assert.deepEqual([asked[0]?.method, asked[0]?.url], ['GET', `${base}/2/users/me`]);
    assert.equal(asked[0]?.headers['authorization'], undefined);
    assert.equal(asked[0]?.body, undefined);
  });

  it('is not told by an answer without a date', async () => {
    assert.deepEqual(await ask({ body: ofX }).told(), { ahead: undefined, isOwn: true });
  });

  it('is of somebody else where the answer is not of X', async () => {
    assert.deepEqual(await ask({ status: 200, headers, body: '<html>' }).told(), {
      ahead: 20 * 60_000 + 500,
      isOwn: false,
    });
  });

  it('is unknown where X cannot be reached', async () => {
    assert.deepEqual(await ask(new NoAnswer('no route to host', { sent: false })).told(), {
      unreachable: 'no route to host',
    });
    await assert.rejects(ask(new TypeError('a bug')).told(), TypeError);
  });
});

describe('the secrets', () => {
  it('are in no object a log could print', async () => {
    const { x } = desk({ status: 401 }, new TypeError('x'));
    const outcomes = [await x.post('rain'), await x.post('rain')];
    assert.doesNotMatch(
      inspect([x, outcomes, bundle], { depth: 20, showHidden: true }),
      /hidden"|-hidden|access-token/,
    );
  });
});
