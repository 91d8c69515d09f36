import type { Account } from '../../src/networks/network.ts';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { type Bot, type Budget, parseFlockFile } from '../../src/config/flock-file.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import { EventLog } from '../../src/log.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import { BotRunner } from '../../src/posting/bot-runner.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const nine = Date.parse('2026-05-01T09:00Z');
const hour = 3_600_000;
const day = 24 * hour;

/** One bot, its runner, and an X that takes everything or does what it is told to. */
class OneBot {
  readonly clock = new HeldClock(nine - hour / 2);
  readonly ledger = new MemoryLedger();
  readonly sent: string[] = [];
  /** How often each thing was asked for in the last step. */
  asked: Record<string, number> = {};
  poem = 'one\ntwo';
  /** The flock's. */
  budget: Budget = {};
  readonly logged: string[] = [];
  answer: Awaited<ReturnType<Account['post']>> | undefined;
  readonly bot: Bot;
  readonly #log = new EventLog();
  readonly #runner: BotRunner;

  constructor(settings: Record<string, unknown> = {}) {
    const name = 'rain' as BotName;
    const keys = new TokenPair('app', 'secret');
    const bundle = { appKeys: keys, accessToken: keys, userId: '7', screenName: name, poemFile: 'rain.txt' };
    const own = parseFlockFile(JSON.stringify(settings), 'flock.json').settingsOf(name);
    this.bot = { name, poemFile: 'rain.txt', settings: own, rules: rulesOfX, bundle };
    const x: Account = {
      post: (text) => {
        this.sent.push(text);
        return Promise.resolve(this.answer ?? { ok: String(this.sent.length) });
      },
      me: () => Promise.reject(new Error('the bundle tells the account')),
      timeline: () => {
        this.#count('timeline');
        return Promise.resolve({ ok: { posts: [], next: undefined } });
      },
    };
    this.#log.subscribe(({ fields }) => this.logged.push(fields.event));
    this.#runner = new BotRunner({
      ledger: this.ledger,
      clock: this.clock,
      log: this.#log,
      openAccount: () => x,
      askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
      deadline: 10_000,
      flockBudget: () => {
        this.#count('flockBudget');
        return { ...unlimitedBudget, budget: this.budget };
      },
      isStopped: () => {
        this.#count('stop switch');
        return false;
      },
      bots: () => [this.bot],
      isUp: () => true,
      opened: () => undefined,
      brake: (why) => Promise.reject(new Error(why)),
      readPoem: () => {
        this.#count('poem');
        return Promise.resolve(this.poem);
      },
      writtenAt: () => undefined,
    });
  }

  step(): ReturnType<BotRunner['step']> {
    this.asked = {};
    return this.#runner.step(this.bot);
  }

  postNow(): Promise<void> {
    return this.#runner.postNow(this.bot);
  }

  /** Takes steps until one is to wait. @returns until when */
  async untilItWaits(): ReturnType<BotRunner['step']> {
    for (let steps = 0; steps < 20; steps++) {
      const next = await this.step();
      if (next === 'when changed' || next > this.clock.now()) return next;
    }
    throw new Error('it never waits');
  }

  get events(): LedgerEvent['event'][] {
    return this.ledger.events.map(({ event }) => event);
  }

  #count(what: string): void {
    this.asked[what] = (this.asked[what] ?? 0) + 1;
  }
}

