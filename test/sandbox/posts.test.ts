import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench, codeOf, dataOf, read, timeline } from './client.ts';

const hour = 60 * 60_000;

describe('a post', () => {
  it('is answered with its id and stands on the timeline', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const answer = bench.post(key, 'I saw the best minds');
    assert.equal(answer.status, 201);
    const id = dataOf(answer, 'id');
    assert.deepEqual(read(answer), {
      data: { id, text: 'I saw the best minds', edit_history_tweet_ids: [id] },
    });
    assert.equal(answer.headers['x-rate-limit-limit'], '100');
    assert.equal(answer.headers['date'], 'Sat, 21 Nov 2026 09:00:00 GMT');
    assert.deepEqual(timeline(bench, key, '?tweet.fields=created_at').data, [
      {
        id,
        text: 'I saw the best minds',
        edit_history_tweet_ids: [id],
        created_at: '2026-11-21T09:00:00.000Z',
      },
    ]);
  });

  it('has a higher id than the one before, even when the clock goes back', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const ids = [0, 0, -hour, hour, 5 * hour].map((step, n) => {
      bench.clock.set(bench.clock.now() + step);
      return BigInt(dataOf(bench.post(bench.dance('howl'), `line ${String(n)}`), 'id'));
    });
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    assert.equal(new Set(ids).size, 5);
    assert.equal(timeline(bench, key).meta.result_count, 5);
  });

  it('takes a text and nothing else', () => {
    const bench = new Bench();
    const token = bench.dance('howl');
    for (const json of [{ text: 'a', mood: 'low' }, {}, { text: 7 }, [], null]) {
      const answer = bench.send({ method: 'POST', url: '/2/tweets', token, json });
      assert.equal(answer.status, 400);
      assert.match(String(read(answer)['type']), /invalid-request$/);
    }
    assert.equal(bench.sandbox.world.posts.length, 0);
  });

  it('is stored in NFC, without space around it', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    assert.equal(
      dataOf(bench.post(key, '  cafe\u0301\n\n  two  spaces \n'), 'text'),
      'caf\u00E9\n\n  two  spaces',
    );
  });

  it('may weigh 280 and no more', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const fits = [
      'a'.repeat(280),
      '–“”'.repeat(93),
      '語'.repeat(140),
      `${'é'.repeat(256)} https://example.com/${'x'.repeat(99)}`,
    ];
    for (const text of fits) assert.equal(bench.post(key, text).status, 201, text);
    for (const text of ['a'.repeat(281), '…'.repeat(141), '語'.repeat(141)]) {
      const answer = bench.post(key, text);
      assert.deepEqual([answer.status, read(answer)['type']], [403, 'about:blank'], text);
    }
    assert.equal(bench.post(key, '😶‍🌫️'.repeat(140)).status, 201, 'a young emoji weighs 2 like any other');
  });

  it('must not be empty, nor name two cashtags, nor hold what is no character', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    assert.equal(bench.post(key, ' \n ').status, 400);
    assert.equal(bench.post(key, '$AB and $CD').status, 403);
    for (const text of ['a\uFFFFb', 'a\uD800b']) assert.equal(bench.post(key, text).status, 403);
  });

  it('is refused as a duplicate for 12 hours, by the same account, even once deleted', () => {
    const bench = new Bench();
    const [key, other] = [bench.dance('howl'), bench.dance('odyssey')];
    const first = bench.post(key, 'refrain');
    assert.equal(bench.post(other, 'refrain').status, 201);
    bench.send({ method: 'DELETE', url: `/2/tweets/${dataOf(first, 'id')}`, token: key });
    bench.clock.set(bench.clock.now() + 12 * hour - 1);
    const again = bench.post(key, ' refrain ');
    assert.equal(again.status, 403);
    assert.match(String(read(again)['detail']), /duplicate content/);
    bench.clock.set(bench.clock.now() + 1);
    assert.equal(bench.post(key, 'refrain').status, 201);
  });

  it('may be a duplicate where the sandbox is told so', () => {
    const bench = new Bench({ duplicates: 'accept' });
    const key = bench.dance('howl');
    assert.deepEqual([bench.post(key, 'x').status, bench.post(key, 'x').status], [201, 201]);
  });

  it('is refused to a suspended account and a read-only token', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    bench.control('POST', '/sandbox/accounts/howl/suspend');
    const suspended = bench.post(key, 'x');
    assert.equal(suspended.status, 403);
    assert.match(String(read(suspended)['type']), /user-suspended$/);
    assert.equal(suspended.headers['x-rate-limit-remaining'], '99');
    bench.control('POST', '/sandbox/accounts/howl/unsuspend');
    bench.control('POST', '/sandbox/accounts/howl/read-only');
    assert.match(String(read(bench.post(key, 'x'))['type']), /oauth1-permissions$/);
  });

  it('costs a credit, and 402 without one; what is refused costs nothing', () => {
    const bench = new Bench({ credits: 2 });
    const key = bench.dance('howl');
    assert.deepEqual(
      ['a', 'a', 'see https://example.com', 'c'].map((text) => bench.post(key, text).status),
      [201, 403, 201, 402],
    );
    const broke = read(bench.post(key, 'd'));
    assert.equal(broke['title'], 'CreditsDepleted');
    assert.ok(!('status' in broke));
    bench.control('POST', '/sandbox/credits', { credits: null });
    assert.equal(bench.post(key, 'c').status, 201);
    timeline(bench, key);
    assert.deepEqual(bench.control('GET', '/sandbox/bill'), {
      posts: 3,
      linkPosts: 1,
      postReads: 3,
      accountReads: 0,
      credits: null,
      usd: 0.245,
    });
  });
});

