import type { Account, TimelinePost, TimelineStart } from '../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { fingerprint, fingerprints } from '../../src/ledger/state.ts';
import type { Intent, LedgerEvent } from '../../src/ledger/events.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { splitPoem } from '../../src/poems/poem.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { Gate } from '../../src/posting/gate.ts';
import { Reconciler, type Settled } from '../../src/posting/reconcile.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const at = (instant: string): number => Date.parse(instant);
const poem = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
const name = 'howl' as BotName;

interface Settling {
  settled: Settled;
  asked: TimelineStart | undefined;
  events: LedgerEvent[];
  next: number | undefined;
  parked: string | undefined;
}

/** Settles a post of the first line that is open, by what its account shows, oldest first. */
async function settle(
  intent: { at: number; since?: string },
  timeline: string[] = [],
  isInherited = false,
  lines = poem,
): Promise<Settling> {
  const clock = new HeldClock('2026-05-01T12:00:00Z');
  const ledger = new MemoryLedger();
  const print = fingerprint('one');
  const rest = { event: 'intent', bot: name, slot: 0, until: 0, line: 0, lines: 1, print } as const;
  const open: Intent = { ...rest, ...intent };
  await ledger.record(
    { event: 'begun', bot: name, at: 0, poem: fingerprints(lines.map((text) => ({ text }))) },
    open,
  );
  let asked: TimelineStart | undefined;
  const posts = timeline.map((text, n): TimelinePost => ({ id: String(n + 100), text })).reverse();
  const x: Account = {
    post: () => Promise.reject(new Error('nothing is posted')),
    me: () => Promise.reject(new Error('its bundle tells the account')),
    timeline: (_, from) => {
      asked = from;
      return Promise.resolve({ ok: { posts, next: undefined } });
    },
  };
  const log = pino({ enabled: false });
  const gate = new Gate({
    clock,
    log,
    askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
    opened: () => undefined,
  });
  const keys = new TokenPair('a', 's');
  const bundle = { appKeys: keys, accessToken: keys, userId: '1', screenName: name, poemFile: name };
  const settings = parseFlockFile('{"atEnd": "stop"}', 'flock.json').settingsOf(name);
  const state = ledger.state(name);
  assert.ok(state);
  const reconciler = new Reconciler({
    bot: { name, bundle, poemFile: name, settings, rules: rulesOfX },
    ledger,
    clock,
    gate,
    account: x,
    flockBudget: unlimitedBudget,
    lines: () => Promise.resolve(splitPoem(lines.join('\n'), { unit: 'line', rules: rulesOfX })),
    key: 'k',
  });
  const settled = await reconciler.settle(state, open, { isInherited });
  const now = ledger.state(name);
  return {
    settled,
    asked,
    events: ledger.events.slice(2),
    next: now?.place.next,
    parked: now?.parked?.cause,
  };
}

describe('the timeline of a post in doubt', () => {
  it('is read from the last confirmed post on', async () => {
    const { asked } = await settle({ at: at('2027-01-01T00:00:00Z'), since: '7' });
    assert.deepEqual(asked, { sinceId: '7', start: 0 });
  });

  it('is read from a little before it was sent, where there is none', async () => {
    const { asked } = await settle({ at: at('2026-05-01T11:00:00Z') });
    assert.deepEqual(asked, { start: at('2026-05-01T10:55:00Z') });
  });

  it('is read from its beginning, where a clock that was ahead tells when that was', async () => {
    const beginning = { start: 0 };
    assert.deepEqual((await settle({ at: at('2027-05-01T11:00:00Z') })).asked, beginning);
    // A machine that does not know the time yet.
    assert.deepEqual((await settle({ at: at('1970-01-01T00:00:10Z') })).asked, beginning);
  });
});

describe('a post in doubt', () => {
  const intent = { at: at('2026-05-01T11:00:00Z'), since: '7' };

  it('is posted where it is there, whatever a person has posted besides', async () => {
    const { settled, events, next } = await settle(intent, ['hello', 'one', 'bye']);
    assert.deepEqual([settled, next], [{ posted: '101' }, 1]);
    assert.deepEqual(
      events.filter(({ event }) => event !== 'looked').map(({ event }) => event),
      ['posted'],
    );
  });

  it('is absent where it is not', async () => {
    const { settled, next, events } = await settle(intent, ['hello']);
    assert.deepEqual([settled, next], ['absent', 0]);
    assert.equal(events.at(-1)?.event, 'absent');
  });

  it('of this process is the only one that can be there', async () => {
    const { next } = await settle(intent, ['one', 'two', 'three']);
    assert.equal(next, 1);
  });

  it('of an earlier process may have others after it, where the ledger is older than they are', async () => {
    const found = await settle(intent, ['one', 'two', 'three'], true);
    assert.equal(found.next, 3);
    const { next, settled } = await settle(intent, ['two', 'three'], true);
    assert.deepEqual([settled, next], ['absent', 3]);
  });

  it('of an earlier process is absent, where lines that stand before it tell that a later line says the same', async () => {
    const refrains = ['one', 'two', 'one', 'three'];
    const { settled, next } = await settle(intent, ['two', 'one'], true, refrains);
    assert.deepEqual([settled, next], ['absent', 3]);
    // What only a person may have posted tells nothing.
    const told = await settle(intent, ['hello', 'one'], true, refrains);
    assert.deepEqual([told.settled, told.next], [{ posted: '101' }, 1]);
  });

  it('of an earlier process parks the bot where what comes after it is far away', async () => {
    const { next, parked } = await settle(intent, ['one', 'seven'], true);
    assert.deepEqual([next, parked], [1, 'place']);
  });
});
