import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BotName } from '../../src/poems/bot-name.ts';
import type { Card } from '../../src/web/key-service.ts';
import { botPage, flockPage, questionPage } from '../../src/web/keymaker-pages.ts';
import type { Html } from '../../src/web/layout.ts';

type Change = Partial<Omit<Card, 'bot'>>;

const card = (bot: string, change: Change = {}): Card => ({
  bot: bot as BotName,
  poem: { file: `poems/${bot}.txt`, title: bot, first: `${bot} begins`, lines: 2 },
  key: { state: 'none' },
  expected: undefined,
  issuer: { id: 'x', title: 'X', by: 'link' },
  fault: undefined,
  ...change,
});
const good = (bot: string): Card =>
  card(bot, { key: { state: 'good', screenName: `${bot}_reads`, userId: '1', provider: undefined } });
const bad = (bot: string): Card =>
  card(bot, { key: { state: 'bad', why: 'cut off', hint: 'make it again' } });
const stuck = (bot: string): Card =>
  card(bot, { poem: undefined, fault: { why: 'it has no lines', hint: 'write the poem' } });
const numbered = (count: number, make = card): Card[] =>
  Array.from({ length: count }, (_, n) => make(`b-${n}`));

const shown = {
  passedOver: [],
  questions: new Map(),
  filter: { state: '', q: '' },
  last: undefined,
  csrf: 'a-token',
  notice: undefined,
  poems: 'poems',
  callback: 'http://127.0.0.1:4181/callback',
};
function markupOf(page: Html): string {
  assert.ok(!(page instanceof Promise));
  return page.toString();
}
const page = (cards: Card[], more: Partial<Parameters<typeof flockPage>[0]> = {}): string =>
  markupOf(flockPage({ ...shown, cards, ...more }));
const all = (html: string, pattern: RegExp): string[] =>
  Array.from(html.matchAll(pattern), ([, found = '']) => found);
const botsOn = (html: string): string[] => all(html, /<li id="bot-([^"]+)"/g);
const nextOn = (html: string): string | undefined => all(html, /<h2 id="next-name">([^<]*)</g)[0];
const textOf = (html: string): string => html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');

describe('the page of keymaker serve', () => {
  it('has the bots first that need something, then by name', () => {
    const questions = new Map([
      ['z' as BotName, { bot: 'z' as BotName, account: 'who', issuer: 'X', action: '/account/s' }],
    ]);
    const html = page([good('a'), card('b'), stuck('c'), bad('d'), card('e'), card('z')], { questions });
    assert.deepEqual(botsOn(html), ['z', 'd', 'b', 'e', 'c', 'a']);
    assert.equal(nextOn(html), 'Is @who the account of z?');
    assert.match(html, /<form class="controls" method="post" action="\/account\/s">/);
    assert.match(
      textOf(html),
      /1 of 6 bots has a key\. .*Left: 1 question is open, 1 key is unusable, 2 bots have no key and 1 poem is unusable\./,
    );
  });

  it('offers the last bot until it has its key, then the one after it, then the first', () => {
    const cards = [card('a'), good('b'), card('c')];
    for (const [last, next] of [
      [undefined, 'a'],
      ['a', 'a'],
      ['b', 'c'],
      ['c', 'c'],
      ['z', 'a'],
    ] as const)
      assert.equal(nextOn(page(cards, { last: last as BotName | undefined })), `Next: ${next}`);
    assert.equal(nextOn(page([good('a'), stuck('b')])), undefined);
  });

  it('names the account to sign in as where flock.json or the old key does', () => {
    assert.match(textOf(page([card('a', { expected: 'a_reads' })])), /Sign in at X as @a_reads/);
    assert.match(textOf(page([card('a')])), /Sign in at X as the account of a\b/);
  });

  it('has a sentence and a bar for each progress', () => {
    for (const [cards, sentence, value] of [
      [[card('a')], 'The bot has no key yet.', 0],
      [[good('a')], 'The bot has a key.', 1],
      [numbered(40, good), 'All 40 bots have a key.', 40],
      [[...numbered(12, good), ...numbered(28)], '12 of 40 bots have a key.', 12],
    ] as const) {
      const html = page([...cards]);
      assert.match(html, new RegExp(`<h1 class="summary">${sentence}</h1>`));
      assert.match(html, new RegExp(`<progress[^>]* max="${cards.length}" value="${value}"`));
    }
    assert.match(textOf(page([good('a')])), /Next: flockd plan , then flockd run/);
    const atFlickr = { ...good('a'), issuer: { id: 'flickr', title: 'Flickr', by: 'link' } as const };
    assert.doesNotMatch(textOf(page([atFlickr])), /flockd plan/);
  });

  it('finds by state, name, account and first line, in any case', () => {
    const cards = [...numbered(10), good('harbour'), stuck('empty')];
    const found = (state: string, q: string) => botsOn(page(cards, { filter: { state, q } }));
    assert.deepEqual(found('good', ''), ['harbour']);
    assert.deepEqual(found('stuck', ''), ['empty']);
    assert.deepEqual(found('', 'HARB'), ['harbour']);
    assert.deepEqual(found('', '@harbour_READS'), ['harbour']);
    assert.deepEqual(found('', 'b-3 begins'), ['b-3']);
    assert.deepEqual(found('none', 'harbour'), []);
    assert.match(page(cards, { filter: { state: 'nonsense', q: '' } }), /Show all/);
    assert.equal(nextOn(page(cards, { filter: { state: 'none', q: '' } })), undefined);
  });

  it('has no filter for a few bots, and keeps what was searched in its links', () => {
    assert.doesNotMatch(page(numbered(8)), /role="search"/);
    const html = page(numbered(9), { filter: { state: '', q: 'a"&b' } });
    assert.match(html, /value="a&quot;&amp;b"/);
    assert.match(html, /href="\/\?state=none&amp;q=a%22%26b"/);
  });

  it('says how to begin without poems, and which files no bot reads', () => {
    const passedOver = [
      { file: 'poems/a.md', kind: 'ignored', why: 'not a poem', hint: 'rename it' } as const,
    ];
    const text = textOf(page([], { passedOver }));
    assert.match(text, /There are no poems yet\. .*Put the poems into poems/);
    assert.match(text, /1 file in the folder of the poems that no bot reads .*poems\/a\.md : not a poem/);
  });

  it('gives a bot of 400 a few hundred characters, and each button its name', () => {
    const html = page([...numbered(200), ...Array.from({ length: 200 }, (_, n) => good(`g-${n}`))]);
    assert.ok(html.length < 400 * 900, `${html.length} characters`);
    assert.equal(all(html, /formaction="\/bots\/b-\d+\/(\w+)"/g).length, 200);
    assert.equal(all(html, /(name="csrf")/g).length, 3);
  });

  it('escapes what files and accounts say', () => {
    const poem = { file: 'poems/<b>.txt', title: '<b>', first: '<script>alert(1)</script>', lines: 1 };
    const evil = card('a', { poem, expected: '"><i>' });
    for (const html of [page([evil]), markupOf(botPage(evil, shown))]) {
      assert.doesNotMatch(html, /<script|<i>|<b>/);
      assert.match(html, /&lt;script&gt;/);
    }
  });
});