describe('limits', () => {
  it('end in a 429 that says when the window ends', () => {
    const bench = new Bench({ limits: { posts: 2 } });
    const [key, other] = [bench.dance('howl'), bench.dance('odyssey')];
    assert.equal(bench.post(key, 'a').headers['x-rate-limit-remaining'], '1');
    bench.clock.set(bench.clock.now() + 60_000);
    assert.equal(bench.post(key, 'b').headers['x-rate-limit-remaining'], '0');
    const refused = bench.post(key, 'c');
    assert.equal(refused.status, 429);
    assert.deepEqual(read(refused), { title: 'Too Many Requests', detail: 'Too Many Requests', status: 429 });
    const reset = Date.parse('2026-11-21T09:15:00Z');
    assert.equal(refused.headers['x-rate-limit-reset'], String(reset / 1000));
    assert.equal(bench.post(other, 'c').status, 201);
    bench.clock.set(reset);
    assert.equal(bench.post(key, 'c').status, 201);
  });

  it('count the app’s day too, where remaining misleads', () => {
    const bench = new Bench({ limits: { appPostsPerDay: 1, accountPostsPerDay: 50 } });
    const [key, other] = [bench.dance('howl'), bench.dance('odyssey')];
    assert.equal(bench.post(key, 'a').headers['x-user-limit-24hour-remaining'], '49');
    const { status, headers } = bench.post(other, 'b');
    assert.equal(status, 429);
    assert.equal(headers['x-rate-limit-remaining'], '100');
    assert.equal(headers['x-app-limit-24hour-remaining'], '0');
    assert.equal(headers['x-app-limit-24hour-reset'], String(Date.parse('2026-11-22T09:00:00Z') / 1000));
  });

  it('are on every answer, and gone where they are lifted', () => {
    const bench = new Bench({ limits: { me: null } });
    const key = bench.dance('howl');
    assert.equal(bench.send({ url: '/2/users/me', token: key }).headers['x-rate-limit-limit'], undefined);
    const answer = bench.send({ url: `/2/users/${key.userId}/tweets?max_results=1`, token: key });
    assert.deepEqual([answer.status, answer.headers['x-rate-limit-remaining']], [400, '899']);
  });

  it('forget nonces that could not be used again', () => {
    const bench = new Bench({ limits: { me: null } });
    const key = bench.dance('howl');
    for (let n = 0; n < 50; n++) {
      bench.clock.set(bench.clock.now() + 60_000);
      assert.equal(
        bench.send({ url: '/2/users/me', token: key, oauth: { oauth_nonce: 'same' } }).status,
        200,
      );
    }
  });
});

describe('deleting', () => {
  it('takes an own post away, and no other', () => {
    const bench = new Bench();
    const [key, other] = [bench.dance('howl'), bench.dance('odyssey')];
    const url = `/2/tweets/${dataOf(bench.post(key, 'gone'), 'id')}`;
    assert.equal(bench.send({ method: 'DELETE', url, token: other }).status, 403);
    assert.deepEqual(read(bench.send({ method: 'DELETE', url, token: key })), { data: { deleted: true } });
    assert.equal(bench.send({ method: 'DELETE', url, token: key }).status, 404);
    assert.equal(timeline(bench, key).meta.result_count, 0);
    assert.deepEqual(bench.control('GET', '/sandbox/posts?account=howl'), []);
    assert.equal((bench.control('GET', '/sandbox/log') as { deleted: boolean }[])[0]?.deleted, true);
  });
});

describe('the old API', () => {
  it('posts and tells who it is, with ids as numbers too', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const update = (status: string) =>
      bench.send({ method: 'POST', url: '/1.1/statuses/update.json', token: key, form: { status } });
    const answer = update('a <line>');
    assert.equal(read(answer)['text'], 'a &lt;line&gt;');
    assert.match(answer.body, new RegExp(`^{"id":${String(read(answer)['id_str'])},`));
    assert.equal(codeOf(update('a <line>')), 187);
    assert.equal(codeOf(update('')), 170);
    assert.equal(codeOf(update('x'.repeat(281))), 186);
    const me = bench.send({ url: '/1.1/account/verify_credentials.json', token: key });
    assert.equal(read(me)['screen_name'], 'howl');
  });
});

describe('what is not there', () => {
  it('is refused in the words of the API that was asked', () => {
    const bench = new Bench();
    assert.match(String(read(bench.send({ url: '/2/nothing' }))['type']), /resource-not-found$/);
    assert.equal(codeOf(bench.send({ url: '/1.1/nothing.json' })), 34);
    assert.match(bench.send({ url: '/nothing' }).headers['content-type'] ?? '', /html/);
    const wrong = bench.send({ method: 'PUT', url: '/2/tweets' });
    assert.deepEqual([wrong.status, wrong.headers['allow']], [405, 'POST']);
    assert.equal(bench.send({ url: '/', host: 'evil.example:4010' }).status, 421);
  });
});
