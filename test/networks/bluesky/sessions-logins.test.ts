import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import { Logins } from '../../../src/networks/bluesky/sessions.ts';

const server = 'https://pds.example';
const minute = 60_000;

/** Logins at a server that counts them for each account, for all together, or not at all. */
class Bench {
  readonly clock = new HeldClock('2026-11-21T09:00:00Z');
  readonly logins = new Logins(this.clock);
  readonly #counted: 'account' | 'address' | 'none';
  readonly #max: number;
  readonly #windows = new Map<string, { opened: number; used: number }>();
  refused = 0;

  constructor(counted: 'account' | 'address' | 'none', max = 30) {
    this.#counted = counted;
    this.#max = max;
  }

  /** Signs in, with the answer at once. @returns undefined, or until when it must wait */
  signIn(did: string): number | undefined {
    const until = this.logins.begin(server, did);
    if (until === undefined) this.answer(did);
    return until;
  }

  answer(did: string): void {
    this.logins.end(server, did, this.#headers(this.#counted === 'address' ? 'all' : did));
  }

  #headers(of: string): Record<string, string> {
    const date = new Date(this.clock.now()).toUTCString();
    if (this.#counted === 'none') return { date };
    const now = this.clock.now();
    const known = this.#windows.get(of);
    const window = known && now < known.opened + 5 * minute ? known : { opened: now, used: 0 };
    this.#windows.set(of, window);
    window.used += 1;
    if (window.used > this.#max) this.refused += 1;
    return {
      date,
      'ratelimit-policy': `${String(this.#max)};w=300`,
      'ratelimit-remaining': String(Math.max(0, this.#max - window.used)),
      'ratelimit-reset': String(Math.ceil((window.opened + 5 * minute) / 1000)),
    };
  }
}

const dids = Array.from({ length: 1000 }, (_, n) => `did:plc:${String(n)}`);

/** Signs every bot in, each again when it may. @returns how long the last one took. Milliseconds */
async function signAllIn(bench: Bench): Promise<number> {
  const began = bench.clock.now();
  let waiting = dids.map((did) => ({ did, at: began }));
  while (waiting.length > 0) {
    await bench.clock.runUntil(Math.min(...waiting.map(({ at }) => at)));
    waiting = waiting.flatMap(({ did, at }) => {
      const until = at > bench.clock.now() ? at : bench.signIn(did);
      return until === undefined ? [] : { did, at: until };
    });
  }
  return bench.clock.now() - began;
}

describe('a start of 1,000 bots', () => {
  it('is not held where each account is counted, and not refused', async () => {
    const bench = new Bench('account');
    assert.equal(await signAllIn(bench), 0);
    assert.equal(bench.refused, 0);
  });

  it('is not held where nothing is counted', async () => {
    assert.equal(await signAllIn(new Bench('none')), 0);
  });

  it('takes as long as the limit wants where all are counted together, and is not refused', async () => {
    const bench = new Bench('address');
    assert.equal(await signAllIn(bench), 33 * 5 * minute);
    assert.equal(bench.refused, 0);
  });

  it('lets no more begin than the usual limit before the answers tell', () => {
    const { logins, clock } = new Bench('account');
    const until = dids.slice(0, 100).map((did) => logins.begin(server, did));
    assert.equal(until.filter((instant) => instant === undefined).length, 30);
    assert.ok(until.slice(30).every((instant) => instant === clock.now() + 1000));
  });

  it('holds no bot of another server', () => {
    const { logins } = new Bench('account');
    for (const did of dids.slice(0, 40)) logins.begin(server, did);
    assert.equal(logins.begin('https://other.example', 'did:plc:1'), undefined);
  });

  it('goes on after another process has used the limit up', () => {
    const bench = new Bench('address');
    for (let count = 0; count < 29; count++) bench.answer('did:plc:elsewhere');
    assert.equal(bench.signIn('did:plc:1'), undefined);
    assert.equal(bench.signIn('did:plc:2'), bench.clock.now() + 5 * minute);
    assert.equal(bench.refused, 0);
  });
});

describe('one account', () => {
  it('signs in 30 times in 5 minutes, and 300 times a day', async () => {
    const bench = new Bench('none');
    let held = 0;
    let made = 0;
    const start = bench.clock.now();
    while (bench.clock.now() < start + 24 * 60 * minute) {
      const until = bench.signIn('did:plc:1');
      if (until === undefined) made += 1;
      else {
        held += 1;
        await bench.clock.runUntil(until);
      }
    }
    assert.equal(made, 300);
    assert.equal(held, 10);
  });

  it('that used its limit up elsewhere waits, and others do not', () => {
    const bench = new Bench('account');
    bench.signIn('did:plc:2');
    bench.signIn('did:plc:3');
    for (let count = 0; count < 30; count++) bench.answer('did:plc:1');
    assert.equal(bench.signIn('did:plc:1'), bench.clock.now() + 5 * minute);
    assert.equal(bench.signIn('did:plc:4'), undefined);
  });

  it('is not held by headers that make no sense', () => {
    const { logins } = new Bench('none');
    for (const policy of ['', 'x', '30', '30;w=', '30;w=300;burst=1']) {
      assert.equal(logins.begin(server, 'did:plc:1'), undefined);
      logins.end(server, 'did:plc:1', { 'ratelimit-policy': policy, 'ratelimit-remaining': '0' });
    }
    assert.equal(logins.begin(server, 'did:plc:1'), undefined);
  });
});
