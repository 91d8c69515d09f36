import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from '../support/held-flock.ts';

/* A ledger is trusted only while it is known to be the last word: each bot looks at its timeline before its first post. */

const poem = Array.from({ length: 12 }, (_, n) => `line ${n + 1}`);
const hourly = { schedule: '0 * * * *', atEnd: 'stop' };
/** X is no help. */
const accept = { duplicates: 'accept' } as const;
const at = (time: string): string => `2026-05-01T${time}Z`;

/** A flock of one bot that runs until an hour, and what its ledger said at another one. */
async function flockUntil(
  exported: string,
  until: string,
  settings: Record<string, unknown> = {},
  lines = poem,
): Promise<{ flock: HeldFlock; text: string }> {
  const flock = new HeldFlock(at('00:30:00'), { ...hourly, ...settings }, accept);
  flock.add('howl', lines);
  flock.start();
  await flock.until(at(exported));
  const text = flock.export();
  await flock.until(at(until));
  return { flock, text };
}

describe('a ledger that is older than what was posted', () => {
  it('put back by hand goes on after what is there', async () => {
    const { flock, text } = await flockUntil('02:30:00', '04:30:00');
    await flock.rollBack(text);
    await flock.until(at('23:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.equal(flock.state('howl')?.posts, poem.length);
    assert.deepEqual(flock.timesOf('howl').slice(4, 6), [at('05:00:00.000'), at('06:00:00.000')]);
  });

  it('put back by hand is paid for what is there, once', async () => {
    const { flock, text } = await flockUntil('02:30:00', '04:30:00');
    await flock.rollBack(text);
    await flock.until(at('06:30:00'));
    assert.equal((flock.state('howl')?.tally?.total ?? 0) / 1e6, flock.billed());
  });

  it('with a post in doubt, put back by hand, goes on after what is there', async () => {
    const flock = new HeldFlock(at('00:30:00'), hourly, accept);
    flock.add('howl', poem);
    flock.start();
    await flock.until(at('01:30:00'));
    const posts = { method: 'POST', path: '/2/tweets' };
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'drop', when: 'after' } });
    await flock.until(at('02:01:00'));
    const text = flock.export();
    await flock.until(at('04:30:00'));
    await flock.rollBack(text);
    await flock.until(at('23:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
  });

  it('than hundreds of posts goes on after the newest of them', async () => {
    const long = Array.from({ length: 300 }, (_, n) => `line ${n + 1}`);
    const { flock, text } = await flockUntil('00:40:00', '04:30:00', { schedule: '* * * * *' }, long);
    assert.ok(flock.postsOf('howl').length > 230);
    await flock.rollBack(text);
    await flock.until(at('23:30:00'));
    assert.deepEqual(flock.postsOf('howl'), long);
  });

  it('that is lost is placed by the timeline', async () => {
    const { flock } = await flockUntil('02:30:00', '04:30:00');
    await flock.rollBack();
    await flock.until(at('23:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
  });

  it('that is lost at the end of the poem posts nothing again', async () => {
    const { flock } = await flockUntil('02:30:00', '13:30:00');
    assert.equal(flock.postsOf('howl').length, poem.length);
    await flock.rollBack();
    await flock.until(at('23:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem);
  });

  it('that is lost goes on in a poem that begins again', async () => {
    const { flock } = await flockUntil('02:30:00', '04:30:00', { atEnd: 'loop' }, poem.slice(0, 3));
    await flock.rollBack();
    await flock.until(at('06:30:00'));
    assert.deepEqual(flock.postsOf('howl'), [...poem.slice(0, 3), ...poem.slice(0, 3)]);
  });

  it('that is lost where nobody can tell the place parks the bot, with the line to resume at', async () => {
    const { flock } = await flockUntil(
      '02:30:00',
      '03:30:00',
      {},
      Array.from({ length: 12 }, () => 'la'),
    );
    await flock.rollBack();
    await flock.until(at('06:30:00'));
    assert.equal(flock.postsOf('howl').length, 3);
    const { parked } = flock.state('howl') ?? {};
    assert.equal(parked?.cause, 'place');
    assert.match(parked.hint, /flockd resume howl --line N/);
  });

  it('whose account has posted a line far away parks the bot, with both lines to resume at', async () => {
    const { flock, text } = await flockUntil('02:30:00', '02:30:00');
    await flock.stop();
    const { world } = flock.sandbox;
    const account = world.accountNamed('howl');
    assert.ok(account);
    world.addPost(account, 'line 9');
    await flock.rollBack(text);
    await flock.until(at('06:30:00'));
    assert.deepEqual(flock.postsOf('howl'), ['line 1', 'line 2', 'line 9']);
    const { parked } = flock.state('howl') ?? {};
    assert.equal(parked?.cause, 'place');
    assert.match(
      parked.hint,
      /flockd resume howl goes on where it is; flockd resume howl --line 10 after that post/,
    );
    const order = flock.resume('howl');
    await flock.until(at('08:30:00'));
    await order;
    assert.deepEqual(flock.postsOf('howl').slice(3, 5), ['line 3', 'line 4']);
  });

  it('is not led astray by what a person has posted', async () => {
    const { flock, text } = await flockUntil('02:30:00', '04:30:00');
    const { world } = flock.sandbox;
    const account = world.accountNamed('howl');
    assert.ok(account);
    world.addPost(account, 'thank you all');
    await flock.rollBack(text);
    await flock.until(at('05:30:00'));
    await flock.rollBack();
    await flock.until(at('23:30:00'));
    assert.deepEqual(
      flock.postsOf('howl').filter((post) => post !== 'thank you all'),
      poem,
    );
  });

  it('is the same over many starts, and costs nothing to look at where nothing is new', async () => {
    const flock = new HeldFlock(at('00:30:00'), hourly, accept);
    flock.add('howl', poem);
    let looks = 0;
    flock.count((path) => (looks += path.startsWith('/2/users/') ? 1 : 0));
    for (let hour = 1; hour <= 12; hour++) {
      flock.start();
      await flock.until(at(`${String(hour).padStart(2, '0')}:30:00`));
      await flock.stop();
    }
    assert.deepEqual(flock.postsOf('howl'), poem);
    assert.equal(looks, 12);
    assert.equal(flock.billed(), 12 * 0.015);
  });
});

describe('a first look that fails', () => {
  const looks = { method: 'GET', path: '/2/users/*' };

  it('keeps the bot from posting, says why, and backs off', async () => {
    const flock = new HeldFlock(at('00:30:00'), hourly, accept);
    flock.add('howl', poem);
    let count = 0;
    flock.count((path) => (count += path.startsWith('/2/users/') ? 1 : 0));
    flock.control('faults', { match: looks, fault: { kind: 'status', status: 503 } });
    flock.start();
    await flock.until(at('05:30:00'));
    assert.deepEqual(flock.postsOf('howl'), []);
    assert.ok(count >= 5 && count <= 15, `${count} looks in four and a half hours`);
    const { owed } = flock.state('howl') ?? {};
    assert.equal(owed?.why, 'unseen');
    assert.match(owed.reason, /its timeline cannot be read: X answered with an error \(503 /);
    flock.sandbox.faults.clear();
    await flock.until(at('23:30:00'));
    assert.deepEqual(flock.postsOf('howl'), poem.slice(0, flock.postsOf('howl').length));
    assert.ok(flock.postsOf('howl').length > 10);
  });

  it('waits for a budget that has no room for it, and posts nothing', async () => {
    const flock = new HeldFlock(at('00:30:00'), { ...hourly, budget: { usdPerMonth: 0.02 } }, accept);
    flock.add('howl', poem);
    let count = 0;
    flock.count(() => count++);
    flock.start();
    await flock.until(at('05:30:00'));
    assert.equal(count, 0);
    assert.deepEqual(flock.failures, []);
  });

  it('never spends more than the budget, however often it is lost', async () => {
    const flock = new HeldFlock('2026-05-02T00:30:00Z', { ...hourly, budget: { usdPerMonth: 1 } }, accept);
    flock.add('howl', poem);
    flock.start();
    await flock.until('2026-05-02T03:30:00Z');
    const text = flock.export();
    await flock.until('2026-05-02T06:30:00Z');
    const timelines = { method: 'GET', path: '/2/users/*/tweets' };
    flock.control('faults', { match: timelines, fault: { kind: 'drop', when: 'after' } });
    await flock.rollBack(text);
    await flock.until('2026-05-30T00:00:00Z');
    const [posts, billed] = [6 * 0.015, flock.billed()];
    assert.ok(billed > posts && billed <= 1, `$${billed}`);
    assert.ok((flock.state('howl')?.tally?.total ?? 0) / 1e6 <= 1);
    assert.equal(flock.postsOf('howl').length, 6);
  });
});

describe('accounts that X suspends', () => {
  const names = Array.from({ length: 30 }, (_, n) => `bot-${String(n).padStart(2, '0')}`);

  /** Each bot posts at a minute of its own. */
  async function open(count: number): Promise<HeldFlock> {
    const flock = new HeldFlock(at('00:30:00'), hourly, accept);
    for (const [n, name] of names.slice(0, count).entries())
      flock.add(
        name,
        poem.map((line) => `${name}: ${line}`),
        { schedule: `${n} * * * *` },
      );
    flock.start();
    await flock.until(at('01:45:00'));
    return flock;
  }
  const suspend = (flock: HeldFlock, ...bots: string[]): void => {
    for (const bot of bots) flock.control(`accounts/${bot}/suspend`);
  };
  const parkedIn = (flock: HeldFlock): number => names.filter((name) => flock.state(name)?.parked).length;

  it('two of a small flock within an hour stop it, once, with the reason', async () => {
    const flock = await open(10);
    suspend(flock, ...names.slice(0, 10));
    await flock.until(at('06:00:00'));
    assert.equal(parkedIn(flock), 2);
    assert.ok(flock.stopped);
    assert.deepEqual(
      flock.alarms.map(({ event }) => event),
      ['herd'],
    );
    assert.match(flock.alarms[0]?.why ?? '', /2 accounts of the flock within an hour/);
    assert.match(flock.alarms[0]?.hint ?? '', /flockd resume/);
  });

  it('one of a flock stops nobody else', async () => {
    const flock = await open(10);
    suspend(flock, 'bot-03');
    await flock.until(at('06:00:00'));
    assert.deepEqual([parkedIn(flock), flock.stopped], [1, false]);
    assert.deepEqual(flock.postsOf('bot-04').length, 5);
  });

  it('of a large flock have to be a tenth', async () => {
    const flock = await open(30);
    suspend(flock, 'bot-03', 'bot-07');
    await flock.until(at('02:45:00'));
    assert.deepEqual([parkedIn(flock), flock.stopped], [2, false]);
    suspend(flock, 'bot-00');
    await flock.until(at('03:00:30'));
    assert.deepEqual([parkedIn(flock), flock.stopped], [3, true]);
  });

  it('one after the other in more than an hour stop nobody', async () => {
    const flock = await open(10);
    for (const [n, bot] of ['bot-00', 'bot-01', 'bot-02'].entries()) {
      suspend(flock, bot);
      await flock.until(at(`0${3 + 2 * n}:45:00`));
    }
    assert.deepEqual([parkedIn(flock), flock.stopped], [3, false]);
  });
});

describe('a budget and a clock that is wrong', () => {
  it('is not spent twice where the clock was ahead for a while and came back', async () => {
    const flock = new HeldFlock(at('00:30:00'), { ...hourly, budget: { postsPerDay: 4 } }, accept);
    flock.add(
      'howl',
      Array.from({ length: 99 }, (_, n) => `line ${n + 1}`),
    );
    flock.start();
    await flock.until(at('04:30:00'));
    assert.equal(flock.postsOf('howl').length, 4);
    // X has the right time: nothing is posted by the clock that is ahead.
    const right = flock.clock.now();
    flock.clock.set(right + 40 * 24 * 3_600_000);
    flock.control('clock', { ahead: -40 * 24 * 3_600_000 });
    await flock.clock.runUntil(flock.clock.now() + 4 * 3_600_000);
    assert.equal(flock.postsOf('howl').length, 4);
    assert.deepEqual(
      flock.alarms.map(({ event }) => event),
      ['clock-wrong'],
    );
    flock.clock.set(right + 4 * 3_600_000);
    flock.control('clock', { ahead: 0 });
    await flock.until(at('23:59:00'));
    assert.equal(flock.postsOf('howl').length, 4);
    await flock.until('2026-05-02T23:59:00Z');
    assert.equal(flock.postsOf('howl').length, 8);
  });
});
