import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BotFilter,
  botListOf,
  everyBot,
  filterName,
  parseFilter,
} from '../../../src/web/dashboard/bot-list.ts';
import type { BotView } from '../../../src/web/dashboard/snapshot.ts';
import { aBot, aView, flat, markupOf, now, textOf } from './a-view.ts';

const control = { token: 'token', trials: [] };

/** Bots `b000`, `b001` …, of which one needs a person. */
const many = (count: number): BotView[] =>
  Array.from({ length: count }, (_, n) =>
    aBot(`b${String(n).padStart(3, '0')}`, { state: n === 35 ? 'parked' : 'fine' }),
  );

const idsIn = (bots: BotView[], filter: BotFilter): string[] =>
  Array.from(
    markupOf(botListOf(aView(bots), filter, undefined)).matchAll(/<li id="bot-([^"]+)"/g),
    ([, id = '']) => id,
  );

describe('what is looked for', () => {
  it('is read from the address, and forgiving', () => {
    assert.deepEqual(parseFilter({}), everyBot);
    assert.deepEqual(parseFilter({ state: 'needs-you', q: ' Howl ' }), { state: 'needs you', text: 'Howl' });
    assert.deepEqual(parseFilter({ state: 'nonsense', q: 'e\u0301' }), { state: undefined, text: 'é' });
    assert.equal(parseFilter({ q: 'x'.repeat(1000) }).text.length, 100);
  });

  it('is the same in capitals', () => {
    assert.equal(filterName(parseFilter({ q: 'HOWL' })), filterName(parseFilter({ q: 'howl' })));
    assert.notEqual(
      filterName(parseFilter({ q: 'howl' })),
      filterName(parseFilter({ q: 'howl', state: 'paused' })),
    );
  });
});

describe('the list of bots', () => {
  for (const count of [40, 400, 10_000])
    it(`has what is wrong first, and finds one of ${count}`, () => {
      const bots = many(count);
      const first = idsIn(bots, everyBot);
      assert.equal(first.length, Math.min(60, count));
      assert.deepEqual(first.slice(0, 2), ['b035', 'b000']);
      assert.deepEqual(idsIn(bots, parseFilter({ q: 'b039' })).slice(0, 1), ['b039']);
      assert.deepEqual(idsIn(bots, parseFilter({ state: 'needs-you' })), ['b035']);
      assert.equal(idsIn(bots, parseFilter({ state: 'posting' })).length, Math.min(200, count - 1));
      assert.deepEqual(idsIn(bots, parseFilter({ state: 'paused' })), []);
    });

  it('says how many it does not show', () => {
    const left = (filter: BotFilter): string => textOf(botListOf(aView(many(400)), filter, undefined));
    assert.match(left(everyBot), /and 340 more bots: find them by name or by state$/);
    assert.match(left(parseFilter({ state: 'posting' })), /399 bots found\..* and 199 more bots/);
    assert.doesNotMatch(left(parseFilter({ q: 'b01' })), /more bots/);
  });

  it('finds a bot by its account, too, with or without the @', () => {
    const bots = [aBot('evensong', { account: 'Vespers' }), aBot('howl'), aBot('灯台')];
    assert.deepEqual(idsIn(bots, parseFilter({ q: '@vesp' })), ['evensong']);
    assert.deepEqual(idsIn(bots, parseFilter({ q: 'HOW' })), ['howl']);
    assert.deepEqual(idsIn(bots, parseFilter({ q: '灯' })), ['灯台']);
    assert.deepEqual(idsIn(bots, parseFilter({ q: '.*' })), []);
  });

  it('counts each state, as links that keep the text', () => {
    const bots = [
      aBot('a-1'),
      aBot('a-2', { state: 'parked' }),
      aBot('b', { state: 'paused', pausedSince: now }),
    ];
    const markup = flat(botListOf(aView(bots), parseFilter({ q: 'a-', state: 'needs-you' }), undefined));
    const links = Array.from(
      markup.matchAll(/href="(\.\/[^"]*)" data-filter ?(aria-current="true")? ?>([^<]*)<span>(\d+)/g),
    );
    assert.deepEqual(
      links.map(([, href = '', current, name = '', count = '']) => [
        href.replaceAll('&amp;', '&'),
        current !== undefined,
        name.trim(),
        count,
      ]),
      [
        ['./?q=a-#roll', false, 'all', '2'],
        ['./?state=posting&q=a-#roll', false, 'posting', '1'],
        ['./?state=needs-you&q=a-#roll', true, 'needs you', '1'],
      ],
    );
    assert.match(markup, /<input type="hidden" name="state" value="needs-you" \/>/);
  });

  it('helps where nothing is found, and where there is nothing', () => {
    const text = (bots: BotView[], filter: BotFilter): string =>
      textOf(botListOf(aView(bots), filter, undefined));
    assert.match(
      text(many(40), parseFilter({ q: 'zebra' })),
      /No bot has “zebra” in its name or account\. Show all 40$/,
    );
    assert.match(text(many(40), parseFilter({ state: 'paused' })), /No bot that is paused\. Show all 40$/);
    assert.match(
      text([], everyBot),
      /The flock has no bot yet\. .* keymaker make-keys \.\/poems .* The guide$/,
    );
  });

  it('cannot be broken by what is looked for', () => {
    const markup = markupOf(botListOf(aView(many(40)), parseFilter({ q: '"><img src=x>' }), undefined));
    assert.doesNotMatch(markup, /<img/);
  });

  it('leads to the page of each bot, in any script', () => {
    const markup = markupOf(botListOf(aView([aBot('灯台')]), everyBot, undefined));
    assert.match(markup, /<h3><a href="bots\/%E7%81%AF%E5%8F%B0">灯台<\/a><\/h3>/);
  });
});

describe('the buttons of a bot', () => {
  const buttons = (change: Partial<BotView>): string[] =>
    Array.from(
      markupOf(botListOf(aView([aBot('howl', change)]), everyBot, control)).matchAll(
        /<button>([^<]+)|<a class="button"[^>]*>([^<]+)/g,
      ),
      ([, button, link]) => (button ?? link ?? '').trim(),
    );

  it('are those that do something', () => {
    assert.deepEqual(buttons({}), ['Post now', 'Pause']);
    assert.deepEqual(buttons({ capped: true }), ['Pause']);
    assert.deepEqual(buttons({ state: 'waiting', next: undefined, capped: true }), ['Pause']);
    assert.deepEqual(buttons({ state: 'paused', pausedSince: now }), ['Resume']);
    assert.deepEqual(buttons({ state: 'paused' }), []);
    assert.deepEqual(buttons({ state: 'parked' }), ['Resume']);
    assert.deepEqual(buttons({ state: 'parked', needsKey: true }), []);
    assert.deepEqual(buttons({ state: 'in doubt' }), ['Resolve …', 'Pause']);
    assert.deepEqual(buttons({ state: 'in doubt', pausedSince: now }), ['Resolve …', 'Resume']);
    assert.deepEqual(buttons({ state: 'looking' }), ['Pause']);
    assert.deepEqual(buttons({ state: 'unfit' }), []);
  });

  it('are not there where nothing may be done', () => {
    const markup = markupOf(botListOf(aView([aBot('howl'), aBot('growl')]), everyBot, undefined));
    assert.doesNotMatch(markup, /method="post"|name="csrf"/);
  });
});
