import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from '../support/held-flock.ts';

const poem = ['one', 'two', 'three', 'four', 'five', 'six'];
const daily = { schedule: '0 9 * * *', atEnd: 'stop' };

describe('a flock on a held clock, refused and in doubt', () => {
  it('refuses a command that it gets while it ends, so that whoever gave it knows that nothing was done', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-01T10:00:00Z');
    const stopping = flock.stop();
    await assert.rejects(flock.order({ order: 'post', bot: 'howl' }), /flockd ends: nothing was done/);
    await stopping;
    assert.deepEqual(flock.postsOf('howl'), ['one']);
  });

  it('waits for the reset of a limit and loses no line', async () => {
    const flock = new HeldFlock(
      '2026-05-01T00:00:00Z',
      { ...daily, schedule: '*/5 * * * *' },
      { limits: { posts: 1 } },
    );
    flock.add('howl', ['one', 'two', 'three']);
    flock.start();
    await flock.until('2026-05-01T02:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three']);
    const [first = 0, second = 0, third = 0] = flock.entriesOf('howl').map(({ instant }) => instant);
    assert.ok(second - first >= 900_000 && third - second >= 900_000);
  });

  it('believes a 401 only when it comes twice, parks that bot alone, and goes on with a new key', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.add('bea', poem);
    flock.start();
    await flock.until('2026-05-01T10:00:00Z');
    flock.control('accounts/howl/revoke');
    await flock.until('2026-05-02T09:00:05Z');
    assert.equal(flock.state('howl')?.parked, undefined);
    await flock.until('2026-05-04T10:00:00Z');
    assert.match(flock.state('howl')?.parked?.hint ?? '', /keymaker reauth howl/);
    assert.deepEqual(flock.postsOf('howl'), ['one']);
    assert.equal(flock.postsOf('bea').length, 4);
    flock.rekey('howl');
    await flock.until('2026-05-04T10:00:01Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two']);
    await flock.until('2026-05-05T10:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three']);
  });

  it('tries a new key at once, where X has refused the old one without a reason', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-01T08:00:00Z');
    flock.control('accounts/howl/revoke');
    await flock.until('2026-05-01T09:30:00Z');
    assert.equal(flock.state('howl')?.owed?.why, 'unauthorized');
    flock.rekey('howl');
    await flock.until('2026-05-01T09:30:30Z');
    assert.deepEqual(flock.timesOf('howl'), ['2026-05-01T09:30:00.000Z']);
    await flock.until('2026-05-03T12:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 3));
  });

  it('settles a post in doubt by the timeline: there, it is not posted again; absent, it is', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...daily, settle: '3m' });
    flock.add('howl', poem);
    flock.start();
    const posts = { method: 'POST', path: '/2/tweets' };
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'after' } });
    await flock.until('2026-05-01T09:01:00Z');
    assert.equal(flock.state('howl')?.open?.line, 0);
    await flock.until('2026-05-02T08:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one']);
    assert.equal(flock.state('howl')?.place.next, 1);
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'before' } });
    await flock.until('2026-05-02T12:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two']);
    assert.equal(flock.timesOf('howl')[1], '2026-05-02T09:03:10.000Z');
  });

  it('posts once however long a request is held up on its way: it lands before the timeline is read, or its signature is too old', async () => {
    const minutes = [1, 3, 3.5, 4, 4.9, 5, 5.1, 5.2, 6, 60];
    for (const held of minutes) {
      const flock = new HeldFlock('2026-05-01T00:00:00Z', daily, { duplicates: 'accept' });
      flock.add('howl', ['one', 'two']);
      flock.start();
      flock.heldUp = held * 60_000;
      await flock.until('2026-05-02T08:00:00Z');
      assert.deepEqual(flock.postsOf('howl'), ['one'], `held up for ${held} minutes`);
    }
  });

  it('does not believe the timeline sooner because the clock was set forward', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...daily, settle: '3m' }, { timelineLag: 120_000 });
    flock.add('howl', ['one']);
    flock.start();
    const posts = { method: 'POST', path: '/2/tweets' };
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'after' } });
    await flock.until('2026-05-01T09:00:30Z');
    flock.clock.set(Date.parse('2026-05-01T12:00:00Z'));
    await flock.until('2026-05-01T12:01:00Z');
    assert.equal(flock.state('howl')?.open?.line, 0);
    await flock.until('2026-05-01T13:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one']);
    assert.equal(flock.state('howl')?.last?.line, 0);
  });

  it('looks a second time where X has a line already that the timeline did not show', async () => {
    // The timeline lags behind for longer than is allowed for; X's own memory of the text does not.
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...daily, settle: '1m' }, { timelineLag: 100_000 });
    flock.add('howl', ['one', 'two']);
    flock.start();
    const posts = { method: 'POST', path: '/2/tweets' };
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'after' } });
    await flock.until('2026-05-03T12:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two']);
  });

  it('does not try one bot after the other where there is no credit', async () => {
    const flock = new HeldFlock('2026-05-01T00:30:00Z', daily, { credits: 0 });
    let requests = 0;
    flock.count((path) => (requests += path === '/2/tweets' ? 1 : 0));
    ['ada', 'bea', 'cid'].forEach((name, minute) => {
      flock.add(name, poem, { schedule: `${minute} * * * *` });
    });
    flock.start();
    await flock.until('2026-05-01T01:14:00Z');
    assert.equal(requests, 1);
    // One of them tries for all.
    await flock.until('2026-05-01T01:44:00Z');
    assert.equal(requests, 2);
  });

  it('does not try one bot after the other where their app is at its limit', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily, { limits: { appPostsPerDay: 1 } });
    let requests = 0;
    flock.count((path) => (requests += path === '/2/tweets' ? 1 : 0));
    ['ada', 'bea', 'cid', 'dee'].forEach((name, minute) => {
      flock.add(name, poem, { schedule: `${minute} 1 * * *` });
    });
    flock.start();
    await flock.until('2026-05-01T23:00:00Z');
    assert.equal(requests, 2);
  });

  it('stops the whole flock where there is no credit, tries slowly, and loses no line', async () => {
    const flock = new HeldFlock(
      '2026-05-01T00:00:00Z',
      { ...daily, schedule: '*/10 * * * *' },
      { credits: 0 },
    );
    let requests = 0;
    flock.count((path) => (requests += path === '/2/tweets' ? 1 : 0));
    for (const name of ['ada', 'bea', 'cid']) flock.add(name, poem);
    flock.start();
    await flock.until('2026-05-01T06:00:00Z');
    assert.ok(requests <= 3 * 8, `${requests} requests in six hours`);
    flock.control('credits', { credits: null });
    await flock.until('2026-05-02T00:00:00Z');
    for (const name of ['ada', 'bea', 'cid']) assert.deepEqual(flock.postsOf(name), poem);
  });

  for (const [refrain, expected] of [
    ['join', ['la', 'one', 'la\ntwo', 'three']],
    ['skip', ['la', 'one', 'two', 'three']],
    ['defer', ['la', 'one', 'la', 'two', 'three']],
  ] as const) {
    it(`with a refrain that X refuses does as it is told (refrain: ${refrain})`, async () => {
      const flock = new HeldFlock('2026-05-01T00:00:00Z', { schedule: '0 * * * *', atEnd: 'stop', refrain });
      flock.add('howl', ['la', 'one', 'la', 'two', 'three']);
      flock.start();
      await flock.until('2026-05-03T00:00:00Z');
      assert.deepEqual(flock.postsOf('howl'), expected);
    });
  }

  it('knows a line with a link again, though X rewrites it', async () => {
    const options = { duplicates: 'accept' } as const;
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...daily, settle: '3m' }, options);
    const lines = ['the end.is near, & example.com', 'see https://example.org/a?b=c&d=e', 'last'];
    flock.add('howl', lines);
    flock.start();
    flock.control('faults', {
      match: { path: '/2/tweets' },
      times: 2,
      fault: { kind: 'drop', when: 'after' },
    });
    await flock.until('2026-06-01T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), lines);
  });

  it('takes one step of a bot at a time, even if its bundle comes and goes meanwhile', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily, { duplicates: 'accept' });
    flock.add('howl', poem);
    flock.add('bea', poem);
    flock.control('faults', { match: { path: '/2/tweets' }, fault: { kind: 'delay', ms: 2000 } });
    flock.start();
    await flock.until('2026-05-01T09:00:01Z');
    const order = assert.rejects(flock.resume('howl'), /is not paused, and does not need you/);
    flock.blink('howl');
    await flock.until('2026-05-01T12:00:00Z');
    await order;
    flock.blink('bea');
    await flock.until('2026-06-01T00:00:00Z');
    assert.deepEqual(flock.failures, []);
    for (const name of ['howl', 'bea']) assert.deepEqual(flock.postsOf(name), poem);
  });

  /** A bot that was told to post twice, to pause and to resume, while it stands in the row behind another. */
  async function toldInTheRow() {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily, { duplicates: 'accept' });
    flock.sockets = 1;
    for (const name of ['howl', 'bea']) flock.add(name, ['one', 'two', 'three']);
    flock.control('faults', { match: { path: '/2/tweets' }, fault: { kind: 'delay', ms: 2000 } });
    flock.start();
    await flock.until('2026-05-01T08:59:58Z');
    const other = flock.order({ order: 'post', bot: 'bea' });
    await flock.until('2026-05-01T08:59:58.500Z');
    const orders = (['post', 'post', 'pause', 'resume'] as const).map((order) =>
      flock.order({ order, bot: 'howl' }).then(() => 'done', String),
    );
    return { flock, told: Promise.all([other, ...orders]) };
  }

  it('carries out orders one at a time, even if its bundle comes and goes before its turn', async () => {
    const { flock, told } = await toldInTheRow();
    flock.blink('howl');
    await flock.until('2026-05-03T12:00:00Z');
    assert.deepEqual((await told).slice(1), ['done', 'done', 'done', 'done']);
    assert.deepEqual(flock.failures, []);
    for (const name of ['howl', 'bea']) assert.deepEqual(flock.postsOf(name), ['one', 'two', 'three']);
  });

  it('posts nothing by order once its bundle is gone', async () => {
    const { flock, told } = await toldInTheRow();
    flock.lose('howl');
    await flock.until('2026-05-01T10:00:00Z');
    const refused = 'FlockError: howl is not in the flock';
    assert.deepEqual((await told).slice(1), [refused, refused, 'done', 'done']);
    assert.deepEqual(flock.postsOf('howl'), []);
    flock.update();
    await flock.until('2026-05-04T12:00:00Z');
    assert.deepEqual(flock.failures, []);
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three']);
  });

  for (const atEnd of ['stop', 'loop']) {
    it(`does not spin where X refuses everything as a repetition (atEnd: ${atEnd})`, async () => {
      const settings = { schedule: '0 9 * * *', refrain: 'skip', atEnd };
      const flock = new HeldFlock('2026-05-01T00:00:00Z', settings, { duplicateWindow: 1e12 });
      let requests = 0;
      flock.count((path) => (requests += path === '/2/tweets' ? 1 : 0));
      flock.add('howl', ['one', 'two', 'two']);
      flock.start();
      await flock.until('2026-05-08T00:00:00Z');
      assert.deepEqual(flock.postsOf('howl'), ['one', 'two']);
      assert.ok(requests < 100, `${requests} requests in a week`);
    });
  }

  it('lets what is owed go with the lines that were cut from the poem', async () => {
    const flock = new HeldFlock(
      '2026-05-01T00:00:00Z',
      { ...daily, schedule: '0 * * * *' },
      { limits: { posts: 1 } },
    );
    flock.add('howl', ['one', 'two', 'three']);
    flock.start();
    await flock.until('2026-05-01T01:30:00Z');
    flock.control('faults', {
      match: { path: '/2/tweets' },
      times: 1,
      fault: { kind: 'status', status: 429, body: { title: 'Too Many Requests', status: 429 } },
    });
    await flock.until('2026-05-01T02:05:00Z');
    flock.poems.set('howl', 'one\n');
    await flock.until('2026-05-03T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one']);
  });
});
