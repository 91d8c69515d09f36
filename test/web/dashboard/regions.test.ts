import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Regions, RegionStore } from '../../../src/web/dashboard/regions.ts';
import { html } from '../../../src/web/html.ts';

const region = (id: string, text: string) => ({ id, html: html`<p id="${id}">${text}</p>` });
const page = (summary: string, ...bots: [string, string][]): Regions => ({
  single: [region('summary', summary)],
  lists: [{ id: 'bots', regions: bots.map(([id, text]) => region(id, text)) }],
});

interface Sent {
  id: string;
  lists: Record<string, string[]>;
  regions: Record<string, string>;
}

/** What an event says. */
function read(event: Buffer | undefined): Sent | undefined {
  if (!event) return undefined;
  const [, id = '', data = ''] = /^id: (.*)\ndata: (.*)\n\n$/.exec(event.toString()) ?? [];
  return { id, ...(JSON.parse(data) as Omit<Sent, 'id'>) };
}

describe('what a page is told', () => {
  it('is everything at first, and nothing while nothing changes', () => {
    const store = new RegionStore('life');
    assert.equal(store.take(page('fine', ['a', '1'])), true);
    const { id, lists, regions } = read(store.since(0)) ?? assert.fail();
    assert.equal(id, 'life-1');
    assert.deepEqual(lists, { bots: ['a'] });
    assert.deepEqual(regions, { summary: '<p id="summary">fine</p>', a: '<p id="a">1</p>' });
    assert.equal(store.take(page('fine', ['a', '1'])), false);
    assert.equal(store.since(store.number), undefined);
  });

  it('is what has changed since it was told last, however long ago', () => {
    const store = new RegionStore('life');
    store.take(page('fine', ['a', '1'], ['b', '1']));
    store.take(page('fine', ['a', '2'], ['b', '1']));
    store.take(page('poorly', ['a', '2'], ['b', '1']));
    assert.deepEqual(read(store.since(2))?.regions, { summary: '<p id="summary">poorly</p>' });
    assert.deepEqual(Object.keys(read(store.since(1))?.regions ?? {}), ['summary', 'a']);
    assert.deepEqual(read(store.since(1))?.lists, {});
    assert.equal(read(store.since(1))?.id, 'life-3');
  });

  it('is the order of a list where members come, go or change places', () => {
    const store = new RegionStore('life');
    store.take(page('fine', ['a', '1'], ['b', '1']));
    store.take(page('fine', ['b', '1'], ['a', '1']));
    assert.deepEqual(read(store.since(1))?.lists, { bots: ['b', 'a'] });
    assert.deepEqual(read(store.since(1))?.regions, {});
    store.take(page('fine', ['a', '1']));
    assert.deepEqual(read(store.since(2))?.lists, { bots: ['a'] });
    store.take(page('fine', ['a', '1'], ['b', '1']));
    assert.deepEqual(read(store.since(3))?.regions, { b: '<p id="b">1</p>' });
  });

  it('is not that time passes', () => {
    const store = new RegionStore('life');
    const told = (away: string, title: string): Regions => ({
      single: [
        { id: 'x', html: html`<p id="x"><time datetime="2026" title="${title}">${away}</time> ago</p>` },
      ],
      lists: [],
    });
    store.take(told('1 min', 't'));
    assert.equal(store.take(told('2 min', 't')), false);
    assert.equal(store.take(told('2 min', 'other')), true);
  });

  it('is the same bytes for all who are equally far behind', () => {
    const store = new RegionStore('life');
    store.take(page('fine'));
    assert.equal(store.since(0), store.since(0));
  });

  it('is everything where it has the page of another life', () => {
    const store = new RegionStore('life');
    store.take(page('fine'));
    store.take(page('poorly'));
    assert.equal(store.numberOf('life-1'), 1);
    for (const version of [undefined, '', 'other-1', 'life', 'life-', 'life-x', 'life--1', 'life-1.5'])
      assert.equal(store.numberOf(version), 0, version);
    assert.equal(store.numberOf('life-99'), 2);
  });
});
