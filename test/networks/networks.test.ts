import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../src/clock.ts';
import type { HttpRequest, Send } from '../../src/http/exchange.ts';
import {
  accountKey,
  networkFor,
  networkOf,
  openNetworks,
  placeOf,
  reachOf,
} from '../../src/networks/networks.ts';
import { type BotKey, noApp, TokenPair } from '../../src/oauth/signature.ts';

const key = (provider?: string, server?: string, app = new TokenPair('app', 's')): BotKey => ({
  appKeys: app,
  accessToken: new TokenPair('token', 'secret'),
  userId: provider === 'bluesky' ? 'did:plc:abcdefghijklmnopqrstuvwx' : '7',
  screenName: 'rain',
  provider,
  server,
});
const ofX = key();
const ofMastodon = key('mastodon', 'https://social.example');
const ofBluesky = key('bluesky', 'https://pds.example', noApp);

describe('the network of a key', () => {
  it('is that of its provider, and X without one', () => {
    const names = [ofX, key('x'), ofMastodon, ofBluesky].map((one) => networkFor(one).name);
    assert.deepEqual(names, ['x', 'x', 'mastodon', 'bluesky']);
    assert.equal(networkOf(key('flickr')), undefined);
    assert.throws(() => networkFor(key('flickr')), /does not post to flickr/);
  });

  it('is named for people by its server, where it has one', () => {
    assert.deepEqual([ofX, ofMastodon, ofBluesky].map(placeOf), ['X', 'social.example', 'pds.example']);
  });

  it('and its app tell what a failure reaches', () => {
    const other = key(undefined, undefined, new TokenPair('other', 's'));
    const elsewhere = key('mastodon', 'https://b.example');
    assert.equal(reachOf(ofX).network, reachOf(other).network);
    assert.notEqual(reachOf(ofX).app, reachOf(other).app);
    assert.notEqual(reachOf(ofMastodon).network, reachOf(elsewhere).network);
  });

  it('has pages of accounts and posts', () => {
    const pages = [ofX, ofMastodon, ofBluesky].map((one) => networkFor(one).pages(one)?.post('9'));
    assert.deepEqual(pages, [
      'https://x.com/rain/status/9',
      'https://social.example/@rain/9',
      'https://bsky.app/profile/did:plc:abcdefghijklmnopqrstuvwx/post/9',
    ]);
  });
});

describe('the identity of an account', () => {
  it('is its id at X, its id and server at Mastodon, and its DID at Bluesky wherever it is', () => {
    assert.equal(accountKey('7', ofX), '7');
    assert.equal(accountKey('7', key('x')), '7');
    assert.notEqual(accountKey('7', ofMastodon), accountKey('7', key('mastodon', 'https://b.example')));
    assert.equal(
      accountKey('did:plc:a', ofBluesky),
      accountKey('did:plc:a', key('bluesky', 'https://b.example')),
    );
    assert.equal(accountKey('7', key('flickr')), 'flickr 7');
  });
});

describe('open networks', () => {
  const asked: HttpRequest[] = [];
  const send: Send = (request) => {
    asked.push(request);
    const headers = { date: 'Fri, 01 May 2026 09:00:10 GMT' };
    return Promise.resolve({ status: 401, headers, body: '{"did":"did:web:pds.example","title":"no"}' });
  };
  const open = openNetworks({ api: 'https://api.example' }, send, new HeldClock('2026-05-01T09:00:00Z'));

  it('ask the time where the key is for, without the key', async () => {
    asked.length = 0;
    for (const one of [ofX, ofMastodon, ofBluesky])
      assert.deepEqual(await open.askTime(one), { ahead: 10_500, isOwn: true });
    assert.deepEqual(
      asked.map(({ url }) => new URL(url).host),
      ['api.example', 'social.example', 'pds.example'],
    );
    assert.ok(asked.every(({ headers }) => headers['authorization'] === undefined));
  });

  it('send the requests of a key to its own server', async () => {
    asked.length = 0;
    for (const one of [ofX, ofMastodon, ofBluesky]) await open.openAccount(one).me();
    const hosts = new Set(asked.map(({ url }) => new URL(url).host));
    assert.deepEqual([...hosts].slice(0, 3), ['api.example', 'social.example', 'pds.example']);
  });
});
