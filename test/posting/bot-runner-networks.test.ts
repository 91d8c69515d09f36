import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import { type Bot, parseFlockFile } from '../../src/config/flock-file.ts';
import type { Intent, LedgerEvent } from '../../src/ledger/events.ts';
import { EventLog } from '../../src/log.ts';
import type { Account, NetworkName, Outcome, PostOptions, TimelinePost } from '../../src/networks/network.ts';
import { networks } from '../../src/networks/networks.ts';
import { noApp, TokenPair, type BotKey } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { BotRunner } from '../../src/posting/bot-runner.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import { MemoryLedger } from '../fakes/memory-ledger.ts';

const nine = Date.parse('2026-05-01T09:00Z');
const day = 24 * 3_600_000;
const inDoubt: Outcome<string> = { failure: { kind: 'in-doubt', reason: 'cut' } };

/** Bots of a network, their runner, and a server that does what it is told to. */
class World {
  readonly clock = new HeldClock(nine - 1000);
  readonly ledger = new MemoryLedger();
  readonly sent: ({ text: string } & PostOptions)[] = [];
  readonly asked: string[] = [];
  /** The next answers to posts; after them the mark, or another id. */
  answers: Outcome<string>[] = [];
  /** What the server has. */
  posts: TimelinePost[] = [];
  poem = 'one\ntwo';
  readonly bots: Bot[];
  readonly braked: string[] = [];
  readonly logged: { event: string; why?: unknown }[] = [];
  readonly #runner: BotRunner;

  constructor(
    bots: { name: string; network: NetworkName; server?: string }[],
    settings: Record<string, unknown> = {},
  ) {
    const file = parseFlockFile(JSON.stringify(settings), 'flock.json');
    this.bots = bots.map(({ name, network, server }): Bot => {
      const own = file.settingsOf(name as BotName);
      const appKeys = network === 'bluesky' ? noApp : new TokenPair('app', 'secret');
      const bundle: BotKey = {
        appKeys,
        accessToken: new TokenPair(name, ''),
        userId: `id-${name}`,
        screenName: name,
        ...(network !== 'x' && { provider: network, server: server ?? `https://${network}.example` }),
      };
      const rules = networks[network].rulesFor(bundle, own.contentWarning);
      return { name: name as BotName, poemFile: `${name}.txt`, settings: own, bundle, rules };
    });
    const log = new EventLog();
    log.subscribe(({ fields }) => this.logged.push(fields));
    this.#runner = new BotRunner({
      ledger: this.ledger,
      clock: this.clock,
      log,
      openAccount: ({ provider }: BotKey) => this.#account(provider === 'bluesky'),
      askTime: () => Promise.resolve({ ahead: 0, isOwn: true }),
      deadline: 10_000,
      flockBudget: () => ({ ...unlimitedBudget, budget: { usdPerMonth: 0 } }),
      isStopped: () => false,
      bots: () => this.bots,
      isUp: () => true,
      opened: () => undefined,
      brake: (why) => {
        this.braked.push(why);
        return Promise.resolve();
      },
      readPoem: () => Promise.resolve(this.poem),
      writtenAt: () => undefined,
    });
  }

  #account(findsByMark: boolean): Account {
    return {
      post: (text, options = {}) => {
        this.sent.push({ text, ...options });
        const id = findsByMark ? (options.mark ?? '') : `p${this.sent.length}`;
        return Promise.resolve(this.answers.shift() ?? { ok: id });
      },
      me: () => Promise.reject(new Error('the bundle tells the account')),
      timeline: (_, from, { isKnown }) => {
        this.asked.push(`timeline ${JSON.stringify(from)}`);
        const posts = this.posts.map((post) =>
          isKnown?.(post.text) === false ? { ...post, text: `${post.text} as written` } : post,
        );
        return Promise.resolve({ ok: { posts: posts.toReversed(), next: undefined } });
      },
      ...(findsByMark && {
        find: (mark: string) => {
          this.asked.push(`find ${mark}`);
          return Promise.resolve({ ok: this.posts.find(({ id }) => id === mark) });
        },
      }),
    };
  }

  async untilItWaits(bot = this.bots[0]): ReturnType<BotRunner['step']> {
    assert.ok(bot);
    for (let steps = 0; steps < 20; steps++) {
      const next = await this.#runner.step(bot);
      if (next === 'when changed' || next > this.clock.now()) return next;
    }
    throw new Error('it never waits');
  }

  /** Begins the bots, and comes to their first slot. */
  async begin(): Promise<void> {
    for (const bot of this.bots) await this.untilItWaits(bot);
    await this.clock.runUntil(nine);
  }

  get events(): LedgerEvent['event'][] {
    return this.ledger.events.map(({ event }) => event);
  }

  get intents(): Intent[] {
    return this.ledger.events.flatMap((event) => (event.event === 'intent' ? [event] : []));
  }

  get marks(): (string | undefined)[] {
    return this.sent.map(({ mark }) => mark);
  }
}

