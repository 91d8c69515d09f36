import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planAsJson, showPlan } from '../../src/plan/render.ts';
import { planned, planOf, type SmallFlock } from './small-flock.ts';

const rows = ['one', 'see https://example.org', 'for @anna@example.org', 'one', '  the end.It is'];
const mastodon = {
  provider: 'mastodon',
  server: 'https://mastodon.example',
  screenName: 'tern@mastodon.example',
};
const bluesky = { provider: 'bluesky', server: 'https://pds.example', screenName: 'gull.example' };

/** One poem on three networks. */
const mixed: SmallFlock = {
  poems: { gull: rows, heron: rows, tern: rows },
  settings: { schedule: '0 9 * * *', atEnd: 'stop' },
  keys: { tern: mastodon, gull: bluesky },
};
const free: SmallFlock = { ...mixed, keys: { ...mixed.keys, heron: mastodon } };

/** What a person is shown. */
const shown = (flock: SmallFlock, columns?: number): string[] =>
  Array.from(
    showPlan(planOf(flock), { invalidBots: [], passedOver: [] }, { columns, whole: false, calendar: false }),
    ({ text }) => text,
  );

const lineOf = (lines: readonly string[], begin: string): string =>
  lines.find((line) => line.startsWith(begin)) ?? assert.fail(`no line begins with ${begin}`);

describe('the plan of a flock on several networks', () => {
  it('has money for the bots of X alone', () => {
    const { bots } = planned(mixed);
    const sums = Object.entries(bots).map(([bot, { outlook }]) => [
      bot,
      outlook.posts,
      outlook.micros,
      outlook.microsToEnd,
    ]);
    assert.deepEqual(sums, [
      ['gull', 5, 0, 0],
      ['heron', 5, 445_000, 445_000],
      ['tern', 5, 0, 0],
    ]);
  });

  it('lets a budget in dollars hold the bots of X alone', () => {
    const settings = { ...mixed.settings, budget: { usdPerMonth: 0.02 } };
    const { bots } = planned({ ...mixed, settings });
    assert.deepEqual(
      Object.entries(bots).map(([bot, { outlook }]) => [bot, outlook.posts, outlook.held !== undefined]),
      [
        ['gull', 5, false],
        ['heron', 1, true],
        ['tern', 5, false],
      ],
    );
  });

  it('expects repetitions to be refused by X alone', () => {
    const settings = { schedule: '0 * * * *', atEnd: 'loop', refrain: 'defer' };
    const { bots } = planned({
      ...mixed,
      poems: { gull: ['oh'], heron: ['oh'], tern: ['oh'] },
      settings,
      days: 2,
    });
    assert.deepEqual(
      Object.entries(bots).map(([bot, { outlook }]) => [
        bot,
        outlook.refused !== undefined,
        outlook.posts > 40,
      ]),
      [
        ['gull', false, true],
        ['heron', true, false],
        ['tern', false, true],
      ],
    );
  });

  it('warns of each poem by the rules of its network, and of texts that two bots of X share', () => {
    const lints = (flock: SmallFlock): string[] =>
      Array.from(planOf(flock).lints(), ({ bot, code, line }) => `${bot} ${line} ${code}`);
    assert.deepEqual(lints(mixed), [
      'gull 2 link',
      'heron 2 link',
      'heron 4 refrain',
      'heron 5 leading-space',
      'heron 5 accidental-link',
      'tern 2 link',
      'tern 3 mention',
      'tern 5 leading-space',
    ]);
    assert.match(lints({ ...mixed, keys: { gull: bluesky } }).join('\n'), /tern 1 shared-text/);
  });

  it('holds the bots of X alone against the limits of X', () => {
    const poems = Object.fromEntries(
      ['gull', 'heron', 'tern'].map((bot) => [bot, Array.from({ length: 99 }, (_, n) => `${bot} ${n}`)]),
    );
    const { plan, bots } = planned({ ...mixed, poems, settings: { schedule: '*/15 * * * *' }, days: 1 });
    assert.deepEqual(
      plan.excesses().map(({ bots: whose }) => whose),
      [['heron']],
    );
    assert.deepEqual(
      Object.values(bots).map(({ mostInDay }) => mostInDay),
      [96, 96, 96],
    );
  });

  it('names the network of each bot, for people and for programs', () => {
    const lines = shown(mixed);
    assert.match(lineOf(lines, 'A month costs'), /; Mastodon and Bluesky charge nothing\.$/);
    assert.match(lineOf(lines, 'bot '), /^bot +network +account .* to its end$/);
    assert.match(lineOf(lines, 'tern '), /^tern +Mastodon +@tern@mastodon\.example .* free$/);
    assert.match(lineOf(lines, 'heron '), /^heron +X .* \$0\.45 +\$0\.45 +\$0\.45$/);
    assert.match(lineOf(lines, 'All are kept'), /no bot makes more than 1 post/);
    const { bots } = JSON.parse(
      [...planAsJson(planOf(mixed), { invalidBots: [], passedOver: [] })].join(''),
    ) as {
      bots: { network: string; server?: string; usd: number }[];
    };
    assert.deepEqual(
      bots.map(({ network, server, usd }) => [network, server, usd]),
      [
        ['bluesky', 'https://pds.example', 0],
        ['x', undefined, 0.445],
        ['mastodon', 'https://mastodon.example', 0],
      ],
    );
  });

  it('leaves out the account, and then the table, where it is narrow', () => {
    assert.match(
      lineOf(shown(mixed, 90), 'tern '),
      /^tern +Mastodon +daily at 09:00, UTC +5 +2026-06-05 +free$/,
    );
    const lines = shown(mixed, 50);
    const at = lines.indexOf('tern, @tern@mastodon.example on Mastodon');
    assert.deepEqual(lines.slice(at + 1, at + 4), [
      '  daily at 09:00, UTC',
      '  5 posts, free',
      '  ends 2026-06-05: 5 lines',
    ]);
  });

  it('has neither sums nor limits where nothing is charged and no bot is on X', () => {
    const lines = shown(free);
    assert.deepEqual(lines.slice(0, 2), [
      '2026-06-01 to 2026-07-01: 15 posts of 3 bots',
      'Mastodon and Bluesky charge nothing.',
    ]);
    assert.doesNotMatch(lines.join('\n'), /\$|\bX\b/);
    const { plan } = planned(free);
    assert.equal(plan.monthWithoutBudget(), undefined);
  });

  it('goes by the limits of a server, with the content warning', () => {
    const poems = { tern: ['x'.repeat(600)] };
    const settings = { ...mixed.settings, contentWarning: 'w'.repeat(100) };
    const postsAt = (limits: object): number =>
      planned({ ...mixed, poems, settings, keys: { tern: { ...mastodon, ...limits } } }).posts.length;
    assert.equal(postsAt({}), 2);
    assert.equal(postsAt({ textLimits: { maxCharacters: 700, charactersPerLink: 23 } }), 1);
    assert.equal(postsAt({ textLimits: { maxCharacters: 300, charactersPerLink: 23 } }), 3);
  });
});
