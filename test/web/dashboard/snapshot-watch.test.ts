import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { HeldClock } from '../../../src/clock.ts';
import { type Bot, parseFlockFile } from '../../../src/config/flock-file.ts';
import { postPages } from '../../../src/flock/status.ts';
import type { LedgerEvent } from '../../../src/ledger/events.ts';
import { EventLog } from '../../../src/log.ts';
import { TokenPair } from '../../../src/oauth/signature.ts';
import type { BotName } from '../../../src/poems/bot-name.ts';
import { rulesOfX } from '../../../src/poems/tweet-text.ts';
import { type FlockBudget, unlimitedBudget } from '../../../src/posting/budget.ts';
import { type FlockView, SnapshotCache } from '../../../src/web/dashboard/snapshot.ts';
import { MemoryLedger } from '../../fakes/memory-ledger.ts';
import { tempFolder } from '../../flock/temp-folder.ts';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.parse('2026-11-21T20:00:00Z');
const names = ['ada', 'bea', 'cid', 'dot'];
const settings = parseFlockFile(
  JSON.stringify({ schedule: '*/20 * * * *', atEnd: 'stop', bots: { bea: { budget: { postsPerDay: 3 } } } }),
  'flock.json',
);
const folder = tempFolder();
const pair = new TokenPair('a', 'b');
const bots = names.map((name): Bot => {
  const poemFile = path.join(folder, `${name}.txt`);
  writeFileSync(poemFile, 'one\ntwo\nthree\nfour\nfive.It\nsix\n');
  const bundle = { appKeys: pair, accessToken: pair, userId: '1', screenName: name };
  return {
    name: name as BotName,
    bundle,
    poemFile,
    settings: settings.settingsOf(name as BotName),
    rules: rulesOfX,
  };
});
const poem = 'aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff';

/** A flock that is watched, on a held clock. */
class WatchedFlock {
  readonly clock = new HeldClock(start);
  readonly ledger = new MemoryLedger();
  readonly snapshots: SnapshotCache;
  isStopped = false;
  /** How often a view was built, and the last one. */
  built = 0;
  shown: FlockView | undefined;
  readonly unwatch: () => void;

  constructor() {
    this.snapshots = this.#open();
    this.ledger.subscribe(this.snapshots.changed);
    this.setBudget(unlimitedBudget);
    this.unwatch = this.snapshots.watch((view) => {
      this.built++;
      this.shown = view;
    });
  }

  setBudget(flockBudget: FlockBudget): void {
    this.snapshots.update({ bots, invalidBots: [], keyless: [], passedOver: [], flockBudget });
  }

  /** Lets the time run, second by second, and what is read meanwhile be read. */
  async until(instant: number): Promise<void> {
    while (this.clock.now() < instant) {
      await this.clock.runUntil(Math.min(instant, this.clock.now() + 1000));
      // A view reads files.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** What a view says that is built anew. */
  async anew(flockBudget: FlockBudget): Promise<FlockView> {
    const snapshots = this.#open();
    snapshots.update({ bots, invalidBots: [], keyless: [], passedOver: [], flockBudget });
    return snapshots.view();
  }

  #open(): SnapshotCache {
    const isStopped = (): boolean => this.isStopped;
    const { ledger, clock } = this;
    return new SnapshotCache({
      ledger,
      clock,
      log: new EventLog(),
      isStopped,
      pages: postPages('https://api.x.com'),
      version: '1',
    });
  }
}

/** What a flock could go through in five hours, every few minutes. */
function* life(): Generator<{
  now: number;
  events: LedgerEvent[];
  isStopped: boolean;
  flockBudget: FlockBudget;
}> {
  const flockBudget = { ...unlimitedBudget, budget: { usdPerMonth: 0.2 } };
  let sent: LedgerEvent[] = [];
  for (let now = start, step = 0; now < start + 5 * hour; now += 7 * minute, step++) {
    const bot = names[step % names.length] ?? '';
    const base = { bot, at: now };
    const events: LedgerEvent[] = step < names.length ? [{ ...base, event: 'begun', poem }] : sent;
    sent = [];
    if (step >= names.length && step % 5 === 0)
      events.push({ ...base, event: step % 2 === 0 ? 'paused' : 'resumed' });
    else if (step >= names.length) {
      const ends = { dayEnds: start + 4 * hour, monthEnds: start + 240 * hour };
      const intent = { ...base, slot: now, until: now, line: 0, lines: 1, print: 'p', cost: 15_000, ...ends };
      events.push({ event: 'intent', ...intent });
      sent =
        step % 3 === 0
          ? [{ ...base, event: 'refused', why: 'wait', reason: '429', retryAt: now + hour }]
          : [{ ...base, event: 'posted', id: String(step), by: 'answer' }];
    }
    yield {
      now,
      events,
      isStopped: step % 11 === 10,
      flockBudget: step < 20 ? unlimitedBudget : flockBudget,
    };
  }
}

describe('the view that watchers have', () => {
  it('is always what it would be if it were built anew', async () => {
    const flock = new WatchedFlock();
    const seen = new Set<string>();
    let last = unlimitedBudget;
    for (const { now, events, isStopped, flockBudget } of life()) {
      await flock.clock.runUntil(now);
      await flock.ledger.record(...events);
      if (flockBudget !== last) flock.setBudget(flockBudget);
      last = flockBudget;
      if (isStopped !== flock.isStopped) {
        flock.isStopped = isStopped;
        flock.snapshots.changed();
      }
      for (const later of [2000, 12_000, 3 * minute]) {
        await flock.clock.runUntil(now + later - 1000);
        const expected = (await flock.anew(flockBudget)).bots;
        const deadline = performance.now() + 60_000;
        while (!isDeepStrictEqual(flock.shown?.bots, expected) && performance.now() < deadline)
          await flock.until(Math.min(now + later, flock.clock.now() + 100));
        assert.deepEqual(flock.shown?.bots, expected);
        for (const { state } of expected) seen.add(state);
      }
    }
    for (const state of ['new', 'fine', 'waiting', 'in doubt', 'paused', 'stopped'])
      assert.ok(seen.has(state), `no bot was ever ${state}`);
  });

  it('is not built while nothing happens, but where something is due and once a minute', async () => {
    const flock = new WatchedFlock();
    await flock.until(start + 2000);
    const { built } = flock;
    assert.ok(built > 0);
    await flock.until(start + 58_000);
    assert.equal(flock.built, built);
    await flock.until(start + 5 * minute);
    assert.ok(flock.built >= built + 4 && flock.built <= built + 6, `${flock.built} views`);
  });

  it('is built once a second while much happens', async () => {
    const flock = new WatchedFlock();
    await flock.until(start + 2000);
    const { built } = flock;
    for (let step = 0; step < 100; step++) {
      flock.snapshots.changed();
      await flock.until(flock.clock.now() + 100);
    }
    assert.ok(flock.built > built + 2 && flock.built <= built + 11, `${flock.built - built} views`);
  });

  it('is not built when nobody watches any more', async () => {
    const flock = new WatchedFlock();
    await flock.until(start + 2000);
    flock.unwatch();
    const { built } = flock;
    flock.snapshots.changed();
    assert.equal(flock.clock.nextAlarm, undefined);
    assert.equal(flock.built, built);
  });
});