describe('a step of a bot', () => {
  it('begins a new bot at its first line, which waits for its slot', async () => {
    const one = new OneBot();
    assert.equal(await one.step(), nine);
    assert.deepEqual(one.events, ['begun']);
    assert.equal(one.ledger.state('rain')?.account, '7');
  });

  it('looks at the timeline once, then posts a line a slot: intent first, then the outcome', async () => {
    const one = new OneBot();
    await one.untilItWaits();
    await one.clock.runUntil(nine);
    assert.equal(await one.untilItWaits(), nine + day);
    await one.clock.runUntil(nine + day);
    assert.equal(await one.untilItWaits(), nine + 2 * day);
    assert.deepEqual(one.sent, ['one', 'two']);
    assert.deepEqual(one.events, ['begun', 'intent', 'posted', 'intent', 'posted']);
  });

  it('asks for the poem, the budget and the stop switch once, and for the poem only where a post is due', async () => {
    const one = new OneBot();
    await one.untilItWaits();
    await one.step();
    assert.deepEqual(one.asked, { flockBudget: 1, 'stop switch': 1 });
    await one.clock.runUntil(nine);
    await one.step();
    assert.deepEqual(one.asked, { flockBudget: 1, 'stop switch': 1, poem: 1, timeline: 1 });
    await one.step();
    assert.deepEqual(one.asked, { flockBudget: 1, 'stop switch': 1, poem: 1 });
    assert.deepEqual(one.sent, ['one']);
  });

  it('follows an edit of the poem only once its file has stood still', async () => {
    const one = new OneBot();
    await one.untilItWaits();
    await one.clock.runUntil(nine);
    await one.untilItWaits();
    await one.clock.runUntil(nine + day);
    one.poem = 'one\ntwo, too';
    assert.equal(await one.step(), nine + day + 5000);
    await one.clock.runUntil(nine + day + 5000);
    assert.equal(await one.untilItWaits(), nine + 2 * day);
    assert.deepEqual(one.sent, ['one', 'two, too']);
    assert.deepEqual(one.events.slice(3), ['edited', 'intent', 'posted']);
  });

  it('posts nothing more while a post is in doubt, and the same line again once it is known not to be there', async () => {
    const one = new OneBot({ settle: '5m' });
    await one.untilItWaits();
    await one.clock.runUntil(nine);
    one.answer = { failure: { kind: 'in-doubt', reason: '503' } };
    const believed = nine + 310_000;
    assert.equal(await one.untilItWaits(), believed);
    one.answer = undefined;
    await one.clock.runUntil(believed);
    assert.equal(await one.untilItWaits(), nine + day);
    assert.deepEqual(one.sent, ['one', 'one']);
    assert.deepEqual(one.events.slice(1), ['intent', 'absent', 'intent', 'posted']);
  });

  it('logs once that a budget is used up, and again when it is used up for longer', async () => {
    const one = new OneBot({ schedule: '0 * * * *' });
    await one.untilItWaits();
    await one.clock.runUntil(nine);
    one.budget = { postsPerDay: 0 };
    assert.deepEqual([await one.step(), await one.step()], ['when changed', 'when changed']);
    assert.deepEqual([one.sent, one.logged], [[], ['budget-reached']]);
    one.budget = { postsPerDay: 1 };
    await one.untilItWaits();
    await one.clock.runUntil(nine + hour);
    await one.step();
    await one.step();
    assert.deepEqual([one.sent, one.logged], [['one'], ['budget-reached', 'budget-reached']]);
  });

  it('logs once for which restored bot it waits', async () => {
    const one = new OneBot();
    await one.untilItWaits();
    const at = one.clock.now();
    for (const bot of ['ada', 'bea'])
      await one.ledger.record({ event: 'begun', bot, at, poem: 'aaaaaaaa' }, { event: 'restored', bot, at });
    await one.clock.runUntil(nine);
    one.budget = { postsPerDay: 1 };
    await one.step();
    await one.step();
    assert.deepEqual(one.logged, ['budget-unknown']);
    await one.ledger.record({ event: 'checked', bot: 'ada', at });
    await one.step();
    await one.step();
    assert.deepEqual([one.sent, one.logged], [[], ['budget-unknown', 'budget-unknown']]);
  });

  it('is refused where the key is for another account than the bot has posted as', async () => {
    const one = new OneBot();
    await one.step();
    one.bot.bundle.userId = '8';
    await assert.rejects(one.step(), /rain has posted as the account 7, but its key is for 8/);
  });
});

describe('a post that a person asks for', () => {
  it('is made at once, also by a bot that is new, and the schedule goes on as it was', async () => {
    const one = new OneBot();
    await one.postNow();
    assert.deepEqual(one.sent, ['one']);
    assert.equal(await one.untilItWaits(), nine);
  });
});
