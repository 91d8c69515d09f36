import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ping } from '../../src/alarms/alarms.ts';
import { HeldClock } from '../../src/clock.ts';
import { Address } from '../../src/config/hooks.ts';
import { openSender } from '../../src/http/send.ts';
import { AlarmedFlock } from './alarmed-flock.ts';
import { linesOf } from '../support/flock.ts';
import { HeardLog } from './heard-log.ts';
import { secretPath, WebEnd } from './hook-ends.ts';

const posts = { method: 'POST', path: '/2/tweets' };
const minute = 60_000;

/** A ping on a held clock, to a server that answers with these statuses in turn. */
async function pinged(...statuses: (number | 'hang')[]) {
  const end = await WebEnd.open(...statuses);
  const sender = openSender({ deadline: 600_000, sockets: 4 });
  const clock = new HeldClock('2026-03-01T09:00:00Z');
  const heard = new HeardLog();
  const answers: Promise<unknown>[] = [];
  const ping = new Ping({
    clock,
    log: heard.log,
    send(request) {
      const answer = sender.send(request);
      answers.push(answer.catch(() => undefined));
      return answer;
    },
  });
  ping.update(new Address(end.url));
  return {
    end,
    clock,
    heard,
    ping,
    /** Lets the time pass, once every answer that is to come has come. */
    pass: async (ms: number) => {
      await Promise.all(answers);
      await clock.runUntil(clock.now() + ms);
    },
    count: () => end.seen.all.length,
    async [Symbol.asyncDispose]() {
      ping.end();
      await sender[Symbol.asyncDispose]();
      await end[Symbol.asyncDispose]();
    },
  };
}

describe('a ping', { concurrency: true }, () => {
  it('is a GET of its address, after a round that went well, once a minute at most', async () => {
    await using world = await pinged(200);
    const { ping, end, pass } = world;
    ping.onIdle(true);
    ping.onIdle(false);
    const [seen] = await end.seen.until(1);
    assert.deepEqual([seen?.method, seen?.path, seen?.body], ['GET', `/${secretPath}`, '']);
    for (let count = 0; count < 59; count++) {
      await pass(1000);
      ping.onIdle(false);
    }
    await pass(1000);
    ping.onIdle(false);
    await end.seen.until(2);
    await pass(minute);
    ping.onIdle(true);
    await pass(0);
    assert.equal(world.count(), 2);
  });

  it('that fails is tried again twice, and logged once for each cause', async () => {
    await using world = await pinged(500, 500, 500, 503, 503, 200, 404, 404, 302);
    const { ping, heard, end, pass } = world;
    ping.onIdle(false);
    await end.seen.until(1);
    await pass(minute - 1);
    assert.equal(world.count(), 1);
    await pass(1);
    await end.seen.until(2);
    await pass(5 * minute);
    await heard.until('ping-failed');
    assert.equal(world.count(), 3);
    await pass(minute);
    ping.onIdle(false);
    for (const [count, wait] of [
      [4, minute],
      [5, 5 * minute],
      [6, 0],
    ] as const) {
      await end.seen.until(count);
      await pass(wait);
    }
    for (const count of [7, 8, 9]) {
      await pass(minute);
      ping.onIdle(false);
      await end.seen.until(count);
    }
    const failures = await heard.until('ping-failed', 3);
    assert.deepEqual(
      failures.map(({ why }) => why),
      ['it answered 500', 'it answered 404', 'it answered 302: a redirect, which is not followed'],
    );
    assert.doesNotMatch(JSON.stringify(heard.lines), /secret|127\.0\.0\.1/);
  });

  it('that hangs is given up, and others wait for nothing', async () => {
    await using world = await pinged('hang');
    const { ping, clock, heard, end } = world;
    ping.onIdle(false);
    for (const count of [1, 2, 3]) {
      await end.seen.until(count);
      await clock.runUntil(clock.now() + 10_000);
      if (count < 3) await clock.runUntil(clock.now() + (count === 1 ? 1 : 5) * minute);
    }
    const [failure] = await heard.until('ping-failed');
    assert.equal(failure?.why, 'it gave no whole answer within 10 s');
  });

  it('goes to the address that flock.json has now, or nowhere', async () => {
    await using old = await pinged('hang');
    const { ping, heard } = old;
    ping.onIdle(false);
    await old.end.seen.until(1);
    await using other = await WebEnd.open(200);
    ping.update(new Address(other.url));
    ping.onIdle(false);
    await other.seen.until(1);
    ping.update(undefined);
    await old.clock.runUntil(old.clock.now() + 60 * minute);
    ping.onIdle(false);
    assert.deepEqual([old.count(), other.seen.all.length, heard.lines.length], [1, 1, 0]);
  });
});

describe('a flock with a dead man’s switch', () => {
  const daily = { schedule: '0 9 * * *', atEnd: 'stop' };

  it('pings it after each day that went well, and not after one that did not', async () => {
    await using end = await WebEnd.open(200);
    await using sender = openSender({ deadline: 10_000, sockets: 1 });
    const pings: string[] = [];
    const sent: Promise<unknown>[] = [];
    const poems = { howl: linesOf('howl', 30), rain: linesOf('rain', 30) };
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', poems, (request) => {
      pings.push(new Date(flock.clock.now()).toISOString());
      sent.push(sender.send(request));
      // The held clock does not wait for the network.
      return Promise.resolve({ status: 200, headers: {}, body: '' });
    });
    flock.update({ ...daily, ping: end.url });
    await flock.until('2026-03-02T12:00:00Z');
    flock.control('accounts/howl/suspend');
    await flock.until('2026-03-04T12:00:00Z');
    flock.control('faults', { match: posts, times: 1, fault: { kind: 'status', status: 429 } });
    await flock.until('2026-03-05T12:00:00Z');
    assert.deepEqual(pings, [
      // It looks at every bot as it begins.
      '2026-03-01T08:00:00.000Z',
      '2026-03-01T09:00:00.000Z',
      '2026-03-02T09:00:00.000Z',
      // On the 3rd a bot is parked, and then rests.
      '2026-03-04T09:00:00.000Z',
      // On the 5th X will not have the post at once.
      '2026-03-05T09:15:00.000Z',
    ]);
    await Promise.all(sent);
    assert.equal(end.seen.all.length, pings.length);
  });

  it('pings nothing while the flock is stopped, and goes on when its poem is at its end', async () => {
    const pings: string[] = [];
    await using flock = new AlarmedFlock('2026-03-01T08:00:00Z', { howl: linesOf('howl', 3) }, () => {
      pings.push(new Date(flock.clock.now()).toISOString());
      return Promise.resolve({ status: 200, headers: {}, body: '' });
    });
    flock.update({ ...daily, ping: 'http://127.0.0.1:1/' });
    await flock.until('2026-03-02T12:00:00Z');
    flock.stopped = true;
    flock.daemon.wakeAll();
    await flock.until('2026-03-03T12:00:00Z');
    const before = pings.length;
    await flock.until('2026-03-09T12:00:00Z');
    assert.equal(pings.length, before);
    flock.stopped = false;
    flock.daemon.wakeAll();
    await flock.until('2026-03-20T12:00:00Z');
    assert.equal(flock.postsOf('howl').length, 3);
    assert.equal(pings.at(-1), '2026-03-20T09:00:00.000Z');
  });
});
