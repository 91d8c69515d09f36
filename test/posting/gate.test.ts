import type { Failure, Outcome, TimeAnswer } from '../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { type Block, Gate } from '../../src/posting/gate.ts';
import type { PostFailure } from '../../src/posting/post.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

const ours = new TokenPair('our-app', 's');
/** A bot of an app at X. */
const botOf = (name: string, appKeys = ours) => ({
  name,
  bundle: { appKeys, accessToken: new TokenPair('token', 's'), userId: '7', screenName: name },
});
const oursAgain = new TokenPair('our-app', 's');
const theirs = new TokenPair('their-app', 's');

/** What a bot is about to do, and with which app. */
interface Try {
  what?: 'post' | 'look';
  app?: TokenPair;
}
type Kind = Exclude<Failure['kind'], 'wait' | 'in-doubt'>;

const failed = (kind: Kind): Outcome<string> => ({ failure: { kind, reason: `so: ${kind}` } });
const foreign: Outcome<string> = { failure: { kind: 'in-doubt', foreign: true, reason: 'a web page' } };
const lost: Outcome<string> = { failure: { kind: 'in-doubt', isServed: true, reason: 'cut' } };
const fine: Outcome<string> = { ok: '1' };

/** A gate on a held clock, what it has logged, and how often it has told those who wait. */
class World {
  readonly clock = new HeldClock('2026-05-01T09:00:00Z');
  readonly logged: { event: string; level: number; hint?: string }[] = [];
  opened = 0;
  asked = 0;
  /** What X says of the time. */
  answer: TimeAnswer = { ahead: 0, isOwn: true };
  readonly gate: Gate;

  constructor() {
    this.gate = new Gate({
      clock: this.clock,
      log: pino(
        {},
        { write: (line: string) => this.logged.push(JSON.parse(line) as (typeof this.logged)[number]) },
      ),
      askTime: () => {
        this.asked++;
        return Promise.resolve(this.answer);
      },
      opened: () => this.opened++,
    });
  }

  /** A bot tries, if nothing keeps it back, and this comes of it. @returns whether it did try */
  try(bot: string, outcome: Outcome<string>, { what = 'post', app = ours }: Try = {}): boolean {
    const one = botOf(bot, app);
    if (this.gate.blocked(what, one)) return false;
    this.gate.enter(what, one);
    this.gate.learn(what, one, outcome);
    return true;
  }

  /** A bot that was under way already learns this. */
  learn(
    bot: string,
    outcome: Outcome<string>,
  ): { failure: PostFailure; waits: number | undefined } | undefined {
    const learned = this.gate.learn('post', botOf(bot), outcome);
    if (!learned) return undefined;
    const { failure, closedUntil } = learned;
    return { failure, waits: closedUntil === undefined ? undefined : closedUntil - this.clock.now() };
  }

  /** For how long a bot is kept back; 0 where it is not. */
  waits(bot: string, { what = 'post', app = ours }: Try = {}): number {
    const block = this.gate.blocked(what, botOf(bot, app));
    return block ? block.until - this.clock.now() : 0;
  }

  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(this.clock.now() + ms);
  }

  events(): string[] {
    return this.logged.map(({ event }) => event);
  }
}

describe('who may try after somebody was refused', () => {
  it('everybody, at first', () => {
    const world = new World();
    assert.equal(world.gate.blocked('post', botOf('ada', ours)), undefined);
    assert.equal(world.gate.blocked('look', botOf('ada', ours)), undefined);
  });

  const kinds: [outcome: Outcome<string>, post: [ours: boolean, theirs: boolean]][] = [
    [failed('app-refused'), [true, false]],
    [failed('no-credit'), [true, false]],
    [failed('clock'), [true, true]],
    [
      { failure: { kind: 'wait', scope: 'app', until: Date.parse('2026-05-01T10:00Z'), reason: '429' } },
      [true, false],
    ],
    [
      { failure: { kind: 'wait', scope: 'bot', until: Date.parse('2026-05-01T10:00Z'), reason: '429' } },
      [false, false],
    ],
    ...(
      [
        'reauth',
        'unauthorized',
        'suspended',
        'locked',
        'automated',
        'read-only',
        'limit',
        'duplicate',
        'rejected',
        'never-sent',
      ] as const
    ).map((kind): [Outcome<string>, [boolean, boolean]] => [failed(kind), [false, false]]),
    [foreign, [false, false]],
    [lost, [false, false]],
  ];
  for (const [outcome, [own, other]] of kinds) {
    const name = 'failure' in outcome ? JSON.stringify(outcome.failure) : '';
    it(`one bot alone, after ${name}: ${own ? 'its app waits' : 'nobody waits'}`, () => {
      const world = new World();
      world.try('ada', outcome);
      assert.equal(world.waits('bea', { app: oursAgain }) > 0, own);
      assert.equal(world.waits('cid', { app: theirs }) > 0, other);
      // X may grant a look where it refuses a post.
      assert.equal(world.waits('bea', { what: 'look' }), 0);
    });
  }

  it('those who look wait for a look that was refused, and those who post do not', () => {
    const world = new World();
    world.try('ada', failed('no-credit'), { what: 'look' });
    assert.ok(world.waits('bea', { what: 'look' }) > 0);
    assert.equal(world.waits('bea'), 0);
    world.try('bea', fine);
    assert.ok(world.waits('bea', { what: 'look' }) > 0, 'a post that is made says nothing of looks');
  });

  it('is told why, and when to ask again', () => {
    const world = new World();
    world.try('ada', failed('app-refused'));
    const block = world.gate.blocked('post', botOf('bea', ours));
    assert.deepEqual(block, {
      why: 'app-refused',
      reason: 'so: app-refused',
      until: world.clock.now() + 15 * second,
    });
  });
});

