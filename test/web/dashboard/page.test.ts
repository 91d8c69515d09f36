import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BotView, FlockView } from '../../../src/web/dashboard/snapshot.ts';
import { calendarOf, spendingOf } from '../../../src/web/dashboard/charts.ts';
import { botListOf, everyBot } from '../../../src/web/dashboard/bot-list.ts';
import { dashboardPage, factsOf, lineItems, summaryOf } from '../../../src/web/dashboard/page.ts';
import { aBot, aPost, aView, flat, flockOf, markupOf, textOf, theDays } from './a-view.ts';

describe('the flock in a sentence', () => {
  const sentences: [string, BotView['state'][]][] = [
    ['No bot is posting yet.', []],
    ['bot-0 is posting.', ['fine']],
    ['bot-0 needs you.', ['parked']],
    ['bot-0 is posting.', ['new']],
    ['All two bots are posting.', ['fine', 'new']],
    ['One of two bots is posting. One needs you.', ['fine', 'parked']],
    ['All two bots are paused.', ['paused', 'finished']],
    ['All two bots need you.', ['parked', 'unfit']],
    ['All two bots are checking their timelines.', ['in doubt', 'looking']],
    ['None of two bots is posting. One needs you and one is paused.', ['paused', 'parked']],
    [
      'Two of seven bots are posting. Two need you, one is checking its timeline, one is waiting and one is paused.',
      ['fine', 'fine', 'finished', 'waiting', 'in doubt', 'parked', 'unfit'],
    ],
    ['13 of 14 bots are posting. One is paused.', [...Array<'fine'>(13).fill('fine'), 'paused']],
  ];
  for (const [sentence, states] of sentences)
    it(`of ${states.join(', ') || 'no bot'} is: ${sentence}`, () => {
      assert.equal(summaryOf(flockOf(...states)), sentence);
    });

  it('says first that it is paused', () => {
    const view = flockOf('stopped', 'parked');
    assert.equal(
      summaryOf({ ...view, flock: { ...view.flock, stopped: true } }),
      'The flock is paused, and posts nothing.',
    );
  });
});

describe('the flock at a glance', () => {
  it('is the next line, today, this month, and who stands how', () => {
    const view = aView([aBot('evensong'), aBot('howl', { state: 'parked' })], {
      days: theDays({ '2026-08-22': { posted: 7, planned: 5 } }),
    });
    assert.equal(
      textOf(factsOf(view)),
      'Next line in 21 h evensong, Sun 09:00 CEST Today 7 posts at most 5 still to come This month $4.20 until 31 August Bots 2 1 posting · 1 needs you',
    );
  });

  it('has no sum where nothing is charged', () => {
    const bots = [aBot('gull', { network: 'bluesky' }), aBot('tern', { network: 'mastodon' })];
    const spent = { postsToday: 7, usdMonth: 0, usdTotal: 0 };
    const view = { ...aView(bots), flock: { ...aView(bots).flock, spent } };
    assert.match(textOf(factsOf(view)), /This month free Mastodon and Bluesky charge nothing Bots/);
    assert.doesNotMatch(textOf(factsOf({ ...view, bots: [...bots, aBot('heron')] })), /free/);
    assert.equal(
      textOf(spendingOf(view)),
      'Mastodon and Bluesky charge nothing. The flock has no budget; flock.json can give it one.',
    );
  });

  it('measures against budgets, where there are any', () => {
    const view = aView([]);
    const budget = { postsPerDay: 24, usdPerMonth: 20 };
    const text = textOf(factsOf({ ...view, flock: { ...view.flock, budget } }));
    assert.match(text, /Today 7 posts of 24, none still to come/);
    assert.match(text, /This month \$4\.20 of \$20\.00 until 31 August/);
    assert.match(text, /Next line none no slot is ahead/);
  });

  it('does not say that nothing is ahead where posts are planned', () => {
    const days = theDays({ '2026-08-22': { planned: 3 } });
    const view = aView([aBot('howl', { state: 'in doubt', next: undefined })], { days });
    const text = textOf(factsOf(view));
    assert.match(text, /at most 3 still to come/);
    assert.doesNotMatch(text, /no slot is ahead/);
  });

  it('shows in red only what needs a person', () => {
    const markup = markupOf(factsOf(flockOf('looking', 'parked', 'unfit')));
    assert.match(markup, /data-severity="soon"[^>]*>1 checking/);
    assert.match(markup, /data-severity="wrong"[^>]*>2 need you/);
  });

  it('says of a slot that has come that it is due', () => {
    const view = aView([aBot('evensong', { next: '2026-08-22T09:59:00.000Z' })]);
    assert.match(textOf(factsOf(view)), /Next line due now/);
  });
});

