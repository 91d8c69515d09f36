import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import {
  type BotFiles,
  type FlockNow,
  isFree,
  networksOf,
  postPages,
  statusOf,
} from '../../src/flock/status.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import type { BotState } from '../../src/ledger/state.ts';
import { networks } from '../../src/networks/networks.ts';
import type { NetworkName } from '../../src/networks/network.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const pages = postPages('https://api.x.com');
const flock: FlockNow = {
  history: new FlockHistory(),
  flockBudget: unlimitedBudget,
  isStopped: false,
  now,
  pages,
};

const keys: Record<NetworkName, BotFiles['key'] & object> = {
  x: { userId: '1', screenName: 'howl' },
  mastodon: {
    provider: 'mastodon',
    server: 'https://mastodon.example',
    userId: '109',
    screenName: 'howl@mastodon.example',
  },
  bluesky: {
    provider: 'bluesky',
    server: 'https://pds.example',
    userId: 'did:plc:abc',
    screenName: 'howl.example',
  },
};

const files = (name: NetworkName, settings: object = {}): BotFiles => ({
  bot: 'howl',
  account: keys[name].screenName,
  network: networks[name],
  key: keys[name],
  lines: 3,
  linked: new Set([0, 1, 2]),
  settings: parseFlockFile(JSON.stringify(settings), 'flock.json').settingsOf('howl' as BotName),
  unfit: undefined,
});

const state: BotState = {
  place: { poem: 'aaaaaaaabbbbbbbbcccccccc', next: 1, ahead: [] },
  pass: 1,
  served: now,
  posts: 1,
  last: { id: '77', at: now - 3_600_000, line: 0 },
};

const each = (change: Partial<BotState> = {}, settings: object = {}, at = now) =>
  Object.fromEntries(
    (['x', 'mastodon', 'bluesky'] as const).map((name) => [
      name,
      statusOf(files(name, settings), { ...state, ...change }, { ...flock, now: at }),
    ]),
  );

describe('the status of a bot on each network', () => {
  it('names the network and its server, and where its last post is', () => {
    assert.deepEqual(
      Object.values(each()).map(({ network, server, last }) => [network, server, last?.url]),
      [
        ['x', undefined, 'https://x.com/howl/status/77'],
        ['mastodon', 'https://mastodon.example', 'https://mastodon.example/@howl/77'],
        ['bluesky', 'https://pds.example', 'https://bsky.app/profile/did:plc:abc/post/77'],
      ],
    );
  });

  it('knows neither where its bundle is bad', () => {
    const { network, server } = statusOf(
      { ...files('x'), network: undefined, key: undefined, settings: undefined },
      state,
      flock,
    );
    assert.deepEqual([network, server], [undefined, undefined]);
  });

  it('waits for a budget in dollars only where money is charged', () => {
    const standing = each({}, { bots: { howl: { budget: { usdPerMonth: 0.001 } } } });
    assert.deepEqual(
      Object.values(standing).map((bot) => bot.state),
      ['waiting', 'fine', 'fine'],
    );
  });

  it('checks at once where a network finds posts by their marks, and elsewhere after settle', () => {
    const open = {
      event: 'intent',
      bot: 'howl',
      at: now - 60_000,
      slot: now,
      until: now,
      line: 1,
      lines: 1,
      print: 'p',
      attempt: '3kabc',
    } as const;
    const until = (change: Partial<BotState>): unknown[] =>
      Object.values(each(change)).map((bot) => bot.until);
    const settled = '2026-11-21T12:04:10.000Z';
    assert.deepEqual(until({ open }), [settled, settled, undefined]);
    const { attempt, ...unmarked } = open;
    assert.deepEqual(until({ open: unmarked }), [settled, settled, settled], `without ${attempt}`);
  });

  it('names the network that tells the time', () => {
    const ahead = each({ served: now + 3_600_000 });
    assert.deepEqual(
      Object.values(ahead).map(({ hint }) => /flockd asks (\w+) before it posts/.exec(hint ?? '')?.[1]),
      ['X', 'Mastodon', 'Bluesky'],
    );
  });
});

describe('the networks of a flock', () => {
  const spent = { postsToday: 0, usdMonth: 0, usdTotal: 0 };
  const of = (...used: (NetworkName | undefined)[]) => used.map((network) => ({ network }));

  it('are each named once', () => {
    assert.deepEqual(
      networksOf(of('bluesky', undefined, 'x', 'bluesky')).map(({ title }) => title),
      ['X', 'Bluesky'],
    );
  });

  it('are free where none charges, and nothing was spent or is budgeted', () => {
    const none = { spent, budget: {} };
    assert.equal(isFree(none, of('mastodon', 'bluesky', undefined)), true);
    assert.equal(isFree(none, of('mastodon', 'x')), false);
    assert.equal(isFree(none, of(undefined)), false);
    assert.equal(isFree({ ...none, budget: { usdPerMonth: 1 } }, of('mastodon')), false);
    assert.equal(isFree({ ...none, spent: { ...spent, usdTotal: 1 } }, of('mastodon')), false);
  });
});