describe('a closed gate', () => {
  it('is tried by one bot at a time, at growing intervals, until it is seen to be open', async () => {
    const world = new World();
    world.try('ada', failed('app-refused'));
    const waits: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      const bots = ['ada', 'bea', 'cid'];
      const [wait, who = ''] = bots
        .map((bot): [number, string] => [world.waits(bot), bot])
        .toSorted(([a], [b]) => a - b)[0] ?? [0];
      waits.push(wait / second);
      await world.pass(wait);
      assert.equal(world.waits(who), 0, 'it is its turn');
      world.gate.enter('post', botOf(who));
      for (const other of bots.filter((bot) => bot !== who))
        assert.equal(world.waits(other), 5 * second, 'the others wait for what comes of it');
      world.gate.learn('post', botOf(who), failed('app-refused'));
    }
    for (let n = 1; n < waits.length; n++)
      assert.ok((waits[n] ?? 0) >= (waits[n - 1] ?? 0) - 5, String(waits));
    assert.equal(waits[0], 15);
    assert.ok(Math.max(...waits) <= 15 * 60 + 5, String(waits));
    assert.ok(Math.max(...waits) >= 15 * 60, String(waits));
    assert.equal(world.opened, 0);
    await world.pass(hour);
    assert.ok(world.try('bea', fine));
    for (const bot of ['ada', 'bea', 'cid']) assert.equal(world.waits(bot), 0);
    assert.equal(world.opened, 1);
  });

  it('begins with short waits again, the next time', async () => {
    const world = new World();
    for (let turn = 0; turn < 6; turn++) {
      world.try('ada', failed('app-refused'));
      await world.pass(hour);
    }
    world.try('ada', fine);
    world.try('ada', failed('app-refused'));
    assert.equal(world.waits('bea'), 15 * second);
  });

  it('gives each bot its turn, so that one with a key that is dead does not keep it closed', async () => {
    const world = new World();
    for (const bot of ['ada', 'bea', 'cid'])
      world.gate.learn('post', botOf(bot, ours), failed('unauthorized'));
    // X is well again, but ada's key was revoked meanwhile.
    const says = (bot: string): Outcome<string> => (bot === 'ada' ? failed('unauthorized') : fine);
    for (let turn = 0; turn < 2; turn++) {
      await world.pass(Math.min(...['ada', 'bea', 'cid'].map((bot) => world.waits(bot))));
      const bot = ['ada', 'bea', 'cid'].find((name) => world.waits(name) === 0) ?? '';
      world.try(bot, says(bot));
    }
    assert.equal(world.waits('bea'), 0);
    assert.deepEqual(world.events(), ['gate-closed', 'gate-opened']);
  });

  it('learns nothing new of those who were under way when it closed', async () => {
    const world = new World();
    for (const bot of ['ada', 'bea', 'cid', 'dee']) world.gate.enter('post', botOf(bot, ours));
    for (const bot of ['ada', 'bea', 'cid', 'dee'])
      assert.deepEqual(world.learn(bot, failed('no-credit')), {
        failure: { kind: 'no-credit', reason: 'so: no-credit' },
        waits: 15 * minute,
      });
    await world.pass(minute);
    assert.equal(world.learn('eve', failed('no-credit'))?.waits, 14 * minute);
    assert.deepEqual(world.events(), ['gate-closed']);
  });

  it('is open where who tries it is refused for a reason of its own', async () => {
    for (const kind of ['rejected', 'suspended', 'duplicate', 'reauth', 'limit'] as const) {
      const world = new World();
      world.try('ada', failed('app-refused'));
      await world.pass(15 * second);
      world.try('bea', failed(kind));
      assert.equal(world.waits('cid'), 0, kind);
      assert.equal(world.opened, 1);
    }
  });

  it('stays closed where what comes of a try does not tell', async () => {
    for (const outcome of [lost, foreign, failed('never-sent')]) {
      const world = new World();
      world.try('ada', failed('app-refused'));
      await world.pass(15 * second);
      world.try('bea', outcome);
      assert.ok(world.waits('cid') > 0);
      assert.equal(world.opened, 0);
      await world.pass(world.waits('cid'));
      assert.ok(world.try('cid', fine), 'another one has its turn');
    }
  });

  it('is tried by another bot where the first never tells what came of it', async () => {
    const world = new World();
    world.try('ada', failed('app-refused'));
    await world.pass(15 * second);
    world.gate.enter('post', botOf('bea', ours));
    let waited = 0;
    for (let wait = world.waits('cid'); wait > 0; wait = world.waits('cid')) {
      assert.ok(wait <= 5 * second);
      waited += wait;
      await world.pass(wait);
    }
    assert.equal(waited, 2 * minute);
    assert.ok(world.try('cid', fine));
    assert.equal(world.waits('dee'), 0);
  });

  it('is not counted on the clock that is set', async () => {
    const world = new World();
    world.try('ada', failed('no-credit'));
    world.clock.set(world.clock.now() - 26 * hour);
    assert.equal(world.waits('bea'), 15 * minute);
    world.clock.set(world.clock.now() + 60 * hour);
    assert.equal(world.waits('bea'), 15 * minute);
    await world.pass(15 * minute);
    assert.equal(world.waits('bea'), 0);
  });
});

