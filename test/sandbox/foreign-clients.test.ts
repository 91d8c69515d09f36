import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { TwitterApi } from 'twitter-api-v2';
import { systemClock } from '../../src/clock.ts';
import { openSandbox, type OpenSandbox } from '../../src/sandbox/server.ts';
import { app, hiddenField } from './client.ts';

const python = '/usr/bin/python3';
const script = new URL('foreign_clients.py', import.meta.url).pathname;
const flickrScript = new URL('foreign_flickr.py', import.meta.url).pathname;

/** Only who could not install them may do without: as root the missing packages are a failure. */
function reasonToSkip(): string | false {
  const found = spawnSync(python, ['-c', 'import tweepy, requests_oauthlib']).status === 0;
  return (
    !found && process.getuid?.() !== 0 && 'needs the packages python3-tweepy and python3-requests-oauthlib'
  );
}

async function open(t: TestContext): Promise<OpenSandbox> {
  const opened = await openSandbox({ port: 0, clock: systemClock, appKeys: [app] });
  t.after(() => opened.close());
  return opened;
}

interface Told {
  tweepy: {
    pin: string;
    username: string;
    ids: string[];
    duplicate: string | null;
    shown: string[];
    old: [string, string, boolean];
  };
  requests_oauthlib: { screen_name: string; posted: number[]; shown: string[] };
}

const escaped = ['two\nlines', '“dansa” – &lt;här&gt; 🐺', "Rök &amp; rim = 100 % + ~ ' ( ) * !"];

describe('clients that were written for X', () => {
  it('tweepy and requests-oauthlib authorize, post and read', { skip: reasonToSkip() }, async (t) => {
    const { url, sandbox } = await open(t);
    const { stdout } = await promisify(execFile)(python, [script, url, app.token, app.secret]);
    const told = JSON.parse(stdout) as Told;
    assert.match(told.tweepy.pin, /^\d{7}$/);
    assert.equal(told.tweepy.username, 'by_tweepy');
    assert.match(told.tweepy.duplicate ?? '', /duplicate content/);
    assert.deepEqual(told.tweepy.shown, escaped.slice(0, 2));
    assert.deepEqual(told.tweepy.old, ['by_tweepy', 'by the old API &amp; its ways', true]);
    assert.deepEqual(told.requests_oauthlib, {
      screen_name: 'by_oauthlib',
      posted: [201, 201, 201],
      shown: escaped,
    });
    const kept = sandbox.world.posts.filter(({ deleted }) => !deleted);
    assert.deepEqual(kept.map(({ text }) => text).slice(0, 3), [
      "Rök & rim = 100 % + ~ ' ( ) * !",
      '“dansa” – <här> 🐺',
      'by the old API & its ways',
    ]);
  });

  it('twitter-api-v2 authorizes and posts, its quirks included', async (t) => {
    const { url } = await open(t);
    const port = Number(new URL(url).port);
    const httpAgent = new (class extends Agent {
      // The types ask for a TLS socket; the library only needs a stream.
      override createConnection = (() => connect(port, '127.0.0.1')) as never;
    })();
    t.after(() => {
      httpAgent.destroy();
    });
    const settings = { httpAgent, compression: 'identity' as const };
    const desk = new TwitterApi({ appKey: app.token, appSecret: app.secret }, settings);
    const link = await desk.generateAuthLink('oob', {
      linkMode: 'authorize',
      forceLogin: true,
      screenName: 'by_library',
    });
    const page = `${url}${new URL(link.url).pathname}${new URL(link.url).search}`;
    const form = {
      oauth_token: link.oauth_token,
      authenticity_token: hiddenField(await (await fetch(page)).text(), 'authenticity_token'),
      account: 'by_library',
      action: 'authorize',
    };
    const shown = await fetch(`${url}/oauth/authorize`, { method: 'POST', body: new URLSearchParams(form) });
    const pin = /<code>(\d{7})<\/code>/.exec(await shown.text())?.[1] ?? '';
    const asked = { appKey: app.token, appSecret: app.secret };
    const waiting = new TwitterApi(
      { ...asked, accessToken: link.oauth_token, accessSecret: link.oauth_token_secret },
      settings,
    );
    const { client, screenName, userId } = await waiting.login(pin);
    assert.equal(screenName, 'by_library');
    const posted = await client.v2.tweet('I saw the best minds & more');
    const page1 = await client.v2.userTimeline(userId, { max_results: 5 });
    assert.deepEqual(
      [page1.data.data[0]?.id, page1.data.data[0]?.text],
      [posted.data.id, 'I saw the best minds &amp; more'],
    );
    await assert.rejects(client.v2.tweet('I saw the best minds & more'), { code: 403 });
    assert.equal(page1.rateLimit.limit, 900);
  });
});

it('requests-oauthlib authorizes as with Flickr', { skip: reasonToSkip() }, async (t) => {
  const { url, sandbox } = await open(t);
  const { stdout } = await promisify(execFile)(python, [flickrScript, url, app.token, app.secret]);
  const { verifier, refused, ...told } = JSON.parse(stdout) as Record<string, unknown>;
  const nsid = `${sandbox.world.accountNamed('by_oauthlib')?.id ?? ''}@N01`;
  assert.match(String(verifier), /^\d{3}-\d{3}-\d{3}$/);
  assert.match(String(refused), /oauth_problem=verifier_invalid/);
  assert.deepEqual(told, {
    token: ['by_oauthlib', nsid, 'by_oauthlib'],
    login: { user: { id: nsid, username: { _content: 'by_oauthlib' }, path_alias: null }, stat: 'ok' },
    perms: 'delete',
  });
  assert.equal(sandbox.world.accounts.length, 1);
});