describe('the bots', () => {
  const told = (bot: BotView): string => textOf(botListOf(aView([bot]), everyBot, undefined));

  it('are told with their place, last post and next slot', () => {
    assert.equal(
      told(aBot('evensong')),
      'evensong @evensong_bot in 21 h , Sun 09:00 CEST 3 of 14 lines last 3 h ago , line 3 on X',
    );
    assert.match(told(aBot('evensong', { pass: 3 })), /3 of 14 lines, third reading/);
    assert.match(told(aBot('evensong', { pass: 99 })), /, 99th reading/);
    assert.match(told(aBot('evensong', { pass: 102 })), /, 102nd reading/);
    assert.match(
      told(aBot('evensong', { state: 'finished', done: 14, next: undefined })),
      /paused all 14 lines.* its poem is at its end/,
    );
    assert.match(
      told(aBot('evensong', { of: 0, last: undefined, posts: 0 })),
      /its poem is not known no post yet/,
    );
    const link = markupOf(botListOf(aView([aBot('evensong')]), everyBot, undefined));
    assert.match(link, /<a href="https:\/\/x\.com\/evensong_bot\/status\/77"/);
    assert.match(link, /href="https:\/\/x\.com\/evensong_bot"/);
    const homeless = aBot('evensong', { home: undefined, last: undefined });
    assert.doesNotMatch(markupOf(botListOf(aView([homeless]), everyBot, undefined)), /href="https/);
  });

  it('say why they wait', () => {
    const why = 'the flock’s budget of $5 a month is used up';
    assert.match(
      told(aBot('howl', { state: 'waiting', why, next: '2026-08-31T22:00:00.000Z' })),
      /used up; next in 10 days , 1 Sept?, 00:00 CEST/,
    );
  });
});

describe('bots on several networks', () => {
  const bots = [aBot('gull', { network: 'bluesky' }), aBot('heron')];
  const said = (shown: typeof bots): string => textOf(botListOf(aView(shown), everyBot, undefined));

  it('are each told with their network', () => {
    assert.match(
      said(bots),
      /gull @gull_bot Bluesky in 21 h .* line 3 on Bluesky heron @heron_bot X in 21 h .* on X$/,
    );
  });

  it('are not where all are on one', () => {
    assert.doesNotMatch(said(bots.slice(0, 1)), /@gull_bot Bluesky/);
  });

  it('have their posts told with it', () => {
    const [post] = lineItems(aView(bots, { recent: [aPost('gull', { network: 'bluesky' })] }));
    assert.match(textOf(post), /, on Bluesky$/);
  });
});

describe('the last lines', () => {
  it('are told as they read', () => {
    const recent = [
      aPost('night-train', { text: 'We leave the town\nthe way one leaves', lines: 2 }),
      aPost('howl', { text: undefined, url: undefined, at: '2026-08-21T07:00:00.000Z' }),
    ];
    const [first, second] = lineItems(aView([], { recent }));
    assert.match(
      markupOf(first),
      /<blockquote dir="auto" lang="">We leave the town\nthe way one leaves<\/blockquote>/,
    );
    assert.match(textOf(first), /night-train , lines 3 and 4, 3 h ago , on X$/);
    assert.match(textOf(second), /^A line that is not in the poem any more\. howl , line 3, 27 h ago$/);
    assert.match(markupOf(first), /^<li id="line-night-train-1787382000000">/);
    assert.match(markupOf(second), /^<li id="line-howl-1787295600000">/);
  });
});

describe('what is spent', () => {
  it('is measured against the budgets of the flock', () => {
    const view = aView([]);
    const html = spendingOf({
      ...view,
      flock: { ...view.flock, budget: { postsPerDay: 24, usdPerMonth: 20 } },
    });
    assert.equal(
      textOf(html),
      'This month $4.20 of $20.00 until 31 August Today 7 of 24 posts Since it began $31.50',
    );
    assert.match(
      markupOf(html),
      /role="meter"\s+aria-label="Budget of This month"\s+aria-valuemin="0"\s+aria-valuemax="20"\s+aria-valuenow="4.2"/,
    );
    assert.match(markupOf(html), /<rect class="fill" width="210"/);
  });

  it('is a sum where there is no budget', () => {
    assert.equal(
      textOf(spendingOf(aView([]))),
      'This month $4.20 Since it began $31.50 The flock has no budget; flock.json can give it one.',
    );
  });

  it('is measured for the bots that have used most of theirs', () => {
    const bots = Array.from({ length: 8 }, (_, n) =>
      aBot(`b${n}`, { budget: { postsPerDay: 10 }, spent: { postsToday: n, usdMonth: 0, usdTotal: 0 } }),
    );
    bots.push(
      aBot('none', { budget: { usdPerMonth: 0 }, spent: { postsToday: 0, usdMonth: 0, usdTotal: 0 } }),
    );
    const html = spendingOf(aView(bots));
    assert.match(textOf(html), /none \$0\.00 of \$0\.00 this month b7 7 of 10 posts today b6 6 of 10/);
    assert.match(textOf(html), /and 3 more, which have used less of theirs$/);
    // Money is gone for the month; a day's posts come again tomorrow.
    assert.equal(markupOf(html).match(/data-full="yes"/g)?.length, 1);
    const spent = { postsToday: 9, usdMonth: 0, usdTotal: 0 };
    const daily = spendingOf(aView([aBot('a', { budget: { postsPerDay: 9 }, spent })]));
    assert.doesNotMatch(markupOf(daily), /data-full="yes"/);
  });
});

const sentenceIn = (markup: string): string =>
  /<p id="calendar-sentence">(.*?)<\/p>/.exec(markup)?.[1]?.trim() ?? '';

describe('the calendar', () => {
  const days = theDays({
    '2026-02-21': { posted: 1 },
    '2026-08-21': { posted: 12 },
    '2026-08-22': { posted: 3, planned: 4 },
    '2026-08-23': { planned: 6 },
    '2026-10-17': { planned: 1 },
  });
  const markup = flat(calendarOf(aView([], { days })));

  it('says in a sentence what it shows', () => {
    assert.equal(
      sentenceIn(markup),
      '16 posts in the last 26 weeks, 12 on the busiest day. At most 11 planned in the next 8.',
    );
    assert.match(sentenceIn(flat(calendarOf(aView([])))), /^No posts in the last 26 weeks\. None planned/);
    assert.match(markup, /role="img" aria-labelledby="calendar-sentence"/);
  });

  it('has a shape for each day, with a title', () => {
    assert.equal(markup.match(/<title>/g)?.length, 239);
    assert.match(markup, /<title>Fri 21 Aug 2026: 12 posts<\/title><rect class="made-4"/);
    assert.match(
      markup,
      /<title>Sat 22 Aug 2026: 3 posts, 4 planned for the rest of it<\/title><rect class="made-1"[^>]*\/><rect class="today"/,
    );
    assert.match(markup, /<title>Sun 23 Aug 2026: 6 planned<\/title\s*><circle class="planned"[^>]*r="3"/);
    assert.match(markup, /<title>Thu 20 Aug 2026: no posts<\/title><rect class="made-0"/);
    assert.equal(markup.match(/class="today"/g)?.length, 1);
  });

  it('stands in weeks from Monday on', () => {
    assert.equal(markup.match(/<g id="week-/g)?.length, 35);
    assert.match(
      markup,
      /<g id="calendar-weeks"><g id="week-2026-02-16"><g ?><title>[^<]*<[^>]*><rect class="made-1" x="32" y="88"/,
    );
  });

  it('is a table too', () => {
    const rows = Array.from(markup.matchAll(/<tr id="row-([^"]*)">(.*?)<\/tr>/g), ([, monday, row]) => [
      monday,
      row
        ?.replaceAll(/<[^>]*>/g, ' ')
        .trim()
        .replaceAll(/\s+/g, ' '),
    ]);
    assert.deepEqual([rows.length, rows[0]?.[0], rows.at(-1)?.[0]], [35, '2026-10-12', '2026-02-16']);
    assert.equal(rows.find(([monday]) => monday === '2026-08-17')?.[1], '17 Aug 0 0 0 0 12 3 + 4 6');
    assert.match(markup, /<th scope="col">Mon<\/th>/);
  });
});

describe('the page', () => {
  it('has no id twice, and a new version of it finds its parts by them', async () => {
    const view = aView([aBot('evensong'), aBot('howl', { state: 'parked' })], {
      recent: [aPost('evensong')],
    });
    const html = String((await dashboardPage(view, { control: undefined, edition: '1' })).bytes);
    const ids = Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id = '']) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ['summary', 'facts', 'troubles', 'lines', 'earlier', 'bots', 'bot-howl', 'spending'])
      assert.ok(ids.includes(id), id);
  });

  it('has another version where something else is to be seen, and not because time passes', async () => {
    const versionOf = async (view: FlockView): Promise<string> =>
      (await dashboardPage(view, { control: undefined, edition: '1' })).version;
    const view = aView([aBot('evensong')], { recent: [aPost('evensong')] });
    const version = await versionOf(view);
    assert.equal(await versionOf({ ...view, now: '2026-08-22T10:20:00.000Z' }), version);
    assert.notEqual(await versionOf({ ...view, recent: [] }), version);
    assert.notEqual(await versionOf({ ...view, bots: [aBot('evensong', { done: 4 })] }), version);
  });
});
