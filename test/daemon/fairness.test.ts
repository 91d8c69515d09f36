import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { otherApp } from '../support/flock.ts';
import { HeldFlock } from '../support/held-flock.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const deadline = 10 * second;

/** When every flock here begins. */
const midnight = Date.parse('2026-05-01T00:00:00Z');

const at = (after: number): string => new Date(midnight + after).toISOString();

/** Longer than any of these bots comes. */
const poem = Array.from({ length: 60 }, (_, n) => `line ${n + 1}`);

const namesOf = (stem: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${stem}-${String(n).padStart(3, '0')}`);

function open(settings: Record<string, unknown> = {}, sockets = 64): HeldFlock {
  const flock = new HeldFlock(
    at(0),
    { atEnd: 'stop', ...settings },
    { duplicates: 'accept', limits: { posts: null } },
  );
  flock.sockets = sockets;
  return flock;
}

/** How often each of the bots posts that are to be delayed by nobody: there is always one of them due. */
const cycle = 5 * minute;

/** Bots of another app, by name after all others here; each posts at a second of its own. */
function addOthers(flock: HeldFlock, count = 300): string[] {
  const bots = namesOf('other', count);
  bots.forEach((name, n) => {
    flock.add(name, poem, { schedule: `${n % 60} ${Math.floor(n / 60)}-59/5 * * * *` }, { of: otherApp });
  });
  return bots;
}

/** How late each post of these bots was between two instants; one that was not made is late for ever. */
function lateness(flock: HeldFlock, bots: readonly string[], from: number, until: number): number[] {
  return bots.flatMap((name, n) => {
    const made = flock.entriesOf(name).map(({ instant }) => instant - midnight);
    const slots = Array.from({ length: Math.ceil(until / cycle) }, (_, turn) => turn * cycle + n * second);
    // Each is posted before the next one is due.
    return slots
      .filter((slot) => slot > from && slot < until)
      .map((slot) => (made.find((post) => post >= slot && post < slot + cycle) ?? Infinity) - slot);
  });
}

function assertInTime(flock: HeldFlock, bots: readonly string[], from: number, until: number): void {
  const late = lateness(flock, bots, from, until);
  assert.ok(late.length > 250, `${late.length} slots are too few to tell`);
  assert.equal(
    late.filter((ms) => ms > 0).length,
    0,
    `late by up to ${late.reduce((most, ms) => Math.max(most, ms), 0)} ms`,
  );
  assert.deepEqual(flock.failures, []);
}

const spoil = (flock: HeldFlock, account: string, fault: object, path = '/2/*', times?: number): void => {
  flock.control('faults', { match: { account, path }, fault, ...(times !== undefined && { times }) });
};

const silence = { kind: 'hang' };

/** What X answers at a limit, until an instant. */
const refusal = (limit: string, until: number): object => ({
  kind: 'status',
  status: 429,
  body: { title: 'Too Many Requests', detail: 'Too Many Requests', status: 429 },
  headers: { [`${limit}-remaining`]: '0', [`${limit}-reset`]: String((midnight + until) / second) },
});

/** How long X takes for each answer, where places are to be scarce. Milliseconds. */
const slowly = { kind: 'delay', ms: 200 };

describe('an app at its limit', () => {
  for (const sockets of [64, 4]) {
    it(`delays no bot of another app until its reset, far away (${sockets} places)`, async () => {
      const flock = open({}, sockets);
      const limited = namesOf('ada', 300);
      for (const name of limited) {
        flock.add(name, poem, { schedule: '* * * * *' });
        spoil(flock, name, refusal('x-app-limit-24hour', 20 * hour));
      }
      const others = addOthers(flock);
      let requests = 0;
      flock.count(() => requests++);
      flock.start();
      await flock.until(at(15 * minute));
      const posts = others.reduce((sum, name) => sum + flock.postsOf(name).length, 0);
      // Each of the others looks at its timeline once before it posts.
      const refused = requests - posts - others.length;
      assert.ok(refused <= sockets, `${refused} requests for nothing`);
      assertInTime(flock, others, 0, 15 * minute);
    });

    it(`delays no bot where each of its accounts is at its own limit (${sockets} places)`, async () => {
      const flock = open({}, sockets);
      const limited = namesOf('ada', 300);
      for (const name of limited) {
        flock.add(name, poem, { schedule: '* * * * *' });
        spoil(flock, name, refusal('x-rate-limit', 7 * minute), '/2/tweets', 1);
      }
      const others = addOthers(flock);
      flock.start();
      await flock.until(at(15 * minute - 1));
      for (const name of limited) assert.equal(flock.postsOf(name).length, 8);
      assertInTime(flock, others, 0, 15 * minute);
    });
  }

  for (const [limit, accounts] of [
    ['x-app-limit-24hour', 1],
    ['x-rate-limit', 300],
  ] as const) {
    it(`does not crowd out what is due when it is reset (${limit})`, async () => {
      const flock = open({}, 4);
      const reset = 12 * minute;
      const limited = namesOf('ada', 300);
      for (const [n, name] of limited.entries()) {
        flock.add(name, poem, { schedule: '3 * * * *' });
        if (n < accounts) spoil(flock, name, refusal(limit, reset), '/2/tweets', 1);
        spoil(flock, name, slowly);
      }
      const others = addOthers(flock);
      for (const name of others) spoil(flock, name, slowly);
      flock.start();
      await flock.until(at(15 * minute));
      const last = Math.max(...limited.map((name) => flock.entriesOf(name)[0]?.instant ?? Infinity));
      // They come at once, and it takes all places some time until the last of them has posted.
      assert.ok(last - midnight > reset + 10 * second, `the last at ${new Date(last).toISOString()}`);
      const late = lateness(flock, others, reset - second, reset + 3 * minute);
      assert.ok(Math.max(...late) <= 2 * slowly.ms, `late by up to ${Math.max(...late)} ms`);
    });
  }
});

describe('an account that does not answer', () => {
  it('delays nobody, though it has slots of a month to make up for', async () => {
    const flock = open({}, 2);
    const others = addOthers(flock);
    flock.add('mute', poem, { schedule: '* * * * *', missed: 'all' });
    flock.start();
    await flock.until(at(second / 2));
    await flock.stop();
    const month = 30 * 24 * hour;
    flock.clock.set(midnight + month);
    spoil(flock, 'mute', silence);
    flock.start();
    await flock.until(at(month + 15 * minute));
    assert.deepEqual(flock.postsOf('mute'), []);
    assertInTime(flock, others, month + minute, month + 15 * minute);
  });

  it('delays nobody, though each of its answers takes nearly all the time there is', async () => {
    const flock = open({}, 2);
    const others = addOthers(flock);
    flock.add('mute', poem, { schedule: '*/2 * * * * *', missed: 'all' });
    spoil(flock, 'mute', { kind: 'delay', ms: deadline - 1 });
    flock.start();
    await flock.until(at(15 * minute));
    assert.ok(flock.postsOf('mute').length > 50, 'it posts all the time');
    assertInTime(flock, others, 0, 15 * minute);
  });

  it('delays nobody while it is looked back for', async () => {
    const flock = open({ settle: '1s' }, 2);
    const others = addOthers(flock);
    flock.add('mute', poem, { schedule: '* * * * *' });
    spoil(flock, 'mute', { kind: 'drop', when: 'after' }, '/2/tweets', 1);
    const mute = flock.sandbox.world.accountNamed('mute')?.id;
    let looks = 0;
    flock.count((path) => (looks += path.startsWith(`/2/users/${mute}/`) ? 1 : 0));
    flock.start();
    await flock.until(at(minute + second / 2));
    looks = 0;
    spoil(flock, 'mute', silence, '/2/users/*');
    await flock.until(at(20 * minute));
    assert.ok(looks >= 4, `${looks} looks`);
    assert.equal(flock.state('mute')?.open?.line, 0);
    assertInTime(flock, others, 0, 20 * minute);
  });

  for (const [what, path] of [
    ['nothing', '/2/*'],
    ['no post, though their timelines can be read', '/2/tweets'],
  ] as const)
    it(`delays others once, by its deadline at most, where as many as there are places answer ${what}`, async () => {
      const flock = open({ settle: '1s' }, 4);
      const others = addOthers(flock);
      for (const name of namesOf('mute', 8)) {
        flock.add(name, poem, { schedule: '* * * * *', missed: 'all' });
        spoil(flock, name, silence, path);
      }
      flock.start();
      await flock.until(at(20 * minute));
      // They are eight, and four places: nobody knows of the second four before they have had their turn.
      const first = lateness(flock, others, 0, 2 * minute);
      assert.ok(Math.max(...first) <= 2 * deadline, `late by up to ${Math.max(...first)} ms`);
      assertInTime(flock, others, 2 * minute, 20 * minute);
    });

  it('is a bot like any other again once X has taken a post of it quickly', async () => {
    const flock = open({ settle: '1s' }, 4);
    const once = namesOf('mute', 8);
    for (const name of once) {
      flock.add(name, poem, { schedule: '* * * * *' });
      spoil(flock, name, silence, '/2/tweets', 1);
    }
    flock.start();
    await flock.until(at(5 * minute + second));
    for (const name of once) spoil(flock, name, slowly);
    await flock.until(at(7 * minute - 1));
    // Four at a time, not three: two rounds.
    const made = once.map((name) =>
      flock.entriesOf(name).map(({ instant }) => instant - midnight - 6 * minute),
    );
    assert.deepEqual(
      made.map((posts) => posts.filter((post) => post >= 0)),
      once.map((_, n) => [n < 4 ? 0 : slowly.ms]),
    );
  });
});

describe('a bot with too much of everything', () => {
  it('delays nobody with a poem of 100,000 lines', async () => {
    const flock = open({}, 2);
    const others = addOthers(flock);
    const lines = Array.from({ length: 100_000 }, (_, n) => `line ${n + 1}`);
    flock.add('long', lines, { schedule: '*/2 * * * *' });
    flock.start();
    await flock.until(at(15 * minute));
    assert.deepEqual(flock.postsOf('long'), lines.slice(0, 7));
    assertInTime(flock, others, 0, 15 * minute);
  });

  it('delays nobody with the slots of a month, one every second', async () => {
    const flock = open({}, 2);
    const others = addOthers(flock);
    flock.add('late', poem, { schedule: '* * * * * *', missed: 'all', atEnd: 'loop' });
    spoil(flock, 'late', slowly);
    flock.start();
    await flock.until(at(second / 2));
    await flock.stop();
    const month = 30 * 24 * hour;
    flock.clock.set(midnight + month);
    flock.start();
    await flock.until(at(month + 10 * minute));
    const made = flock.entriesOf('late').map(({ instant }) => instant);
    assert.ok(made.length > 800, `${made.length} posts in ten minutes`);
    made.slice(1).forEach((post, n) => assert.ok(post - (made[n] ?? 0) >= second / 2, 'paced'));
    assertInTime(flock, others, month + minute, month + 10 * minute);
  });
});
