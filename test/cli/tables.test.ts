import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { statusTable } from '../../src/cli/tables.ts';
import type { BotStatus } from '../../src/flock/status.ts';
import { noon, shownBot } from './shown-bots.ts';

const bots: BotStatus[] = [
  shownBot('evensong'),
  shownBot('snow-ledger', {
    state: 'waiting',
    until: '2026-11-22T00:00:00.000Z',
    next: '2026-11-22T00:00:00.000Z',
    budget: { usdPerMonth: 5 },
  }),
  shownBot('tide', { state: 'parked', next: undefined, last: undefined, account: undefined, done: 14 }),
];

const drawn = (columns: number, shown = bots): string[] =>
  statusTable(shown, { columns, now: noon, colors: false });

describe('the table of the bots', () => {
  it('has all there is where there is room for it', () => {
    assert.deepEqual(drawn(140), [
      'bot          account           lines             last post    next        state         this month      link',
      'evensong     @evensong_bot     ██████░░░░ 8/14   3 h ago      in 3 h      posting       $3.60           https://x.com/evensong/status/77',
      'snow-ledger  @snow_ledger_bot  ██████░░░░ 8/14   3 h ago      in 12 h     waiting 12 h  $3.60 of $5.00  https://x.com/snow-ledger/status/77',
      'tide                           ██████████ 14/14                           needs you     $3.60',
    ]);
  });

  it('names the networks where there are several, and has money for those that charge', () => {
    const nothing = { postsToday: 0, usdMonth: 0, usdTotal: 0 };
    const free = [
      shownBot('gull', { network: 'bluesky', spent: nothing }),
      shownBot('tern', { network: 'mastodon', spent: nothing }),
    ];
    const rows = [...free, shownBot('heron')].map((bot) => ({ ...bot, last: undefined }));
    assert.deepEqual(drawn(120, rows), [
      'bot    network   account     lines            next        state    this month',
      'gull   Bluesky   @gull_bot   ██████░░░░ 8/14  in 3 h      posting',
      'tern   Mastodon  @tern_bot   ██████░░░░ 8/14  in 3 h      posting',
      'heron  X         @heron_bot  ██████░░░░ 8/14  in 3 h      posting  $3.60',
    ]);
    assert.deepEqual(drawn(70, rows)[1], 'gull   Bluesky   ██████░░░░ 8/14  in 3 h      posting');
    assert.deepEqual(drawn(120, rows.slice(0, 1))[0], 'bot   account    lines            next        state');
    assert.doesNotMatch(drawn(120, rows.slice(0, 2)).join('\n'), /this month/);
  });

  it('leaves out what it can do without on a narrow terminal', () => {
    assert.deepEqual(drawn(80), [
      'bot          lines             last post    next        state',
      'evensong     ██████░░░░ 8/14   3 h ago      in 3 h      posting',
      'snow-ledger  ██████░░░░ 8/14   3 h ago      in 12 h     waiting 12 h',
      'tide         ██████████ 14/14                           needs you',
    ]);
    assert.deepEqual(drawn(60)[2], 'snow-ledger  ██████░░░░ 8/14   in 12 h     waiting 12 h');
    assert.deepEqual(drawn(50)[2], 'snow-ledger  8/14   in 12 h     waiting 12 h');
  });

  it('is never wider than the terminal, however long a name is', () => {
    const long = [...bots, shownBot('a-name-that-somebody-made-far-too-long-for-any-terminal-of-this-world')];
    for (const columns of [40, 60, 80, 120, 140, 200]) {
      for (const line of drawn(columns, long)) assert.ok(line.length <= columns, `${columns}: ${line}`);
    }
    assert.match(drawn(40, long).at(-1) ?? '', /^a-name-\S*… {2}/);
  });

  it('says what is overdue, and not by how little', () => {
    const next = (time: string): string =>
      drawn(60, [shownBot('howl', { next: `2026-11-21T${time}.000Z` })])[1] ?? '';
    assert.match(next('11:58:00'), /overdue/);
    assert.match(next('11:59:30'), /30 s ago/);
    assert.match(next('12:00:00'), /now/);
  });

  it('has whole instants and whole names away from a terminal', () => {
    const name = 'a-name-that-somebody-made-far-too-long-for-any-terminal-of-this-world';
    const [, row = ''] = statusTable([shownBot(name)], { columns: 80, now: undefined, colors: false });
    assert.ok(row.startsWith(name) && row.includes('2026-11-21 15:00 UTC'), row);
  });

  it('has every column away from a terminal, however narrow one would be', () => {
    const [heads = ''] = statusTable(bots, { columns: 20, now: undefined, colors: false });
    assert.deepEqual(heads.split(/ {2,}/), [
      'bot',
      'account',
      'lines',
      'last post',
      'next',
      'state',
      'this month',
      'link',
    ]);
  });

  it('has the instants of each bot by its own clock', () => {
    const both = [
      shownBot('ada', { timezone: 'Europe/Berlin' }),
      shownBot('bea', { timezone: 'Asia/Tokyo' }),
    ];
    const [, ada = '', bea = ''] = statusTable(both, { columns: 80, now: undefined, colors: false });
    assert.match(ada, /2026-11-21 10:00 CET {2,}2026-11-21 16:00 CET/);
    assert.match(bea, /2026-11-21 18:00 GMT\+9 {2,}2026-11-22 00:00 GMT\+9/);
  });

  it('has colours and links where they are wanted, and the same text', () => {
    const lines = statusTable(bots, { columns: 100, now: noon, colors: true });
    const link = '\u001b]8;;https://x.com/evensong/status/77\u0007';
    assert.ok(lines[1]?.includes(`${link}3 h ago\u001b]8;;\u0007`));
    assert.ok(lines[1]?.includes('\u001b[32mposting\u001b[39m'));
    assert.ok(lines[3]?.includes('\u001b[31mneeds you\u001b[39m'));
    const plain = lines.map((line) => stripVTControlCharacters(line).trimEnd());
    assert.deepEqual(plain, drawn(100));
  });

  it('shows no sign that would steer the terminal', () => {
    const [, row = ''] = drawn(140, [shownBot('howl', { account: 'a\u001b[2Jb' })]);
    assert.ok(row.includes('@a\ufffd[2Jb'), row);
  });

  it('has a row for each of more bots than a call has arguments, all in their columns', () => {
    const many = Array.from({ length: 150_000 }, (_, n) => shownBot(`bot-${n}`));
    const [heads = '', ...rows] = statusTable(many, { columns: 140, now: noon, colors: false });
    assert.equal(rows.length, many.length);
    assert.ok(
      rows.every((row) => row.indexOf('posting') === heads.indexOf('state')),
      'each state stands below its head',
    );
  });
});
