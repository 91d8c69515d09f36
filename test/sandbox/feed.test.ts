import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench } from './client.ts';
import { front, threeRains } from './three-rains.ts';

describe('the front page', () => {
  it('shows the posts of three networks with their manners', () => {
    const { bench, toX, toMastodon, toBluesky } = threeRains();
    toX('it rains, see example.com/rain');
    toMastodon('it rains', { visibility: 'unlisted', language: 'en', spoiler_text: 'weather' });
    const facet = {
      index: { byteStart: 3, byteEnd: 7 },
      features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://example.org/' }],
    };
    const bad = {
      ...facet,
      features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'javascript:alert(1)' }],
    };
    toBluesky('ü rain <b>', { langs: ['de'], facets: [facet] });
    toBluesky('ü rain', { facets: [bad] });
    const body = front(bench);
    assert.match(body, /@rain<\/a>\s*<span class="tag at-x">X<\/span>/);
    assert.match(
      body,
      /it rains, see <a href="http:\/\/example.com\/rain" rel="noreferrer nofollow">example.com/,
    );
    assert.match(body, /@rain@mastodon<\/a>\s*<span class="tag at-mastodon">Mastodon<\/span>/);
    for (const said of [
      'unlisted</span>',
      '<p class="warning">weather</p>',
      '<span lang="en">it rains</span>',
    ])
      assert.ok(body.includes(said), said);
    assert.match(body, /@rain.test<\/a>\s*<span class="tag at-bluesky">Bluesky<\/span>/);
    assert.ok(body.includes('ü <a href="https://example.org/" rel="noreferrer nofollow">rain</a> &lt;b&gt;'));
    assert.doesNotMatch(body, /javascript:/);
  });

  it('has each account by its names, and each post by the id of its network', () => {
    const { bench, toX, toMastodon, toBluesky } = threeRains();
    const [x, mastodon] = [toX('at x'), toMastodon('at mastodon')].map(({ body }) => body);
    toBluesky('at bluesky');
    const idIn = (body = ''): string => /"id":"(\d+)"/.exec(body)?.[1] ?? '';
    for (const [name, id, text] of [
      ['rain', idIn(x), 'at x'],
      ['@Rain', idIn(x), 'at x'],
      ['rain@mastodon', idIn(mastodon), 'at mastodon'],
      ['rain%40127.0.0.1:4010', idIn(mastodon), 'at mastodon'],
      ['rain.test', '3kabcdefghija', 'at bluesky'],
      ['rain%40bsky', '3kabcdefghija', 'at bluesky'],
    ] as const) {
      const body = front(bench, `/?account=${name}`);
      assert.match(body, new RegExp(`<article id="post-${id}">[^]*<p class="text">${text}</p>`), name);
      assert.equal(body.split('<article').length, 2, name);
    }
  });

  it('makes accounts at Bluesky with app passwords', () => {
    const bench = new Bench();
    const make = (handle: string, accept = '*/*') =>
      bench.send({
        method: 'POST',
        url: '/sandbox/bluesky',
        form: { handle },
        headers: { accept },
        signer: null,
      });
    const { did, appPassword } = JSON.parse(make('@Rain').body) as Record<string, string>;
    const again = JSON.parse(make('rain.test').body) as Record<string, string>;
    assert.deepEqual([again['did'], again['handle'], again['server']], [did, 'rain.test', '/bluesky']);
    for (const password of [appPassword, again['appPassword']]) {
      const json = { identifier: did, password };
      const url = '/bluesky/xrpc/com.atproto.server.createSession';
      assert.equal(bench.send({ method: 'POST', url, json, signer: null }).status, 200);
    }
    assert.match(make('rain', 'text/html').body, /value="\w{4}(-\w{4}){3}"/);
    assert.equal(make('<b>', 'text/html').status, 400);
    assert.equal(make('rain.example').status, 400);
    const headers = { origin: 'https://evil.example' };
    assert.equal(bench.send({ method: 'POST', url: '/sandbox/bluesky', headers, signer: null }).status, 403);
  });
});
