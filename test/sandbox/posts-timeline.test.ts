import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench, dataOf, timeline, type Pair, type Timeline } from './client.ts';

const texts = (page: Timeline): string[] => (page.data ?? []).map(({ text }) => text);

describe('a timeline', () => {
  function filled(count: number): { bench: Bench; key: Pair & { userId: string }; ids: string[] } {
    const bench = new Bench();
    const key = bench.dance('howl');
    const ids = Array.from({ length: count }, (_, n) => {
      bench.clock.set(bench.clock.now() + 60_000);
      return dataOf(bench.post(key, `line ${String(n)}`), 'id');
    });
    return { bench, key, ids };
  }

  it('is newest first, in pages', () => {
    const { bench, key, ids } = filled(12);
    const first = timeline(bench, key);
    assert.equal(first.meta.result_count, 10);
    assert.equal(first.meta.newest_id, ids[11]);
    assert.equal(first.meta.oldest_id, ids[2]);
    const second = timeline(bench, key, `?pagination_token=${first.meta.next_token ?? ''}`);
    assert.deepEqual(texts(second), ['line 1', 'line 0']);
    assert.equal(second.meta.next_token, undefined);
    assert.equal(timeline(bench, key, '?max_results=12').meta.next_token, undefined);
  });

  it('can be cut by ids and instants', () => {
    const { bench, key, ids } = filled(8);
    assert.deepEqual(texts(timeline(bench, key, `?since_id=${ids[5] ?? ''}`)), ['line 7', 'line 6']);
    assert.deepEqual(texts(timeline(bench, key, `?until_id=${ids[1] ?? ''}`)), ['line 0']);
    const span = '?start_time=2026-11-21T09:02:00Z&end_time=2026-11-21T09:04:00Z';
    assert.deepEqual(texts(timeline(bench, key, span)), ['line 2', 'line 1']);
    assert.deepEqual(timeline(bench, key, `?since_id=${ids[7] ?? ''}`), { meta: { result_count: 0 } });
  });

  it('refuses parameters it does not know', () => {
    const { bench, key } = filled(1);
    for (const query of [
      'max_results=4',
      'max_results=101',
      'since_id=x',
      'start_time=now',
      'pagination_token=0',
      'a=1',
    ]) {
      const answer = bench.send({ url: `/2/users/${key.userId}/tweets?${query}`, token: key });
      assert.equal(answer.status, 400, query);
      assert.match(answer.body, new RegExp(`"parameters":{"${query.split('=')[0] ?? ''}"`));
    }
    assert.equal(bench.send({ url: '/2/users/1/tweets', token: key }).status, 404);
  });

  it('escapes text and shortens links, and tells where they lead', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const posted = bench.post(key, '🐺 <b> & see https://example.com/a?b=1&c=2 or sky.is');
    assert.match(
      dataOf(posted, 'text'),
      /^🐺 &lt;b&gt; &amp; see https:\/\/t\.co\/\w{10} or https:\/\/t\.co\/\w{10}$/,
    );
    const shown = timeline(bench, key, '?tweet.fields=entities').data?.[0];
    const [first = {}, second = {}] = shown?.entities?.urls ?? [];
    assert.equal(first['expanded_url'], 'https://example.com/a?b=1&c=2');
    assert.equal(second['expanded_url'], 'http://sky.is');
    const points = Array.from(shown?.text ?? '');
    for (const url of [first, second]) {
      assert.equal(points.slice(Number(url['start']), Number(url['end'])).join(''), url['url']);
    }
    assert.equal(timeline(bench, key).data?.[0]?.entities, undefined);
  });

  it('may show a post late', () => {
    const bench = new Bench({ timelineLag: 30_000 });
    const key = bench.dance('howl');
    bench.post(key, 'slow');
    assert.equal(timeline(bench, key).meta.result_count, 0);
    bench.clock.set(bench.clock.now() + 30_000);
    assert.deepEqual(texts(timeline(bench, key)), ['slow']);
  });
});