describe('the limit of an app', () => {
  const until = Date.parse('2026-05-01T12:00:00Z');
  const limit: Outcome<string> = { failure: { kind: 'wait', scope: 'app', until, reason: '429' } };

  it('is over at its instant, for all at once, and is not tried before', async () => {
    const world = new World();
    world.try('ada', limit);
    assert.deepEqual(world.gate.blocked('post', botOf('bea', ours)), { why: 'limit', reason: '429', until });
    await world.pass(3 * hour - 1);
    assert.ok(!world.try('ada', fine) && !world.try('bea', fine));
    await world.pass(1);
    for (const bot of ['ada', 'bea', 'cid']) assert.equal(world.waits(bot), 0);
  });

  it('is that of the latest answer', async () => {
    const world = new World();
    world.gate.enter('post', botOf('bea', ours));
    world.try('ada', limit);
    const later = until + hour;
    const reason = 'once more';
    assert.equal(
      world.learn('bea', { failure: { kind: 'wait', scope: 'app', until: later, reason } })?.waits,
      4 * hour,
    );
    await world.pass(3 * hour);
    assert.equal(world.waits('cid'), hour);
  });
});

describe('a 401 that names nothing', () => {
  const bare = failed('unauthorized');

  it('of two bots is about them', () => {
    const world = new World();
    for (const bot of ['ada', 'bea', 'ada', 'bea'])
      assert.equal(world.learn(bot, bare)?.failure.kind, 'unauthorized');
    assert.equal(world.waits('cid'), 0);
  });

  it('of three bots is an outage: all bots of the app wait, and nobody is refused', () => {
    const world = new World();
    world.learn('ada', bare);
    world.learn('bea', bare);
    const third = world.learn('cid', bare);
    assert.equal(third?.failure.kind, 'outage');
    assert.match(third.failure.reason, /^so: unauthorized, and those of other bots of this app$/);
    assert.equal(third.waits, 30 * second);
    assert.equal(world.waits('dee'), 30 * second);
    assert.equal(world.waits('dee', { app: theirs }), 0);
    assert.equal(world.learn('ada', bare)?.failure.kind, 'outage');
  });

  it('of three bots after a success of somebody is about them', () => {
    const world = new World();
    world.learn('ada', bare);
    world.learn('bea', bare);
    world.learn('dee', fine);
    assert.equal(world.learn('cid', bare)?.failure.kind, 'unauthorized');
    assert.equal(world.learn('ada', bare)?.failure.kind, 'unauthorized');
    assert.equal(world.learn('bea', bare)?.failure.kind, 'outage');
  });

  it('of three bots within more than ten minutes is about them', async () => {
    const world = new World();
    world.learn('ada', bare);
    await world.pass(5 * minute);
    world.learn('bea', bare);
    await world.pass(5 * minute + 1);
    assert.equal(world.learn('cid', bare)?.failure.kind, 'unauthorized');
  });

  it('of bots of several apps is counted for each app', () => {
    const world = new World();
    world.learn('ada', bare);
    world.gate.learn('post', botOf('bea', theirs), bare);
    assert.equal(world.learn('cid', bare)?.failure.kind, 'unauthorized');
  });

  it('is an outage of looks where it comes to looks', () => {
    const world = new World();
    world.learn('ada', bare);
    world.learn('bea', bare);
    const third = world.gate.learn('look', botOf('cid', ours), bare);
    assert.equal(third?.failure.kind, 'unauthorized');
  });

  it('is over once anybody is served', async () => {
    const world = new World();
    for (const bot of ['ada', 'bea', 'cid']) world.learn(bot, bare);
    await world.pass(30 * second);
    assert.ok(world.try('dee', fine));
    assert.equal(world.opened, 1);
    assert.equal(world.learn('ada', bare)?.failure.kind, 'unauthorized');
  });
});