const one = (network: NetworkName, settings = {}): World => new World([{ name: 'rain', network }], settings);

describe('a post at another network', () => {
  it('costs nothing, even where the budget allows nothing', async () => {
    const world = one('mastodon');
    await world.begin();
    assert.equal(await world.untilItWaits(), nine + day);
    assert.deepEqual(
      world.sent.map(({ text }) => text),
      ['one'],
    );
    assert.equal(world.intents[0]?.cost, 0);
    assert.equal(world.ledger.state('rain')?.tally?.total ?? 0, 0);
  });

  it('has a mark of its own, which the intent names, and what flock.json says', async () => {
    const settings = { visibility: 'public', language: 'en', contentWarning: 'rain' };
    const world = one('mastodon', settings);
    await world.begin();
    await world.untilItWaits();
    await world.clock.runUntil(nine + day);
    await world.untilItWaits();
    const [first, second] = world.sent;
    assert.ok(first && second);
    assert.deepEqual({ ...first, mark: '' }, { text: 'one', mark: '', since: undefined, ...settings });
    assert.equal(second.since, 'p1');
    assert.deepEqual(
      world.intents.map(({ attempt }) => attempt),
      world.marks,
    );
    assert.notEqual(first.mark, second.mark);
    assert.match(first.mark ?? '', /^[\w-]{22}$/);
  });

  it('has no mark at X', async () => {
    const world = new World([{ name: 'rain', network: 'x' }], {});
    await world.begin();
    // The budget of the flock allows X nothing.
    assert.equal(await world.untilItWaits(), 'when changed');
    assert.deepEqual([world.sent, world.intents], [[], []]);
  });
});

describe('a post in doubt at Mastodon', () => {
  const settle = 310_000;

  it('is looked for on the timeline after a while, and sent again with its mark', async () => {
    const world = one('mastodon');
    await world.begin();
    world.answers = [inDoubt];
    assert.equal(await world.untilItWaits(), nine + settle);
    await world.clock.runUntil(nine + settle);
    await world.untilItWaits();
    assert.deepEqual(world.events.slice(1), ['intent', 'absent', 'intent', 'posted']);
    assert.equal(world.marks.length, 2);
    assert.equal(world.marks[0], world.marks[1]);
    assert.match(world.asked.at(-1) ?? '', /^timeline {"start":\d+}$/);
  });

  it('is found by the text that was written, where the HTML shows another', async () => {
    const world = one('mastodon');
    world.poem = 'one as written\ntwo';
    await world.begin();
    world.answers = [inDoubt];
    await world.untilItWaits();
    world.posts = [{ id: 'a1', text: 'one', at: nine }];
    await world.clock.runUntil(nine + settle);
    await world.untilItWaits();
    assert.equal(world.ledger.state('rain')?.last?.id, 'a1');
    assert.equal(world.sent.length, 1);
  });

  it('gets another mark when it was absent twice, since a server may give a failure again for a mark', async () => {
    const world = one('mastodon');
    await world.begin();
    world.answers = [inDoubt, inDoubt];
    for (let wait = await world.untilItWaits(); typeof wait === 'number' && wait < nine + day;) {
      await world.clock.runUntil(wait);
      wait = await world.untilItWaits();
    }
    const [first, second, third, ...more] = world.marks;
    assert.equal(first, second);
    assert.notEqual(second, third);
    assert.deepEqual(more, []);
  });

  it('gets another mark after a refusal', async () => {
    const world = one('mastodon');
    await world.begin();
    const wait: Outcome<string> = {
      failure: { kind: 'wait', until: nine + 400_000, scope: 'bot', reason: '429' },
    };
    world.answers = [inDoubt, wait];
    await world.untilItWaits();
    await world.clock.runUntil(nine + settle);
    await world.untilItWaits();
    await world.clock.runUntil(nine + 400_000);
    await world.untilItWaits();
    const [first, second, third] = world.marks;
    assert.equal(first, second);
    assert.notEqual(second, third);
  });
});

