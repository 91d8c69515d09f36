import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postPages } from '../../src/flock/status.ts';
import { ShownFlock } from '../support/shown-flock.ts';

describe('where posts are seen', () => {
  it('is X', () => {
    const pages = postPages('https://api.x.com');
    assert.equal(pages.account('howl'), 'https://x.com/howl');
    assert.equal(pages.post('howl', '77'), 'https://x.com/howl/status/77');
    assert.equal(pages.account(undefined), undefined);
    assert.equal(pages.post(undefined, '77'), undefined);
    assert.equal(pages.post('howl', undefined), undefined);
  });

  it('is unknown where the API is neither X’s nor a sandbox’s', () => {
    const pages = postPages('https://x.example/api');
    assert.deepEqual([pages.account('howl'), pages.post('howl', '77')], [undefined, undefined]);
  });

  it('is a sandbox’s own page, which has each post by that name', async () => {
    await using flock = new ShownFlock('2026-08-20T08:00:00Z');
    flock.pages = postPages('http://127.0.0.1:1');
    flock.add('howl', 'one line\n');
    flock.update();
    await flock.until('2026-08-20T09:01:00Z');
    const { bots, recent } = await flock.view();
    assert.equal(bots[0]?.home, 'http://127.0.0.1:1/?account=howl');
    const url = new URL(recent[0]?.url ?? assert.fail('no address'));
    assert.equal(bots[0].last?.url, url.href);
    const { body } = flock.sandbox.handle({
      method: 'GET',
      url: url.pathname + url.search,
      host: url.host,
      headers: {},
      body: '',
    });
    assert.ok(body.includes(`id="${url.hash.slice(1)}"`), url.href);
  });
});
