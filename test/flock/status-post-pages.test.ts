import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postPages } from '../../src/flock/status.ts';
import { ShownFlock } from '../support/shown-flock.ts';

type Key = Parameters<ReturnType<typeof postPages>>[0];

const ofX: Key = { userId: '1', screenName: 'howl' };
const ofMastodon: Key = {
  provider: 'mastodon',
  server: 'https://mastodon.example',
  userId: '109',
  screenName: 'howl@mastodon.example',
};
const ofBluesky: Key = {
  provider: 'bluesky',
  server: 'https://pds.example',
  userId: 'did:plc:abc',
  screenName: 'howl.example',
};

/** The pages of an account and of a post. */
function pagesOf(api: string, key: Key, id = '77'): (string | undefined)[] {
  const pages = postPages(api)(key);
  return [pages?.account, pages?.post(id)];
}

describe('where posts are seen', () => {
  it('is X', () => {
    assert.deepEqual(pagesOf('https://api.x.com', ofX), [
      'https://x.com/howl',
      'https://x.com/howl/status/77',
    ]);
    assert.deepEqual(pagesOf('https://api.x.com', { userId: '1', screenName: undefined }), [
      undefined,
      undefined,
    ]);
  });

  it('is unknown for X where the API is neither X’s nor a sandbox’s', () => {
    assert.deepEqual(pagesOf('https://x.example/api', ofX), [undefined, undefined]);
  });

  for (const api of ['https://api.x.com', 'https://x.example/api', 'http://127.0.0.1:4010']) {
    it(`is the server of a Mastodon account, and Bluesky’s app, whatever ${api} is`, () => {
      assert.deepEqual(pagesOf(api, ofMastodon), [
        'https://mastodon.example/@howl',
        'https://mastodon.example/@howl/77',
      ]);
      assert.deepEqual(pagesOf(api, ofBluesky, '3kabc'), [
        'https://bsky.app/profile/did:plc:abc',
        'https://bsky.app/profile/did:plc:abc/post/3kabc',
      ]);
    });
  }

  it('is a sandbox’s own page for the accounts of all its networks', () => {
    const api = 'http://127.0.0.1:4010';
    for (const key of [
      ofX,
      { ...ofMastodon, server: `${api}/mastodon` },
      { ...ofBluesky, server: `${api}/bluesky` },
    ]) {
      const account = `${api}/?account=${encodeURIComponent(key.screenName ?? '')}`;
      assert.deepEqual(pagesOf(api, key), [account, `${account}#post-77`]);
    }
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
