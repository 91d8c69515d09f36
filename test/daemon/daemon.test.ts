import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from '../support/held-flock.ts';

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

  it('goes on at once when the clock is put right after it was a year ahead', async () => {
    const flock = new HeldFlock('2027-05-01T08:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2027-05-01T12:00:00Z');
    flock.clock.set(Date.parse('2026-05-01T12:00:00Z'));
    await flock.until('2026-05-04T12:00:00Z');
    assert.ok(flock.postsOf('howl').length >= 3);
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, flock.postsOf('howl').length));
  });

  it('wakes a bot whose settings changed', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem, { paused: true });
    flock.start();
    await flock.until('2026-05-03T00:00:00Z');
    flock.rekey('howl', { paused: false, schedule: '0 1 * * *' });
    await flock.until('2026-05-03T02:00:00Z');
    assert.deepEqual(flock.postsOf('howl').length, 2);
  });

  it('posts nothing as another account than the ledger knows', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-02T12:00:00Z');
    flock.rekey('howl', {}, { account: 'stranger' });
    await flock.until('2026-05-05T12:00:00Z');
    assert.deepEqual(flock.postsOf('stranger'), []);
    flock.rekey('howl');
    await flock.until('2026-05-06T12:00:00Z');
    assert.deepEqual(flock.postsOf('stranger'), []);
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, flock.postsOf('howl').length));
    assert.ok(flock.postsOf('howl').length > 2);
  });

  it('gives a bot another name between its posts, and takes no step under the old one', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    flock.add('howl', poem);
    flock.start();
    const match = { method: 'POST', path: '/2/tweets' };
    flock.sandbox.faults.add({ match, fault: { kind: 'delay', ms: 5000 }, times: 1 });
    await flock.until('2026-05-01T09:00:02Z');
    assert.equal(flock.state('howl')?.open?.line, 0);
    let isDone = false;
    const renamed = flock.order({ order: 'rename', bot: 'howl', to: 'growl' }).then(() => (isDone = true));
    await flock.until('2026-05-01T09:00:03Z');
    assert.equal(isDone, false);
    await flock.until('2026-05-02T12:00:00Z');
    await renamed;
    assert.equal(flock.state('howl'), undefined);
    assert.deepEqual([flock.state('growl')?.place.next, flock.state('growl')?.was], [1, ['howl']]);
    assert.deepEqual(flock.postsOf('howl'), ['one']);
    flock.rename('howl', 'growl');
    await flock.until('2026-05-03T12:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three']);
    assert.deepEqual(flock.failures, []);
  });

  for (const when of ['under way', 'asked for']) {
    it(`gives a bot another name, though its files are read again while that is ${when}`, async () => {
      const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
      flock.add('howl', poem);
      flock.start();
      const match = { method: 'POST', path: '/2/tweets' };
      flock.sandbox.faults.add({ match, fault: { kind: 'delay', ms: 5000 }, times: 1 });
      // In the middle of a step the command has to wait; at rest it is being recorded.
      await flock.until(when === 'under way' ? '2026-05-01T09:00:02Z' : '2026-05-01T12:00:00Z');
      const renamed = flock.order({ order: 'rename', bot: 'howl', to: 'growl' });
      flock.update();
      await flock.until('2026-05-01T13:00:00Z');
      await renamed;
      assert.equal(flock.state('howl'), undefined);
      assert.deepEqual(flock.state('growl')?.was, ['howl']);
      flock.rename('howl', 'growl');
      await flock.until('2026-05-03T12:00:00Z');
      assert.deepEqual(flock.postsOf('howl'), ['one', 'two', 'three']);
      assert.deepEqual(flock.failures, []);
    });
  }

  it('goes on with a bot as its files are now, where it could not be renamed', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    for (const name of ['howl', 'growl']) flock.add(name, poem);
    flock.start();
    await flock.until('2026-05-01T12:00:00Z');
    const renamed = flock.order({ order: 'rename', bot: 'howl', to: 'growl' });
    flock.settings = { ...daily, schedule: '0 18 * * *' };
    flock.update();
    await assert.rejects(renamed, /growl is another bot/);
    await flock.until('2026-05-01T19:00:00Z');
    assert.deepEqual(flock.postsOf('howl'), ['one', 'two']);
  });

  it('lets a bot go on under its name where the new one is another bot’s', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', daily);
    for (const name of ['howl', 'growl']) flock.add(name, poem);
    flock.start();
    await flock.until('2026-05-01T12:00:00Z');
    await assert.rejects(flock.order({ order: 'rename', bot: 'howl', to: 'growl' }), /growl is another bot/);
    await flock.until('2026-05-02T12:00:00Z');
    for (const name of ['howl', 'growl']) assert.deepEqual(flock.postsOf(name), ['one', 'two']);
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

describe('a large flock', () => {
  it('lets others have their turn while its bots only look at the ledger', async () => {
    const flock = new HeldFlock('2026-05-01T00:00:00Z', { schedule: '0 9 * * *' });
    const names = Array.from({ length: 1200 }, (_, n) => `bot-${n}`);
    for (const name of names) flock.add(name, ['a line']);
    flock.start();
    await new Promise((resolve) => setImmediate(resolve));
    const begun = (): number => names.filter((name) => flock.state(name) !== undefined).length;
    assert.ok(begun() > 0 && begun() < names.length, `${begun()} have begun in the first turn`);
    await flock.until('2026-05-01T10:00:00Z');
    assert.ok(
      names.every((name) => flock.postsOf(name).length === 1),
      'each has posted',
    );
  });
});
