import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { authorizeAs, sentBackAs, TestFlock } from '../support/flock.ts';

const poems = { 'amber.txt': 'Amber keeps the gnat\n' };
const link = /^http\S+(?=\r?\n)/m;

/** A page of `keymaker serve`, as a browser has it. */
async function openPage(flock: TestFlock) {
  const keymaker = flock.start('keymaker', ['serve', '--port', '0']);
  const { 0: address } = await keymaker.matching(link);
  const { origin } = new URL(address);
  const cookie =
    (await fetch(address, { redirect: 'manual' })).headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const read = async (): Promise<string> => (await fetch(origin, { headers: { cookie } })).text();
  const csrf = /name="csrf" value="([^"]+)"/.exec(await read())?.[1] ?? '';
  const press = (action: string, fields: Record<string, string> = {}) =>
    fetch(`${origin}/bots/amber/${action}`, {
      method: 'POST',
      body: new URLSearchParams({ csrf, ...fields }),
      headers: { cookie, origin },
      redirect: 'manual',
    });
  return { read, press };
}

describe('every way to get a key that the five old texts describe', { concurrency: 3 }, () => {
  it('000, the Flask tutorial: a route asks, the person is redirected, a callback route checks the token and exchanges', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems', '--all', '--callback', '--port', '0']);
    const { 0: url } = await keymaker.matching(link);
    const back = new URL(await sentBackAs(url, 'amber'));
    const token = new URL(url).searchParams.get('oauth_token');
    assert.equal(back.searchParams.get('oauth_token'), token);
    const swapped = new URL(back);
    swapped.searchParams.set('oauth_token', 'the-token-of-another');
    assert.equal((await fetch(swapped)).status, 403);
    assert.equal((await fetch(back)).status, 200);
    assert.equal((await keymaker.exit).code, 0);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
  });

  it('001, the Django site on a generic OAuth module: a page authorizes and posts', async () => {
    await using flock = await TestFlock.open({ poems });
    const page = await openPage(flock);
    const sent = (await page.press('authorize')).headers.get('location') ?? '';
    assert.match(sent, /\/oauth\/authorize\?oauth_token=/);
    assert.equal((await fetch(await sentBackAs(sent, 'amber'))).status, 200);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
    await page.press('test-post', { text: 'Hello from a page' });
    assert.match(await page.read(), /“Hello from a page” is on the account/);
    assert.deepEqual(flock.postsOf('amber'), ['Hello from a page']);
  });

  it('002, xAuth: a name and a password for a token, and a first post with it', async () => {
    await using flock = await TestFlock.open({ poems, sandbox: { passwords: { amber: 'open, sesame' } } });
    const run = await flock.run(
      'keymaker',
      ['make-keys', 'poems', '--all', '--xauth', '--first-post', 'Hello world! My first post.'],
      { input: ['amber', 'open, sesame'] },
    );
    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
    assert.deepEqual(flock.postsOf('amber'), ['Hello world! My first post.']);
    assert.doesNotMatch(run.stdout + run.stderr, /sesame/);
  });

  it('003, the Keymaker: for each poem a question, a link, a PIN and a bundle', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', ['make-keys', 'poems']);
    await keymaker.lineMatching(/Make key for amber\? \(y\/n\)/);
    keymaker.answer('y');
    const { 0: url } = await keymaker.matching(link);
    keymaker.answer(await authorizeAs(url, 'amber'));
    assert.equal((await keymaker.exit).code, 0);
    assert.deepEqual(await flock.bundle('amber'), flock.granted('amber'));
  });

  it('004, Flickr: permissions in the link, a verifier of nine digits, an id of its own, and a signed call that proves it', async () => {
    await using flock = await TestFlock.open({ poems });
    const keymaker = flock.start('keymaker', [
      'make-keys',
      'poems',
      '--all',
      '--provider',
      'flickr',
      '--perms',
      'write',
    ]);
    const { 0: url } = await keymaker.matching(link);
    assert.equal(new URL(url).searchParams.get('perms'), 'write');
    const pin = await authorizeAs(url, 'amber');
    assert.match(pin, /^\d{3}-\d{3}-\d{3}$/);
    keymaker.answer(pin.replaceAll('-', ' '));
    assert.equal((await keymaker.exit).code, 0, keymaker.stderr);
    const bundle = await flock.bundle('amber');
    assert.match(String(bundle['user_id']), /^\d+@N\d+$/);
    assert.deepEqual(
      [bundle['screen_name'], bundle['provider'], bundle['poem_file']],
      ['amber', 'flickr', 'poems/amber.txt'],
    );
    const doctor = await flock.run('keymaker', ['doctor']);
    assert.equal(doctor.code, 0, doctor.stdout + doctor.stderr);
    assert.match(doctor.stdout, /Flickr/);
  });
});
