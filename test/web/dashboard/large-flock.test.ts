import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postPages } from '../../../src/flock/status.ts';
import type { Ledger } from '../../../src/ledger/journal.ts';
import { EventLog } from '../../../src/log.ts';
import { SnapshotCache } from '../../../src/web/dashboard/snapshot.ts';
import { HeldFlock } from '../../support/held-flock.ts';
import { begun, intent, MeasuredFlock, now, posted } from './measured-flock.ts';
import { seriesOf } from './prometheus.ts';

const count = 20_000;
const names = Array.from({ length: count }, (_, n) => `bot-${String(n).padStart(5, '0')}`);
const last = names.at(-1) ?? '';

/** That each of them has begun. */
async function begin(flock: HeldFlock): Promise<void> {
  await flock.ledger.record(...names.map((bot) => begun(bot)));
}

/** Everybody else in this process, from a moment on: they do something first, and then in each of their turns. */
class Others {
  turns = 0;
  /** What they do in each of their turns. */
  each: () => unknown = () => undefined;
  #isOver = false;

  begin(first: () => void): void {
    setImmediate(() => {
      first();
      this.#take();
    });
  }

  end(): void {
    this.#isOver = true;
  }

  #take(): void {
    if (this.#isOver) return;
    this.turns++;
    this.each();
    setImmediate(() => {
      this.#take();
    });
  }
}

describe('a large flock that is looked at', () => {
  it('goes on meanwhile, and a view is of one moment all the same', async () => {
    const held = new HeldFlock(new Date(now).toISOString());
    for (const name of names) held.add(name, '');
    await begin(held);
    const { ledger: kept } = held;
    const others = new Others();
    const post = async (): Promise<void> => {
      await kept.record(intent(last));
      await kept.record(posted(last));
    };
    let began = false;
    const ledger: Ledger = {
      state: (bot) => kept.state(bot),
      states: () => {
        if (!began) others.begin(() => void post());
        began = true;
        return kept.states();
      },
      history: () => kept.history(),
      record: (...events) => kept.record(...events),
      [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
    };
    const snapshots = new SnapshotCache({
      ledger,
      clock: held.clock,
      log: new EventLog(),
      isStopped: () => false,
      pages: postPages('https://api.x.com'),
      version: '1.2.3',
    });
    snapshots.update(held.flock());
    const view = await snapshots.view();
    others.end();
    assert.ok(others.turns > 2, `${others.turns} turns for others`);
    assert.equal(kept.state(last)?.posts, 1, 'it has posted meanwhile');
    assert.equal(view.bots.length, count);
    assert.equal(view.bots.at(-1)?.posts, 0);
    assert.deepEqual(view.recent, []);
    snapshots.forget();
    const next = await snapshots.view();
    assert.equal(next.bots.at(-1)?.posts, 1);
    assert.equal(next.recent[0]?.bot, last);
  });

  it('goes on while its metrics are read, and two who read them at once do not get into each other', async () => {
    const flock = new MeasuredFlock(names);
    await begin(flock);
    const value = (text: string, name: string): number | undefined => seriesOf(text).get(`flockd_${name}`);
    const others = new Others();
    const ofNobody: Promise<string>[] = [];
    others.begin(() => undefined);
    others.each = () => ofNobody.length < 100 && ofNobody.push(flock.scrape({ bots: [] }));
    const texts = [await flock.scrape(), await flock.scrape()];
    others.end();
    assert.ok(ofNobody.length > 2, `${ofNobody.length} turns for others`);
    for (const text of await Promise.all(ofNobody)) assert.equal(value(text, 'bots'), 0);
    for (const text of texts) {
      assert.equal(value(text, 'bots'), count);
      assert.equal(value(text, 'lines_remaining'), 5 * count);
    }
  });
});
