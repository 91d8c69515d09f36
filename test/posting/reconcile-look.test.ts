import type { Account, Outcome, PageWanted, TimelinePage } from '../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pino from 'pino';
import { HeldClock } from '../../src/clock.ts';
import { type Bot, parseFlockFile } from '../../src/config/flock-file.ts';
import { usualPrices } from '../../src/cost.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { Gate } from '../../src/posting/gate.ts';
import { Reconciler } from '../../src/posting/reconcile.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

/** What one post that is read costs. Micros. */
const read = usualPrices.postRead * 1e6;

type Page = Outcome<TimelinePage>;

const pageOf = (from: number, count: number, next?: string): Page => ({
  ok: {
    posts: Array.from({ length: count }, (_, n) => ({ id: String(from - n), text: `post ${from - n}` })),
    next,
  },
});
const lost: Page = { failure: { kind: 'in-doubt', isServed: true, reason: 'cut' } };
const unwell: Page = { failure: { kind: 'in-doubt', reason: '503' } };
const webPage: Page = { failure: { kind: 'in-doubt', foreign: true, reason: '403 with a web page' } };
const refused: Page = { failure: { kind: 'unauthorized', reason: '401' } };

interface Given {
  pages?: Page[];
  budget?: { usdPerMonth?: number; postsPerDay?: number };
  userId?: string | undefined;
  most?: number;
}

/** A look, what was asked for, and what was written down of its cost. */
class Desk {
  readonly clock = new HeldClock('2026-05-01T09:00:00Z');
  readonly ledger = new MemoryLedger();
  readonly asked: PageWanted[] = [];
  /** What the ledger said when each page was asked for. Micros. */
  readonly known: number[] = [];
  readonly bot: Bot;
  readonly #reconciler: Reconciler;
  accounts = 0;

  constructor({ pages = [], budget, userId = '7' }: Given, isAnonymous = false) {
    const name = 'howl' as BotName;
    const settings = parseFlockFile(
      JSON.stringify(budget ? { bots: { howl: { budget } } } : {}),
      'flock.json',
    );
    const bundle = {
      appKeys: new TokenPair('app', 's'),
      accessToken: new TokenPair('t', 's'),
      userId: isAnonymous ? undefined : userId,
      screenName: 'howl',
      poemFile: name,
    };
    this.bot = { name, bundle, poemFile: name, settings: settings.settingsOf(name), rules: rulesOfX };
    const left = [...pages];
    const x: Account = {
      post: () => Promise.reject(new Error('nothing is posted')),
      me: () => {
        this.accounts++;
        return Promise.resolve({ ok: { userId, screenName: 'howl' } });
      },
      timeline: (_, __, { maxPosts, token }) => {
        this.asked.push({ maxPosts, token });
        this.known.push(this.spent);
        return Promise.resolve(left.shift() ?? pageOf(0, 0));
      },
    };
    const gate = new Gate({
      clock: this.clock,
      log: pino({ enabled: false }),
      askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
      opened: () => undefined,
    });
    const flockBudget = { prices: usualPrices, timezone: 'UTC', budget: {} };
    this.#reconciler = new Reconciler({
      bot: this.bot,
      ledger: this.ledger,
      clock: this.clock,
      gate,
      flockBudget,
      account: x,
      lines: () => Promise.reject(new Error('the poem is not read')),
      key: 'key',
    });
  }

  static async open(given: Given, isAnonymous = false): Promise<Desk> {
    const desk = new Desk(given, isAnonymous);
    await desk.ledger.record({ event: 'begun', bot: 'howl', at: desk.clock.now(), poem: 'aaaaaaaa' });
    return desk;
  }

  look(most?: number): ReturnType<Reconciler['readTimeline']> {
    return this.#reconciler.readTimeline({ sinceId: '0' }, most === undefined ? {} : { max: most });
  }

  /** By its tally. Micros. */
  get spent(): number {
    return this.ledger.state('howl')?.tally?.total ?? 0;
  }

  get looked(): Extract<LedgerEvent, { event: 'looked' }>[] {
    return this.ledger.events.flatMap((event) => (event.event === 'looked' ? [event] : []));
  }
}

