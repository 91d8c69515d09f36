import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import { tempFolder } from '../flock/temp-folder.ts';
import { start, type Running } from '../support/programs.ts';

const rows = (word: string, count: number): string =>
  Array.from({ length: count }, (_, n) => `${word} ${n + 1}, and the tide goes out\n`).join('');

const poems = { 'poems/heron.txt': rows('heron', 40), 'poems/winter/Otter Song.txt': rows('otter', 3) };

const plan = (cwd: string, ...args: string[]): Running =>
  start('flockd', ['plan', '--from', '2026-11-21T08:00Z', ...args], { cwd });

async function planned(files: Record<string, string>, ...args: string[]): Promise<Running> {
  const running = plan(tempFolder(files), ...args);
  await running.exit;
  return running;
}

const shape = z.strictObject({
  from: z.iso.datetime(),
  until: z.iso.datetime(),
  prices: z.strictObject({ version: z.literal(1), date: z.iso.date() }),
  posts: z.array(
    z.strictObject({
      bot: z.string(),
      at: z.iso.datetime(),
      line: z.int().min(1),
      lines: z.int().min(1),
      text: z.string(),
      usd: z.number(),
    }),
  ),
  bots: z.array(
    z.looseObject({
      bot: z.string(),
      hasKey: z.boolean(),
      posts: z.int(),
      next: z.iso.datetime().nullable(),
      ends: z.iso.datetime().nullable(),
      loops: z.boolean(),
      usd: z.number(),
      usdPerMonth: z.number(),
      usdToEnd: z.number(),
      notes: z.array(z.strictObject({ text: z.string(), hint: z.string().optional() })),
    }),
  ),
  unfit: z.array(z.strictObject({ bot: z.string(), why: z.string(), hint: z.string().optional() })),
  passedOver: z.array(z.strictObject({ file: z.string(), why: z.string(), hint: z.string() })),
  usd: z.number(),
  usdPerMonth: z.number(),
  usdToEnd: z.number(),
  budget: z.object({}),
  timezone: z.string(),
  notes: z.array(z.object({ text: z.string() })),
  lints: z.array(
    z.strictObject({
      code: z.string(),
      bot: z.string(),
      file: z.string(),
      line: z.int().min(1),
      message: z.string(),
    }),
  ),
  limits: z.array(
    z.looseObject({ limit: z.string(), allowed: z.int(), posts: z.int(), message: z.string() }),
  ),
});

const parse = ({ stdout }: Running): z.infer<typeof shape> => shape.parse(JSON.parse(stdout));

