import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { chmod, readdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { sentBackAs, TestFlock } from '../support/flock.ts';
import { askWithHosts } from '../support/raw-request.ts';
import type { Running } from '../support/programs.ts';

const nowhere = Object.fromEntries(
  ['DATA_DIRS', 'DATA_HOME', 'CONFIG_HOME', 'CONFIG_DIRS'].map((name) => [`XDG_${name}`, '/nonexistent']),
);
const poems = { 'amber.txt': 'Amber keeps the gnat\n', 'birch.txt': 'Birch writes white on white\n' };

/** The next link, and where it ends in what was said. */
async function linkFrom(keymaker: Running, from = 0): Promise<{ link: string; end: number }> {
  const { 0: link, end } = await keymaker.matching(/^http\S+(?=\r?\n)/m, { from });
  return { link, end };
}

const titleOf = (html: string): string => /<h1>(?:<span[^>]*>.<\/span>)?([^<]*)<\/h1>/.exec(html)?.[1] ?? '';

async function visit(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; title: string; html: string }> {
  const answer = await fetch(url, init);
  const html = await answer.text();
  return { status: answer.status, title: titleOf(html), html };
}

describe('keymaker make-keys --callback', { concurrency: 4 }, () => {
  it('goes from poem to poem as the browser comes back, and tells the person on the page', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all', '--callback', '--port', '0']);
    const first = await linkFrom(keymaker);
    const amber = await visit(await sentBackAs(first.link, 'amber'));
    assert.equal(amber.title, 'amber is @amber');
    const second = await linkFrom(keymaker, first.end);
    const birch = await visit(await sentBackAs(second.link, 'birch'));
    assert.equal(birch.title, 'birch is @birch');
    assert.deepEqual(await keymaker.exit, { code: 0, signal: null });
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
    assert.deepEqual(await flock.bundle('birch'), flock.granted('birch'));
    await flock.assertNoSecrets();
    assert.doesNotMatch(amber.html, new RegExp(flock.granted('amber')['oauth_token_secret'] ?? ''));
  });

  it('goes on with the next poem where the person says no', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all', '--callback', '--port', '0']);
    const first = await linkFrom(keymaker);
    const denied = await visit(await sentBackAs(first.link, 'amber', 'cancel'));
    assert.equal(denied.title, 'Nothing was authorized');
    const second = await linkFrom(keymaker, first.end);
    await visit(await sentBackAs(second.link, 'birch'));
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /amber gets no key\./);
    assert.match(keymaker.stdout, /Keys: 1 made, 0 kept, 1 skipped, 0 failed\./);
    assert.deepEqual(await readdir(flock.file('keys')), ['birch.json']);
  });

  it('tells stale, foreign and unreadable callbacks apart, and is not moved by any of them', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all', '--callback', '--port', '0']);
    const first = await linkFrom(keymaker);
    const back = new URL(await sentBackAs(first.link, 'amber'));
    assert.equal((await visit(back.origin)).status, 404);
    const foreign = await visit(`${back.origin}/callback?oauth_token=another&oauth_verifier=x`);
    assert.deepEqual([foreign.status, foreign.title], [403, 'Nobody here asked for that']);
    const doubled = await visit(`${back.href}&oauth_token=another`);
    assert.deepEqual([doubled.status, doubled.title], [400, 'That was no answer']);
    assert.equal((await visit(back.href)).title, 'amber is @amber');
    const second = await linkFrom(keymaker, first.end);
    const stale = await visit(back.href);
    assert.deepEqual([stale.status, stale.title], [410, 'That link was used already']);
    await visit(await sentBackAs(second.link, 'birch', 'cancel'));
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stderr, /a callback came that nobody here asked for/);
    assert.match(keymaker.stderr, /a link was used a second time/);
  });

  it('refuses the wrong account on the page and in the terminal, and stores nothing', async () => {
    await using flock = await TestFlock.open({
      poems,
      settings: { bots: { amber: { account: '@amber_reads' } } },
    });
    const keymaker = flock.start('keymaker', [
      'make-keys',
      'poems',
      '--bot',
      'amber',
      '--callback',
      '--port',
      '0',
    ]);
    const { link } = await linkFrom(keymaker);
    const wrong = await visit(await sentBackAs(link, 'somebody_else'));
    assert.equal(wrong.title, 'That did not work');
    assert.match(wrong.html, /you authorized @somebody_else .*, but this bot is @amber_reads/);
    assert.equal((await keymaker.exit).code, 1);
    assert.match(keymaker.stderr, /but this bot is @amber_reads/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('asks whose account it is, and shows a new link after a no', async () => {
    await using flock = await TestFlock.open({ poems });
    const words = ['make-keys', 'poems', '--bot', 'amber', '--callback', '--port', '0'];
    const keymaker = flock.start('keymaker', words);
    const first = await linkFrom(keymaker);
    const asked = await visit(await sentBackAs(first.link, 'somebody_else'));
    assert.equal(asked.title, 'Is @somebody_else the account of amber?');
    assert.deepEqual(await readdir(flock.file('keys')), []);
    keymaker.answer('n');
    const second = await linkFrom(keymaker, first.end);
    await visit(await sentBackAs(second.link, 'amber_reads'));
    keymaker.answer('y');
    assert.equal((await keymaker.exit).code, 0, keymaker.stderr);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber', 'amber_reads'));
  });

  for (const [when, ...chosen] of [['before any question', '--all'], ['after a question']] as const)
    it(`says what is left when Ctrl-C ends the wait for the browser ${when}`, async () => {
      await using flock = await TestFlock.open({ poems });
      const words = ['make-keys', 'poems', ...chosen, '--callback', '--port', '0'];
      const keymaker = flock.start('keymaker', words, { columns: 80, env: { ...nowhere, NO_COLOR: '1' } });
      if (chosen.length === 0) keymaker.write('y\r');
      const { end } = await linkFrom(keymaker);
      keymaker.write('\u0003');
      assert.equal((await keymaker.exit).code, 130);
      assert.match(
        keymaker.stdout.slice(end),
        /Keys: 0 made, 0 kept, 0 skipped, 0 failed\.\s+2 left: run the same command again\./,
      );
      assert.deepEqual(await readdir(flock.file('keys')), []);
    });

  it('is not ended by a callback without a word, but by the button on its page', async () => {
    await using flock = await TestFlock.open({ poems });
    const words = ['make-keys', 'poems', '--all', '--callback', '--port', '0', '--provider', 'tumblr'];
    const keymaker = flock.start('keymaker', words);
    const first = await linkFrom(keymaker);
    const back = new URL(await sentBackAs(first.link, 'amber'));
    const callback = `${back.origin}/callback`;
    const wordless = await visit(callback);
    assert.deepEqual([wordless.status, wordless.title], [400, 'Nothing was authorized']);
    const word = /name="word" value="([\w-]+)"/.exec(wordless.html)?.[1] ?? '';
    const say = (given: string, origin: string) =>
      visit(`${back.origin}/nothing-authorized`, {
        method: 'POST',
        body: new URLSearchParams({ word: given }),
        headers: { origin },
      });
    // A page elsewhere knows no word, and another origin may not say it.
    assert.equal((await say('', back.origin)).status, 403);
    assert.equal((await say(word, 'http://evil.example')).status, 403);
    assert.equal((await visit(back.href)).title, 'amber is @amber');
    const second = await linkFrom(keymaker, first.end);
    await visit(await sentBackAs(second.link, 'birch', 'cancel').catch(() => callback));
    assert.equal((await say(word, back.origin)).title, 'Nothing was authorized');
    assert.equal((await keymaker.exit).code, 0, keymaker.stderr);
    assert.match(keymaker.stdout, /birch gets no key\.[^]*Keys: 1 made, 0 kept, 1 skipped, 0 failed\./);
  });

  it('opens the browser where there is a screen, and prints the link all the same', async () => {
    await using flock = await TestFlock.open({ poems });
    const opened = new Promise<string>((resolve) => {
      const { sandbox } = flock.x;
      const handle = sandbox.handle.bind(sandbox);
      sandbox.handle = (request) => {
        if (request.headers['user-agent'] === 'the browser') resolve(request.url);
        return handle(request);
      };
    });
    const browser = flock.file('browser');
    const visits = `fetch(process.argv[1], { headers: { 'user-agent': 'the browser' } })`;
    await flock.write('browser', `#!/bin/sh\nexec '${process.execPath}' -e "${visits}" "$1"\n`);
    await chmod(browser, 0o755);
    const keymaker = flock.start(
      'keymaker',
      ['make-keys', 'poems', '--bot', 'amber', '--callback', '--port', '0'],
      {
        columns: 80,
        // What the desktop of this machine would choose does not count.
        env: { ...nowhere, DISPLAY: ':99', BROWSER: browser, SSH_CONNECTION: '', NO_COLOR: '1' },
      },
    );
    const { link } = await linkFrom(keymaker);
    assert.ok(link.trim().endsWith(await opened));
    await visit(await sentBackAs(link.trim(), 'amber_reads'));
    await keymaker.matching(/Is @amber_reads the account of amber\?/);
    keymaker.write('y\r');
    assert.equal((await keymaker.exit).code, 0);
  });

  it('refuses a request that names two hosts', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', [
      'make-keys',
      'poems',
      '--bot',
      'amber',
      '--callback',
      '--port',
      '0',
    ]);
    const { link } = await linkFrom(keymaker);
    const back = new URL(await sentBackAs(link, 'amber'));
    assert.match(await askWithHosts(back, [back.host, 'evil.example']), /^HTTP\/1\.1 400 /);
    assert.match(await askWithHosts(back, [back.host, back.host]), /^HTTP\/1\.1 400 /);
    assert.match(await askWithHosts(back, [back.host]), /^HTTP\/1\.1 200 [^]*amber is @amber/);
    assert.equal((await keymaker.exit).code, 0);
  });

  it('answers under its own name only', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', [
      'make-keys',
      'poems',
      '--bot',
      'amber',
      '--callback',
      '--port',
      '0',
    ]);
    const { link } = await linkFrom(keymaker);
    const back = new URL(await sentBackAs(link, 'amber'));
    const { request } = await import('node:http');
    const rebound = request({
      port: back.port,
      path: back.pathname + back.search,
      headers: { host: 'evil.example' },
    });
    rebound.end();
    const [answer] = (await once(rebound, 'response')) as [{ statusCode: number }];
    assert.equal(answer.statusCode, 421);
    assert.equal((await visit(back.href)).title, 'amber is @amber');
    assert.equal((await keymaker.exit).code, 0);
  });

  it('says so where its port is taken', async () => {
    await using flock = await TestFlock.open({ poems });
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const run = await flock.run('keymaker', [
      'make-keys',
      'poems',
      '--all',
      '--callback',
      '--port',
      String(port),
    ]);
    other.close();
    assert.equal(run.code, 69);
    assert.match(run.stderr, new RegExp(`port ${port} is in use\nhint: .*--port`));
  });

  it('tells what the app lacks where its callback is not registered', async () => {
    await using flock = await TestFlock.open({
      poems,
      sandbox: { callbacks: ['http://127.0.0.1:9/callback'] },
    });
    const run = await flock.run('keymaker', ['make-keys', 'poems', '--all', '--callback', '--port', '0']);
    assert.equal(run.code, 78);
    assert.match(run.stderr, /does not know the callback address \(415\): “.*”\nhint: register/);
  });

  it('does not go with --xauth', async () => {
    await using flock = await TestFlock.open({ poems });
    const run = await flock.run('keymaker', ['make-keys', 'poems', '--callback', '--xauth']);
    assert.equal(run.code, 64);
    assert.match(run.stderr, /either --callback or --xauth/);
  });
});

describe('keymaker reauth --callback', () => {
  it('replaces the key through the browser', async () => {
    await using flock = await TestFlock.open({ poems });
    await flock.giveKey('amber', (bundle) => ({ ...bundle, oauth_token_secret: 'worn-out' }));
    const keymaker = flock.start('keymaker', ['reauth', 'amber', '--callback', '--port', '0']);
    const { link } = await linkFrom(keymaker);
    assert.equal((await visit(await sentBackAs(link, 'amber'))).title, 'amber is @amber');
    assert.equal((await keymaker.exit).code, 0);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
  });
});