const textsOf = (seen: Awaited<ReturnType<Reconciler['readTimeline']>>): string[] => {
  assert.ok('timeline' in seen, JSON.stringify(seen));
  return seen.timeline.map(({ text }) => text);
};

describe('a look at a timeline', () => {
  it('reads all pages, oldest first, and is paid for by what each page has', async () => {
    const desk = await Desk.open({ pages: [pageOf(12, 10, 'a'), pageOf(2, 2)] });
    const texts = textsOf(await desk.look());
    assert.deepEqual(
      texts,
      Array.from({ length: 12 }, (_, n) => `post ${n + 1}`),
    );
    assert.deepEqual(desk.asked, [
      { maxPosts: 10, token: undefined },
      { maxPosts: 100, token: 'a' },
    ]);
    assert.equal(desk.spent, 12 * read);
    const { dayEnds, monthEnds } = desk.looked[0] ?? {};
    assert.deepEqual(
      [dayEnds, monthEnds],
      [Date.parse('2026-05-02T00:00Z'), Date.parse('2026-06-01T00:00Z')],
    );
  });

  it('costs nothing, and writes nothing, where there is nothing', async () => {
    const desk = await Desk.open({ pages: [pageOf(0, 0)] });
    assert.deepEqual(textsOf(await desk.look()), []);
    assert.deepEqual(desk.looked, []);
  });

  it('asks for no more than is wanted, and stops once it has it', async () => {
    const desk = await Desk.open({ pages: [pageOf(40, 10, 'a'), pageOf(30, 15, 'b'), pageOf(15, 15)] });
    assert.equal(textsOf(await desk.look(25)).length, 25);
    assert.deepEqual(
      desk.asked.map(({ maxPosts }) => maxPosts),
      [10, 15],
    );
    const few = await Desk.open({ pages: [pageOf(40, 5, 'a')] });
    assert.equal(textsOf(await few.look(2)).length, 5);
    assert.deepEqual(few.asked, [{ maxPosts: 5, token: undefined }]);
  });

  for (const [name, pages] of [
    ['the same token', [pageOf(20, 10, 'a'), pageOf(10, 5, 'a'), pageOf(5, 5)]],
    ['the same posts', [pageOf(20, 10, 'a'), pageOf(20, 10, 'b'), pageOf(20, 10, 'c')]],
    ['nothing and one more page', [pageOf(20, 0, 'a'), pageOf(20, 0, 'b')]],
  ] as const) {
    it(`does not go round and round where X gives ${name} again and again`, async () => {
      const desk = await Desk.open({ pages: [...pages] });
      const seen = await desk.look();
      assert.ok('failure' in seen && seen.failure.kind === 'in-doubt');
      assert.match(seen.unseen, /same page again and again/);
      assert.ok(desk.asked.length <= 2, `${desk.asked.length} pages`);
    });
  }

  it('ends where there are more posts than one bot makes', async () => {
    const pages = Array.from({ length: 60 }, (_, n) => pageOf(100_000 - n * 100, 100, `t${n}`));
    const desk = await Desk.open({ pages });
    const seen = await desk.look();
    assert.ok('failure' in seen);
    assert.match(seen.unseen, /more than 3200 posts/);
    assert.equal(desk.asked.length, 32);
    assert.equal(desk.spent, 3200 * read);
  });
});