describe('the page of one bot', () => {
  const actionsOn = (one: Card): string[] =>
    all(markupOf(botPage(one, shown)), /action="\/bots\/[^/]+\/([\w-]+)"/g);

  it('offers what can be done with its key', () => {
    assert.deepEqual(actionsOn(good('a')), ['check', 'authorize', 'test-post', 'revoke']);
    assert.deepEqual(actionsOn(card('a')), ['authorize']);
    assert.deepEqual(actionsOn(bad('a')), ['authorize']);
    assert.deepEqual(actionsOn(stuck('a')), []);
    assert.match(textOf(markupOf(botPage(stuck('a'), shown))), /it has no lines write the poem/);
    assert.match(textOf(markupOf(botPage(bad('a'), shown))), /cut off make it again/);
  });

  it('has fields for the handle and the app password at Bluesky, and no others', () => {
    const issuer = { id: 'bluesky', title: 'Bluesky', by: 'password' } as const;
    const html = markupOf(botPage(card('a', { issuer, expected: 'anna.test' }), shown));
    assert.match(html, /<input type="text" name="handle" value="anna\.test"/);
    assert.match(html, /<input type="password" name="password" autocomplete="off" required \/>/);
    assert.match(textOf(html), /Make an app password of @anna\.test at Bluesky/);
    assert.doesNotMatch(markupOf(botPage(card('a'), shown)), /name="password"/);
    // In a list there is no room for them.
    assert.match(page([card('b'), card('c', { issuer })]), /<a class="button" href="\/bots\/c">Authorize/);
    assert.doesNotMatch(page([card('c', { issuer })]), /must be registered/);
  });

  it('has an address for a name in any script', () => {
    assert.match(page([card('ångström')]), /href="\/bots\/%C3%A5ngstr%C3%B6m"/);
  });
});

it('a question shows the poem, and works without one', () => {
  const question = { bot: 'a' as BotName, account: 'who', issuer: 'X', action: '/account/s' };
  assert.match(textOf(markupOf(questionPage(question, card('a')))), /a begins .*You signed in as @who/);
  assert.doesNotMatch(markupOf(questionPage(question, undefined)), /blockquote/);
});