describe('an answer that is not of X', () => {
  it('to one bot keeps nobody back', () => {
    const world = new World();
    for (let n = 0; n < 9; n++) assert.equal(world.learn('ada', foreign)?.waits, undefined);
    assert.equal(world.waits('bea'), 0);
  });

  it('to two bots, of whatever app, keeps everybody back', async () => {
    const world = new World();
    world.learn('ada', foreign);
    world.gate.learn('post', botOf('bea', theirs), foreign);
    assert.equal(world.waits('cid'), 10 * second);
    assert.equal(world.waits('dee', { app: theirs }), 10 * second);
    await world.pass(10 * second);
    assert.ok(world.try('cid', fine));
    assert.equal(world.waits('dee'), 0);
    assert.deepEqual(world.events(), ['gate-closed', 'gate-opened']);
  });

  it('is asked again within a minute, however long it lasts', async () => {
    const world = new World();
    world.learn('ada', foreign);
    world.learn('bea', foreign);
    for (let turn = 0; turn < 20; turn++) {
      const wait = Math.min(...['ada', 'bea'].map((bot) => world.waits(bot)));
      assert.ok(wait > 0 && wait <= minute + 5 * second, `${wait}`);
      await world.pass(wait);
      world.try(['ada', 'bea'].find((bot) => world.waits(bot) === 0) ?? '', foreign);
    }
  });
});

describe('an app that is refused', () => {
  it('is told once, with where a person mends it, and again only after it was served', async () => {
    const world = new World();
    for (let turn = 0; turn < 5; turn++) {
      world.try('ada', failed('app-refused'));
      await world.pass(20 * minute);
    }
    assert.deepEqual(world.events(), ['app-refused']);
    assert.match(world.logged[0]?.hint ?? '', /console.*Pay-per-use.*Production/);
    world.try('ada', fine);
    world.try('ada', failed('app-refused'));
    assert.deepEqual(world.events(), ['app-refused', 'gate-opened', 'app-refused']);
  });
});

