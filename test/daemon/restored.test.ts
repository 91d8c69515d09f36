import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from '../support/held-flock.ts';

const poem = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];
const hourly = { schedule: '0 * * * *', atEnd: 'stop', settle: '3m' };
/** X is no help: what is posted twice stands there twice. */
const accept = { duplicates: 'accept' } as const;
const day = (hour: string): string => `2026-05-01T${hour}Z`;

/** A flock of one that has posted for some hours, with an export made on the way and restored at the end. */
async function restored(
  lines: string[],
  hours: { exported: string; restored: string },
  settings: object = {},
  options: object = accept,
): Promise<HeldFlock> {
  const flock = new HeldFlock(day('00:00:00'), { ...hourly, ...settings }, options);
  flock.add('howl', lines);
  flock.start();
  await flock.until(day(hours.exported));
  const text = flock.export();
  await flock.until(day(hours.restored));
  await flock.restore(text);
  return flock;
}

describe('a bot that was restored', () => {
  it('finds what it has posted since, and posts the next line at its slot', async () => {
    const flock = await restored(poem, { exported: '02:30:00', restored: '05:30:00' });
    await flock.until(day('05:50:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 5));
    assert.equal(flock.state('howl')?.place.next, 5);
    await flock.until(day('12:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.deepEqual(flock.timesOf('howl').slice(5), [day('06:00:00.000'), day('07:00:00.000')]);
  });

  it('reads its timeline once, however much it finds there', async () => {
    let reads = 0;
    const flock = await restored(poem, { exported: '01:30:00', restored: '06:30:00' });
    flock.count((path) => (reads += path.includes('tweets?') ? 1 : 0));
    await flock.until(day('06:50:00'));
    assert.equal(flock.state('howl')?.place.next, 6);
    assert.equal(reads, 1);
  });

  it('that had posted nothing since goes on, and at its slot', async () => {
    const flock = await restored(poem, { exported: '02:30:00', restored: '02:40:00' });
    await flock.until(day('04:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 4));
    assert.deepEqual(flock.timesOf('howl').slice(2), [day('03:00:00.000'), day('04:00:00.000')]);
  });

  it('that had posted nothing since treats its slots as missed ones', async () => {
    const flock = new HeldFlock(day('00:00:00'), { ...hourly, missed: 'one' }, accept);
    flock.add('howl', poem);
    flock.start();
    await flock.until(day('02:30:00'));
    const text = flock.export();
    await flock.order({ order: 'pause', bot: 'howl' });
    await flock.until(day('05:30:00'));
    await flock.restore(text);
    await flock.until(day('06:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 4));
    const [, , late = 0] = flock.timesOf('howl');
    assert.ok(late > day('05:30:00.000') && late < day('05:40:00.000'), String(late));
  });

  it('that had never posted when it was exported finds its first lines', async () => {
    const flock = await restored(poem, { exported: '00:30:00', restored: '03:30:00' });
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
  });

  it('that has finished since stays so', async () => {
    const flock = await restored(poem, { exported: '05:30:00', restored: '09:30:00' });
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.equal(flock.state('howl')?.restored, undefined);
  });

  it('that had finished when it was exported stays so', async () => {
    const flock = await restored(poem, { exported: '08:30:00', restored: '09:30:00' });
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.equal(flock.state('howl')?.restored, undefined);
  });

  it('that has begun its poem again since is found in the second pass', async () => {
    const lines = ['one', 'two', 'three'];
    const options = { schedule: '0 */2 * * *', atEnd: 'loop' };
    const flock = new HeldFlock(day('00:30:00'), { ...hourly, ...options }, accept);
    flock.add('howl', lines);
    flock.start();
    await flock.until(day('05:00:00'));
    const text = flock.export();
    await flock.until(day('11:00:00'));
    await flock.restore(text);
    await flock.until(day('15:00:00'));
    assert.deepEqual(flock.postsOf('howl'), [...lines, ...lines, 'one']);
    assert.equal(flock.timesOf('howl')[5], day('12:00:00.000'));
    assert.equal(flock.state('howl')?.pass, 3);
  });

  for (const [refrain, expected] of [
    ['join', ['la', 'one', 'la\ntwo', 'three', 'four']],
    ['skip', ['la', 'one', 'two', 'three', 'four']],
  ] as const) {
    it(`knows a refrain again (refrain: ${refrain})`, async () => {
      const lines = ['la', 'one', 'la', 'two', 'three', 'four'];
      const hours = { exported: '02:30:00', restored: '04:30:00' };
      // X refuses the refrain at first, and would take it by the time it is restored.
      const flock = await restored(lines, hours, { refrain }, { duplicateWindow: 2.5 * 3_600_000 });
      await flock.until(day('23:00:00'));
      assert.deepEqual(flock.postsOf('howl'), expected);
    });
  }

  it('is not led astray by a line that was changed after it was posted', async () => {
    const flock = new HeldFlock(day('00:00:00'), hourly, accept);
    flock.add('howl', poem.with(2, 'thre'));
    flock.start();
    await flock.until(day('02:30:00'));
    const text = flock.export();
    await flock.until(day('05:30:00'));
    flock.poems.set('howl', poem.join('\n'));
    await flock.restore(text);
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.with(2, 'thre'));
  });

  it('keeps a post that was in doubt when it was exported, and settles it first', async () => {
    const flock = new HeldFlock(day('00:00:00'), hourly, accept);
    flock.add('howl', poem);
    flock.start();
    await flock.until(day('01:30:00'));
    flock.control('faults', {
      match: { method: 'POST', path: '/2/tweets' },
      times: 1,
      fault: { kind: 'drop', when: 'after' },
    });
    await flock.until(day('02:01:00'));
    const text = flock.export();
    await flock.until(day('04:30:00'));
    await flock.restore(text);
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
  });

  it('rests where it was paused or parked, and looks once it goes on', async () => {
    const flock = new HeldFlock(day('00:00:00'), hourly, accept);
    flock.add('howl', poem);
    flock.start();
    await flock.until(day('02:30:00'));
    await flock.order({ order: 'pause', bot: 'howl' });
    const text = flock.export();
    await flock.resume('howl');
    await flock.until(day('05:30:00'));
    await flock.restore(text);
    await flock.until(day('09:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 5));
    await flock.resume('howl');
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.equal(flock.timesOf('howl')[5], day('10:00:00.000'));
  });

  it('knows when it made what it finds, and tells of it among the last posts', async () => {
    const flock = await restored(poem, { exported: '02:30:00', restored: '05:30:00' });
    await flock.until(day('05:50:00'));
    assert.equal(flock.state('howl')?.last?.at, Date.parse(day('05:00:00')));
    assert.deepEqual(
      flock
        .history()
        .recent()
        .map(({ line, at }) => [line, at]),
      [4, 3, 2, 1, 0].map((line) => [line, Date.parse(day(`0${line + 1}:00:00`))]),
    );
  });

  it('pays for the look out of the month of its own and of the flock', async () => {
    const flock = await restored(poem, { exported: '01:30:00', restored: '05:30:00' });
    await flock.until(day('05:50:00'));
    const { total, month } = flock.state('howl')?.tally ?? {};
    // Five posts, four of which were read again.
    assert.equal(total, 5 * 15_000 + 4 * 5000);
    assert.equal(month?.micros, total);
    assert.equal(flock.history().months.at(month.ends).micros, total);
  });

  it('keeps its tally, and counts what it finds against its budget', async () => {
    const flock = new HeldFlock(day('00:00:00'), hourly, accept);
    flock.add('howl', poem, { budget: { postsPerDay: 6 } });
    flock.start();
    await flock.until(day('02:30:00'));
    const text = flock.export();
    await flock.until(day('05:30:00'));
    await flock.restore(text);
    await flock.until(day('23:00:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, 6));
    assert.equal(flock.state('howl')?.tally?.day.posts, 6);
    assert.ok((flock.state('howl')?.tally?.total ?? 0) >= 6 * 15_000);
  });

  it('keeps a flock with a budget waiting until it has looked', async () => {
    const flock = new HeldFlock(day('00:00:00'), { ...hourly, budget: { postsPerDay: 4 } }, accept);
    flock.add('ada', poem);
    flock.add('bea', poem);
    flock.start();
    await flock.until(day('00:30:00'));
    const text = flock.export();
    await flock.until(day('02:30:00'));
    const ada = flock.sandbox.world.accountNamed('ada')?.id ?? '';
    // It looks for an hour.
    flock.control('faults', {
      match: { method: 'GET', path: `/2/users/${ada}/tweets` },
      times: 6,
      fault: { kind: 'status', status: 503 },
    });
    await flock.restore(text);
    await assert.rejects(flock.order({ order: 'post', bot: 'ada' }), /ada was restored/);
    await flock.until(day('03:20:00'));
    assert.equal(flock.state('bea')?.restored, undefined);
    assert.equal(flock.postsOf('bea').length, 2);
    await assert.rejects(flock.order({ order: 'post', bot: 'bea' }), /bea cannot post yet: ada was restored/);
    await flock.until(day('23:00:00'));
    assert.equal(flock.postsOf('ada').length + flock.postsOf('bea').length, 4);
  });
});