describe('flockd plan as a process', { concurrency: 4 }, () => {
  it('gives programs what they want, on standard output alone', async () => {
    const running = await planned(poems, '--json');
    assert.deepEqual([await running.exit, running.stderr], [{ code: 0, signal: null }, '']);
    const found = parse(running);
    assert.deepEqual([found.from, found.until], ['2026-11-21T08:00:00.000Z', '2026-12-21T08:00:00.000Z']);
    assert.equal(found.posts.length, 60);
    assert.deepEqual(found.posts[1], {
      bot: 'otter-song',
      at: '2026-11-21T09:00:00.000Z',
      line: 1,
      lines: 1,
      text: 'otter 1, and the tide goes out',
      usd: 0.015,
    });
    assert.deepEqual(
      found.bots.map(({ bot, posts, ends, usdToEnd }) => [bot, posts, ends, usdToEnd]),
      [
        ['heron', 30, '2026-12-30T09:00:00.000Z', 0.6],
        ['otter-song', 30, '2026-11-23T09:00:00.000Z', 0.045],
      ],
    );
    assert.deepEqual([found.usd, found.usdPerMonth, found.usdToEnd], [0.9, 0.9, 0.645]);
  });

  it('sums up exactly what its posts cost', async () => {
    const found = parse(
      await planned({ ...poems, 'poems/links.txt': 'night.It\n$A $B\n' }, '--json', '--days', '9'),
    );
    const sum = (bot: string): number =>
      found.posts
        .filter((post) => post.bot === bot)
        .reduce((all, { usd }) => all + Math.round(usd * 1e6), 0) / 1e6;
    for (const { bot, usd } of found.bots) assert.equal(usd, sum(bot), bot);
    assert.equal(sum('links'), 0.2);
    assert.deepEqual(
      found.lints
        .filter(({ bot }) => bot === 'links')
        .map(({ code, line, file }) => `${file}:${line} ${code}`),
      ['poems/links.txt:1 accidental-link', 'poems/links.txt:1 refrain', 'poems/links.txt:2 cashtag'],
    );
  });

  it('goes by the prices of the flock', async () => {
    const prices = { version: 1, date: '2027-01-01', post: 0.02, linkPost: 0.5, postRead: 0, userRead: 0 };
    const found = parse(await planned({ ...poems, 'prices.json': JSON.stringify(prices) }, '--json'));
    assert.deepEqual([found.prices.date, found.usd], ['2027-01-01', 1.2]);
    const newer = await planned({ ...poems, 'prices.json': JSON.stringify({ ...prices, version: 2 }) });
    assert.deepEqual((await newer.exit).code, 78);
    assert.match(newer.stderr, /prices\.json: version is not 1/);
  });

  const refused: [args: string[], says: RegExp][] = [
    [['--days', '0'], /--days: should be a number of days, from 1 to 3650/],
    [['--days', '-1'], /--days: should be a number of days/],
    [['--days=-1'], /--days: should be a number of days/],
    [['--days', '1e9'], /--days: should be a number of days/],
    [['--days', '999999999'], /--days: should be a number of days, from 1 to 3650/],
    [['--days', '3.5'], /--days: should be a number of days/],
    [['--days', ''], /--days: should be a number of days/],
    [['--days', '1', '--days', '2'], /--days: should be given once/],
    [['--from', 'tomorrow'], /--from: should be given once|--from: should be a time/],
    [['--bot', 'hern'], /hern has neither a poem nor a key bundle\nhint: did you mean heron\?/],
    [['--bot', 'nobody'], /hint: there are: heron and otter-song$/m],
    [['--bot', 'Heron'], /"Heron" is not the name of a bot/],
    [['--json', '--ics'], /--ics: cannot be given with --json/],
    [['heron'], /a word too many/],
  ];
  for (const [args, says] of refused) {
    it(`refuses ${args.join(' ')}`, async () => {
      const running = await planned(poems, ...args);
      assert.equal((await running.exit).code, 64, running.stderr);
      assert.match(running.stderr, says);
      assert.equal(running.stdout, '');
    });
  }

  it('plans the others where one is unfit, and ends with 1', async () => {
    const files = { ...poems, 'keys/heron.json': '{', 'poems/empty.txt': '\n\n' };
    const running = await planned(files, '--json');
    assert.equal((await running.exit).code, 1);
    const found = parse(running);
    assert.deepEqual(
      found.bots.map(({ bot }) => bot),
      ['otter-song'],
    );
    assert.deepEqual(
      found.unfit.map(({ bot }) => bot),
      ['empty', 'heron'],
    );
    const shown = await planned(files);
    assert.equal((await shown.exit).code, 1);
    assert.match(shown.stdout, /heron needs you: .*heron\.json: not whole JSON/);
    const chosen = await planned(files, '--bot', 'otter-song');
    assert.equal((await chosen.exit).code, 0);
  });

  it('refuses settings that are wrong', async () => {
    const running = await planned({ ...poems, 'flock.json': '{"schedule": "0 0 30 2 *"}' });
    assert.equal((await running.exit).code, 78);
    assert.match(running.stderr, /never comes/);
  });

  it('plans a poem of 20,000 lines, and says where it ends', async () => {
    const files = { 'poems/whale.txt': rows('whale', 20_000), 'flock.json': '{"schedule": "0 * * * *"}' };
    const { bots, posts } = parse(await planned(files, '--json', '--days', '1'));
    assert.equal(posts.length, 24);
    assert.equal(bots[0]?.usdToEnd, 300);
    const end = Date.parse(bots[0].ends ?? '');
    assert.ok(Math.abs(end - Date.parse('2026-11-21T08:00Z') - 20_000 * 3_600_000) < 2 * 86_400_000);
  });

  const long = {
    'poems/long.txt': `${'word '.repeat(50)}end\n${rows('heron', 400)}`,
    'flock.json': '{"schedule": "0 * * * *"}',
  };

  it('shows the next posts, and how to see all; with --calendar or --bot, all of them', async () => {
    const short = await planned(long);
    assert.match(short.stdout, /(word ){50}end/, 'no text is cut where a program reads it');
    assert.match(short.stdout, /\bheron 2, and/);
    assert.doesNotMatch(short.stdout, /\bheron 3, and/);
    assert.match(short.stdout, /^… and 717 more posts: --calendar shows all, --bot NAME those of one bot$/m);
    for (const args of [['--calendar'], ['--bot', 'long']]) {
      const { stdout } = await planned(long, ...args);
      assert.match(stdout, /\bheron 400, and/);
      assert.doesNotMatch(stdout, /…/);
    }
  });

  it('shows of many bots no more than fits, and first what matters', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `bot-${n + 10}`);
    const many = Object.fromEntries(names.map((name) => [`poems/${name}.txt`, rows(name, 400)]));
    const files = {
      ...many,
      'poems/wren.txt': ' a\nb\n c\n',
      'poems/none.txt': '',
      'flock.json': '{"schedule": "0 * * * *"}',
    };
    const { stdout } = await planned(files);
    const parts = [
      'Needs attention',
      'none needs you',
      'wren: X refuses',
      "X's limits",
      'In the poems',
      'The bots',
      'bot-10, in UTC',
      '… and ',
    ];
    const found = parts.map((part) => stdout.indexOf(part));
    assert.ok(!found.includes(-1), `${parts[found.indexOf(-1)] ?? ''} is missing in ${stdout}`);
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
    );
    assert.match(stdout, /^poems\/wren\.txt: lines 1, 3 begin with spaces, which X drops$/m);
    const calendar = stdout.slice(stdout.indexOf('bot-10, in UTC')).trimEnd().split('\n');
    assert.ok(calendar.length <= 42, `${calendar.length} lines`);
    const one = await planned(files, '--bot', 'wren');
    assert.match(one.stdout, / 1 {2}a$/m, 'the space is gone, as on X');
    const lints = parse(await planned(files, '--bot', 'wren', '--json')).lints.filter(
      ({ code }) => code === 'leading-space',
    );
    assert.deepEqual(
      lints.map(({ line }) => line),
      [1, 3],
    );
  });

  it('tells of a warning that many poems have by a few of them', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `bot-${n + 10}`);
    const short = Object.fromEntries(names.map((name) => [`poems/${name}.txt`, rows(name, 3)]));
    const running = start('flockd', ['plan'], { cwd: tempFolder(short), columns: 100 });
    await running.exit;
    const found = running.stdout.match(/the poem begins again|the like in .*(?=\r)/g);
    assert.deepEqual(found, [
      ...Array.from({ length: 3 }, () => 'the poem begins again'),
      'the like in bot-13, bot-14, bot-15 and 34 more',
    ]);
  });

  it('shortens itself on a terminal, but not for one bot', async () => {
    const running = start('flockd', ['plan', '--calendar'], { cwd: tempFolder(long), columns: 60 });
    await running.exit;
    assert.match(running.stdout, /(word )+.*…\r$/m);
    for (const line of running.stdout.split('\r\n'))
      assert.ok(stripVTControlCharacters(line).length <= 60, line);
    const one = start('flockd', ['plan', '--bot', 'long'], { cwd: tempFolder(long), columns: 60 });
    await one.exit;
    assert.match(one.stdout, /heron 400, and/);
  });

  it('leaves the last column out where there is no room for it, and then the table', async () => {
    const headsAt = async (columns: number): Promise<string | undefined> => {
      const running = start('flockd', ['plan', '--days', '3'], { cwd: tempFolder(poems), columns });
      await running.exit;
      return /^bot +account.*(?=\r)/m.exec(running.stdout)?.[0].replaceAll(/ +/g, ' ');
    };
    const whole = 'bot account schedule posts ends costs a month to its end';
    assert.deepEqual(await Promise.all([120, 100, 60].map(headsAt)), [
      whole,
      whole.replace(' to its end', ''),
      undefined,
    ]);
  });

  it('tells of a bot that only flock.json names', async () => {
    const files = { ...poems, 'flock.json': '{"bots": {"ghost": {}, "hern": {}}}' };
    const running = await planned(files, '--json');
    assert.equal((await running.exit).code, 0);
    assert.equal(
      running.stderr,
      'flockd: ghost: flock.json names it, but it has neither a poem nor a key bundle\n' +
        'flockd: hern: flock.json names it, but it has neither a poem nor a key bundle\nhint: did you mean heron?\n',
    );
    assert.equal((await planned(files, '--bot', 'heron')).stderr, '');
  });

  it('says what a month would cost without the budget of the flock', async () => {
    const { stdout } = await planned({
      ...poems,
      'flock.json': '{"schedule": "0 * * * *", "budget": {"usdPerMonth": 3}}',
    });
    assert.match(
      stdout,
      /^A month costs \$3\.00, capped by the flock's budget \(without it \$\d\d\.\d\d\), all/m,
    );
  });

  it('writes nothing', async () => {
    const cwd = tempFolder(poems);
    const before = readdirSync(cwd, { recursive: true }).sort();
    await plan(cwd).exit;
    assert.deepEqual(readdirSync(cwd, { recursive: true }).sort(), before);
  });
});