describe('a look that fails', () => {
  const rows: [name: string, pages: Page[], spent: number][] = [
    ['without an answer is paid for as if it had been served', [lost], 10 * read],
    ['is paid for the pages that came, and the one that may have', [pageOf(20, 10, 'a'), lost], 110 * read],
    ['with a refusal costs nothing', [refused], 0],
    ['with trouble of X costs nothing', [unwell], 0],
    ['with a web page costs nothing', [webPage], 0],
    ['with a refusal after a page costs that page', [pageOf(20, 10, 'a'), refused], 10 * read],
  ];
  for (const [name, pages, spent] of rows) {
    for (const budget of [undefined, { usdPerMonth: 2 }]) {
      it(`${name}${budget ? ', within a budget' : ''}`, async () => {
        const desk = await Desk.open({ pages, ...(budget && { budget }) });
        const seen = await desk.look();
        assert.ok('failure' in seen);
        assert.equal(desk.spent, spent);
      });
    }
  }

  it('for want of credit closes the gate to looks, and then nothing is asked', async () => {
    const desk = await Desk.open({ pages: [{ failure: { kind: 'no-credit', reason: '402' } }] });
    const seen = await desk.look();
    assert.ok('failure' in seen && seen.closedUntil === desk.clock.now() + 15 * 60_000);
    const again = await desk.look();
    assert.ok('blockedUntil' in again);
    // The others come first.
    const waits = again.blockedUntil - desk.clock.now();
    assert.ok(waits >= 15 * 60_000 && waits <= 15 * 60_000 + 5000, `${waits}`);
    assert.equal(desk.asked.length, 1);
  });
});

describe('a look of a bot with a budget', () => {
  it('is reserved before each page, and what it did not cost is given back', async () => {
    const desk = await Desk.open({
      pages: [pageOf(12, 10, 'a'), pageOf(2, 2)],
      budget: { usdPerMonth: 1 },
    });
    assert.equal(textsOf(await desk.look()).length, 12);
    assert.deepEqual(desk.known, [10 * read, 110 * read]);
    assert.equal(desk.spent, 12 * read);
    assert.equal(desk.ledger.history().months.at(Date.parse('2026-06-01T00:00Z')).micros, 12 * read);
  });

  it('asks for no more than it can pay', async () => {
    const desk = await Desk.open({
      pages: [pageOf(50, 10, 'a'), pageOf(40, 10, 'b'), pageOf(30, 7, 'c')],
      // Twenty-seven posts.
      budget: { usdPerMonth: 0.135 },
    });
    const seen = await desk.look();
    assert.deepEqual(
      desk.asked.map(({ maxPosts }) => maxPosts),
      [10, 17, 7],
    );
    assert.ok('cap' in seen, 'there may be more posts, and nothing is left to see them');
    assert.deepEqual(desk.known, [10 * read, 27 * read, 27 * read]);
    assert.equal(desk.spent, 27 * read);
  });

  for (const usdPerMonth of [0, 0.02]) {
    it(`of $${usdPerMonth} asks X nothing, and says which budget it is`, async () => {
      const desk = await Desk.open({ pages: [pageOf(5, 5)], budget: { usdPerMonth } });
      const seen = await desk.look();
      assert.ok('cap' in seen);
      assert.deepEqual([seen.cap.whose, seen.cap.what, seen.cap.limit], ['bot', 'usdPerMonth', usdPerMonth]);
      assert.equal(desk.asked.length, 0);
      assert.equal(desk.spent, 0);
    });
  }

  it('of posts a day is not about looks', async () => {
    const desk = await Desk.open({ pages: [pageOf(5, 5)], budget: { postsPerDay: 0 } });
    assert.equal(textsOf(await desk.look()).length, 5);
  });

  it('never spends more than the budget, however often it looks', async () => {
    const desk = await Desk.open({
      pages: Array.from({ length: 100 }, (): Page => lost),
      budget: { usdPerMonth: 0.3 },
    });
    for (let n = 0; n < 100; n++) await desk.look();
    assert.ok(desk.spent <= 300_000, `${desk.spent}`);
    assert.ok(desk.asked.length > 3);
    const billed = desk.asked.reduce((sum, { maxPosts }) => sum + maxPosts * read, 0);
    assert.ok(billed <= 300_000, `${billed}`);
  });

  it('pays for the question whose key it is, where the bundle does not say', async () => {
    const desk = await Desk.open({ pages: [pageOf(3, 3)], budget: { usdPerMonth: 1 } }, true);
    assert.equal(textsOf(await desk.look()).length, 3);
    assert.equal(desk.accounts, 1);
    assert.equal(desk.spent, usualPrices.userRead * 1e6 + 3 * read);
    const poor = await Desk.open({ pages: [pageOf(3, 3)], budget: { usdPerMonth: 0.009 } }, true);
    assert.ok('cap' in (await poor.look()));
    assert.equal(poor.accounts, 0);
  });
});