describe('a post in doubt at Bluesky', () => {
  it('is asked for by its mark at once, and sent again with it', async () => {
    const world = one('bluesky');
    await world.begin();
    world.answers = [inDoubt];
    assert.equal(await world.untilItWaits(), nine + day);
    const [mark = ''] = world.marks;
    assert.deepEqual(world.marks, [mark, mark]);
    assert.deepEqual(world.asked.slice(-1), [`find ${mark}`]);
    assert.deepEqual(world.events.slice(1), ['intent', 'absent', 'intent', 'posted']);
    assert.equal(world.ledger.state('rain')?.last?.id, mark);
  });

  it('keeps its mark after a refusal that is not about the text, and loses it after one that is', async () => {
    for (const [kind, keeps] of [
      ['unauthorized', true],
      ['rejected', false],
    ] as const) {
      const world = one('bluesky');
      await world.begin();
      world.answers = [inDoubt, { failure: { kind, reason: 'no' } }];
      await world.untilItWaits();
      const { attempt } = world.ledger.state('rain')?.owed ?? {};
      assert.equal(attempt, keeps ? world.marks[0] : undefined, kind);
    }
  });

  it('is looked for again before an edit of the poem is followed: it may have arrived late', async () => {
    const world = one('bluesky');
    await world.begin();
    const wait: Outcome<string> = {
      failure: { kind: 'wait', until: nine + 60_000, scope: 'bot', reason: '429' },
    };
    world.answers = [inDoubt, wait];
    await world.untilItWaits();
    const [mark = ''] = world.marks;
    world.posts = [{ id: mark, text: 'one', at: nine + 20_000 }];
    world.poem = 'one, corrected\ntwo';
    for (let next = await world.untilItWaits(); typeof next === 'number' && next < nine + day;) {
      await world.clock.runUntil(next);
      next = await world.untilItWaits();
    }
    assert.deepEqual(
      world.sent.map(({ text }) => text),
      ['one', 'one'],
    );
    assert.equal(world.ledger.state('rain')?.place.next, 1);
    assert.equal(world.ledger.state('rain')?.served, nine);
  });
});

describe('a flock at several networks', () => {
  const bots = [
    { name: 'ada', network: 'mastodon' as const },
    { name: 'bea', network: 'mastodon' as const },
    { name: 'cid', network: 'mastodon' as const, server: 'https://other.example' },
    { name: 'dee', network: 'bluesky' as const },
  ];
  const suspended: Outcome<string> = { failure: { kind: 'suspended', reason: '403' } };

  it('goes on at the others where one server is gone', async () => {
    const world = new World(bots);
    await world.begin();
    const page: Outcome<string> = { failure: { kind: 'in-doubt', foreign: true, reason: 'a web page' } };
    world.answers = [page, page];
    const [ada, bea, cid, dee] = world.bots;
    for (const bot of [ada, bea]) await world.untilItWaits(bot);
    for (const bot of [cid, dee]) assert.equal(await world.untilItWaits(bot), nine + day);
    assert.deepEqual(
      world.bots.map(({ name }) => world.ledger.state(name)?.posts),
      [0, 0, 1, 1],
    );
    assert.ok(world.logged.some(({ event }) => event === 'gate-closed'));
  });

  it('stops at a server that suspends several of its accounts, and nowhere else', async () => {
    const world = new World(bots);
    await world.begin();
    world.answers = [suspended, suspended];
    for (const bot of world.bots) await world.untilItWaits(bot);
    assert.deepEqual(
      world.bots.map(({ name }) => world.ledger.state(name)?.parked?.cause),
      ['suspended', 'suspended', undefined, undefined],
    );
    assert.deepEqual(world.braked, []);
    const herd = world.logged.find(({ event }) => event === 'herd');
    assert.match(String(herd?.why), /^mastodon\.example has suspended, .* 2 accounts/);
  });

  it('stops the other bots of that server before it is their turn', async () => {
    const many = ['eve', 'fay', 'gil'].map((name) => ({ name, network: 'mastodon' as const }));
    const world = new World([...bots, ...many]);
    await world.begin();
    world.answers = [suspended, suspended];
    for (const bot of world.bots) await world.untilItWaits(bot);
    const causes = Object.fromEntries(
      world.bots.map(({ name }) => [name, world.ledger.state(name)?.parked?.cause]),
    );
    assert.deepEqual(
      [causes['eve'], causes['gil'], causes['cid'], causes['dee']],
      ['herd', 'herd', undefined, undefined],
    );
    assert.match(world.ledger.state('eve')?.parked?.hint ?? '', /flockd resume --all$/);
  });

  it('is stopped as a whole where all its bots are at that server', async () => {
    const world = new World(bots.slice(0, 2));
    await world.begin();
    world.answers = [suspended, suspended];
    for (const bot of world.bots) await world.untilItWaits(bot);
    assert.equal(world.braked.length, 1);
  });
});
