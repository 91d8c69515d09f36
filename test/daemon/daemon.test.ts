import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from './held-flock.ts';

const poem = ['one', 'two', 'three', 'four', 'five', 'six'];
const daily = { schedule: '0 9 * * *', atEnd: 'stop' };

describe('a flock on a held clock', () => {
  it('posts each line once, in order, at its slot', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-06-01T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.deepEqual(
      flock.timesOf('howl'),
      poem.map((_, day) => `2026-05-0${day + 1}T09:00:00.000Z`),
    );
    assert.deepEqual(flock.failures, []);
  });

  it('begins again at the end where it loops', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { schedule: '0 9 * * *' });
    flock.add('howl', ['one', 'two']);
    flock.start();
    await flock.until('2026-05-06T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'one', 'two', 'one']);
    assert.equal(flock.state('howl')?.pass, 3);
  });

  it('spreads a flock over its slot, each bot always by the same', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...daily, spread: '1h' });
    const names = ['ada', 'bea', 'cid'];
    for (const name of names) flock.add(name, poem);
    flock.start();
    await flock.until('2026-05-03T00:00:00Z');
    const minutes = names.map((name) => flock.timesOf(name).map((time) => time.slice(11)));
    for (const [first, second] of minutes) {
      assert.equal(first, second);
      assert.match(first ?? '', /^09:/);
    }
    assert.equal(new Set(minutes.flat()).size, names.length);
  });

  for (const [missed, count] of [
    ['skip', 0],
    ['one', 1],
    ['all', 3],
  ] as const) {
    it(`after three missed slots posts for ${count} of them (missed: ${missed})`, async () => {
      const flock = new HeldFlock('2026-05-01T00:00:00Z', { ...daily, missed });
      flock.add('howl', poem);
      flock.start();
      await flock.until('2026-05-02T12:00:00Z');
      await flock.stop();
      assert.equal(flock.postsOf('howl').length, 2);
      flock.clock.set(Date.parse('2026-05-05T20:00:00Z'));
      flock.start();
      await flock.until('2026-05-06T08:00:00Z');
      assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 2 + count));
      const late = flock
        .timesOf('howl')
        .slice(2)
        .map((time) => Date.parse(time));
      late.slice(1).forEach((time, index) => assert.ok(time - (late[index] ?? 0) >= 900_000, 'paced'));
      await flock.until('2026-05-06T12:00:00Z');
      assert.equal(flock.postsOf('howl').length, 3 + count);
    });
  }

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
    const [first = 0, second = 0, third = 0] = flock.log('howl').map(({ instant }) => instant);
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

  it('neither repeats nor skips when the clock is set an hour forward and back', async () => {
    const flock = new HeldFlock('2026-05-01T08:30:00Z', { ...daily, schedule: '0 * * * *' });
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-01T10:30:00Z');
    flock.clock.set(Date.parse('2026-05-01T11:30:00Z'));
    await flock.until('2026-05-01T11:31:00Z');
    flock.clock.set(Date.parse('2026-05-01T10:31:00Z'));
    await flock.until('2026-05-01T12:30:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three', 'four']);
  });

  it('is not silent for a year after the clock was a year ahead', async () => {
    const flock = new HeldFlock('2026-05-01T08:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-01T12:00:00Z');
    flock.clock.set(Date.parse('2027-05-01T08:00:00Z'));
    await flock.until('2027-05-01T08:01:00Z');
    flock.clock.set(Date.parse('2026-05-02T08:00:00Z'));
    await flock.stop();
    flock.start();
    await flock.until('2026-05-03T12:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three', 'four']);
  });

  it('rests while it is paused', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem, { paused: true });
    flock.start();
    await flock.until('2026-05-08T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), []);
  });

  it('follows an edit in the middle of the poem', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-03T12:00:00Z');
    flock.poems.set(
      'howl',
      ['zero', 'one', 'TWO', 'three', 'four', 'four and a half', 'six', 'five'].join('\n'),
    );
    await flock.until('2026-06-01T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), [
      'one',
      'two',
      'three',
      'four',
      'four and a half',
      'six',
      'five',
    ]);
  });

  it('holds a bot whose poem became another one, and says why', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-03T12:00:00Z');
    flock.poems.set('howl', 'quite\nanother\npoem');
    await flock.until('2026-06-01T00:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three']);
    assert.match(flock.state('howl')?.parked?.why ?? '', /place in it is lost/);
  });
});