describe('the clock', () => {
  /** What a flock that begins waits for. */
  const check = (world: World): Promise<Block | undefined> => world.gate.checkClock(botOf('rain').bundle);

  it('is not built on before X has told the time, and X is asked once', async () => {
    const world = new World();
    assert.equal(world.gate.isSure, false);
    assert.deepEqual(await Promise.all([check(world), check(world), check(world)]), [
      undefined,
      undefined,
      undefined,
    ]);
    assert.equal(world.gate.isSure, true);
    await world.pass(30 * 24 * hour);
    assert.equal(await check(world), undefined);
    assert.equal(world.asked, 1);
    assert.deepEqual(world.events(), []);
  });

  it('is right where X refuses a signature for nothing less', async () => {
    for (const ahead of [-299 * second, 299 * second, undefined]) {
      const world = new World();
      world.answer = { ahead, isOwn: true };
      assert.equal(await check(world), undefined);
    }
  });

  for (const [name, ahead] of [
    ['behind', 20 * minute],
    ['ahead', -20 * minute],
    ['of 1970', 56 * 365 * 24 * hour],
  ] as const) {
    it(`that is ${name} keeps everybody back, is told once, and is asked about until it is right`, async () => {
      const world = new World();
      world.answer = { ahead, isOwn: true };
      for (let turn = 1; turn <= 20; turn++) {
        const block = await check(world);
        assert.equal(block?.why, 'clock');
        assert.match(block.reason, /this machine's clock is .* X's/);
        assert.ok(block.until - world.clock.now() <= 5 * second);
        assert.equal(world.gate.isSure, false);
        // The others ask no more of X than one.
        await check(world);
        assert.equal(world.asked, turn);
        await world.pass(5 * second);
      }
      assert.deepEqual(world.events(), ['clock-wrong']);
      world.clock.set(world.clock.now() + ahead);
      world.answer = { ahead: 0, isOwn: true };
      assert.equal(await check(world), undefined);
      assert.deepEqual(world.events(), ['clock-wrong', 'clock-right']);
      assert.equal(world.gate.isSure, true);
    });
  }

  it('is asked about again once it was set, whichever way, and not when it drifts', async () => {
    const world = new World();
    await check(world);
    world.clock.set(world.clock.now() + 29 * second);
    assert.equal(world.gate.isSure, true);
    world.clock.set(world.clock.now() + 2 * second);
    assert.equal(world.gate.isSure, false);
    await check(world);
    world.clock.set(world.clock.now() - 26 * hour);
    assert.equal(world.gate.isSure, false);
    await check(world);
    assert.equal(world.asked, 3);
  });

  it('comes back to the time that was right without asking anybody', async () => {
    const world = new World();
    await check(world);
    world.clock.set(world.clock.now() + 26 * hour);
    world.clock.set(world.clock.now() - 26 * hour);
    assert.equal(world.gate.isSure, true);
  });

  it('is not known where X cannot be reached: nothing is posted, and nobody is alarmed', async () => {
    const world = new World();
    world.answer = { unreachable: 'no route to host' };
    const block = await check(world);
    assert.deepEqual([block?.why, block?.reason], ['never-sent', 'no route to host']);
    assert.equal(world.gate.isSure, false);
    await world.pass(5 * second);
    await check(world);
    assert.deepEqual(world.events(), ['clock-unknown']);
    world.answer = { ahead: 0, isOwn: true };
    assert.equal(await check(world), undefined);
    assert.deepEqual(world.events(), ['clock-unknown', 'clock-known']);
  });

  it('is told right by an answer that is not of X, and not called wrong by it', async () => {
    const world = new World();
    world.answer = { ahead: 3 * hour, isOwn: false };
    const block = await check(world);
    assert.equal(block?.why, 'foreign');
    assert.deepEqual(world.events(), ['clock-unknown']);
    await world.pass(5 * second);
    world.answer = { ahead: 0, isOwn: false };
    assert.equal(await check(world), undefined);
  });

  it('that was wrong is said to be right, whatever else came in between', async () => {
    const world = new World();
    world.answer = { ahead: hour, isOwn: true };
    await check(world);
    await world.pass(5 * second);
    world.answer = { ahead: hour, isOwn: false };
    await check(world);
    await world.pass(5 * second);
    world.answer = { ahead: 0, isOwn: true };
    await check(world);
    assert.deepEqual(world.events(), ['clock-wrong', 'clock-right']);
    world.clock.set(world.clock.now() + hour);
    world.answer = { ahead: -hour, isOwn: true };
    await check(world);
    assert.deepEqual(world.events(), ['clock-wrong', 'clock-right', 'clock-wrong']);
  });

  it('is made sure of by any answer that tells the time', () => {
    const world = new World();
    world.try('ada', { ...failed('rejected'), time: world.clock.now() - 4 * minute });
    assert.equal(world.gate.isSure, true);
    const other = new World();
    other.try('ada', { ...failed('rejected'), time: other.clock.now() - 6 * minute });
    assert.equal(other.gate.isSure, false);
  });

  it('that X calls wrong keeps everybody back until a post is taken', async () => {
    const world = new World();
    const refused = (): Outcome<string> => ({ ...failed('clock'), time: world.clock.now() + 2 * minute });
    world.try('ada', refused());
    assert.equal(world.waits('bea'), 5 * second);
    assert.equal(world.waits('cid', { app: theirs }), 5 * second);
    for (let turn = 0; turn < 10; turn++) {
      const wait = Math.min(...['ada', 'bea'].map((bot) => world.waits(bot)));
      assert.ok(wait <= 15 * second);
      await world.pass(wait);
      world.try(['ada', 'bea'].find((bot) => world.waits(bot) === 0) ?? '', refused());
    }
    assert.deepEqual(world.events(), ['clock-wrong']);
    await world.pass(minute);
    assert.ok(world.try('bea', fine));
    assert.equal(world.waits('ada'), 0);
    assert.deepEqual(world.events(), ['clock-wrong', 'clock-right']);
  });
});
