import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { mainPassword, sentBackAs, TestFlock } from '../support/flock.ts';

const poems = {
  'amber.txt': 'Amber keeps the gnat\n',
  'birch.txt': 'Birch writes white on white\n',
  'cedar.txt': 'Cedar is late\n',
};
const link = /^http\S+(?=\r?\n)/m;

/** amber is of X, birch of Mastodon, cedar of Bluesky. */
async function mixedFlock(): Promise<TestFlock> {
  const flock = await TestFlock.open({ poems });
  const server = `${flock.x.url}/mastodon`;
  const bots = { birch: { network: 'mastodon', server }, cedar: { network: 'bluesky' } };
  await flock.write('flock.json', JSON.stringify({ bots }));
  flock.atBluesky('cedar');
  return flock;
}

/** Gives the answer of the page behind the next link to keymaker, which listens for it. @returns where the link ends in the output */
async function comeBack(
  keymaker: ReturnType<TestFlock['start']>,
  { as, from = 0, action }: { as: string; from?: number; action?: 'cancel' },
): Promise<{ end: number; page: string }> {
  const { 0: url, end } = await keymaker.matching(link, { from });
  const page = await (await fetch(await sentBackAs(url, as, action))).text();
  return { end, page };
}

/** No token or password of any account is in a text. */
function assertNoSecrets(flock: TestFlock, text: string): void {
  const { accessTokens } = flock.sandbox.world.snapshot();
  const tokens = accessTokens.flatMap(({ token, secret }) => [token, secret]);
  const { appPassword } = flock.atBluesky('cedar');
  for (const secret of [...tokens, appPassword, mainPassword].filter(({ length }) => length > 3))
    assert.ok(!text.includes(secret), `a secret in: ${text}`);
}

describe('the keys of a flock of three networks', { concurrency: 3 }, () => {
  it('are made in one run, by the browser and by an app password', async () => {
    await using flock = await mixedFlock();
    const args = ['make-keys', 'poems', '--all', '--callback', '--port', '0', '--first-post', 'Hello'];
    const keymaker = flock.start('keymaker', args);
    const first = await comeBack(keymaker, { as: 'amber' });
    const { page } = await comeBack(keymaker, { as: 'birch', from: first.end });
    assert.match(page, /birch is @birch@127\.0\.0\.1/);
    keymaker.answer('cedar.test');
    keymaker.answer(flock.atBluesky('cedar').appPassword);
    assert.deepEqual(await keymaker.exit, { code: 0, signal: null }, keymaker.stderr);
    const providers = await Promise.all(
      ['amber', 'birch', 'cedar'].map(async (bot) => (await flock.bundle(bot))['provider']),
    );
    assert.deepEqual(providers, [undefined, 'mastodon', 'bluesky']);
    for (const account of ['amber', 'birch@mastodon', 'cedar@bsky'])
      assert.deepEqual(flock.postsOf(account), ['Hello'], account);
    assertNoSecrets(flock, keymaker.stdout + keymaker.stderr + page);
    const apps = JSON.parse(await readFile(flock.file('apikeys.json'), 'utf8')) as { servers: object };
    assert.match(JSON.stringify(apps.servers), /"redirect_uris":\["urn:ietf:wg:oauth:2\.0:oob","http:/);
  });

  it('are not made where the person says no at Mastodon', async () => {
    await using flock = await mixedFlock();
    const args = ['make-keys', 'poems', '--bot', 'birch', '--callback', '--port', '0'];
    const keymaker = flock.start('keymaker', args);
    const { page } = await comeBack(keymaker, { as: 'birch', action: 'cancel' });
    assert.match(page, /Nothing was authorized/);
    assert.equal((await keymaker.exit).code, 0);
    assert.match(keymaker.stdout, /birch gets no key\./);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('need no app keys where no bot of X is chosen', async () => {
    await using flock = await mixedFlock();
    const env = { CONSUMER_TOKEN: '', CONSUMER_TOKEN_SECRET: '' };
    const input = ['cedar.test', flock.atBluesky('cedar').appPassword];
    const alone = await flock.run('keymaker', ['make-keys', 'poems', '--bot', 'cedar'], { input, env });
    assert.equal(alone.code, 0, alone.stderr);
    const all = await flock.run('keymaker', ['make-keys', 'poems', '--all'], { env });
    assert.equal(all.code, 78);
    assert.match(all.stderr, /no app keys/);
  });

  it('are made on the page of keymaker serve', async () => {
    await using flock = await mixedFlock();
    const keymaker = flock.start('keymaker', ['serve', '--port', '0']);
    const { 0: address } = await keymaker.matching(link);
    const { origin } = new URL(address);
    const entered = await fetch(address, { redirect: 'manual' });
    const cookie = entered.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const seen: string[] = [];
    const policies: string[] = [];
    const read = async (place = '/'): Promise<string> => {
      const answer = await fetch(origin + place, { headers: { cookie } });
      policies.push(answer.headers.get('content-security-policy') ?? '');
      const html = await answer.text();
      seen.push(html);
      return html;
    };
    const csrf = /name="csrf" value="([^"]+)"/.exec(await read())?.[1] ?? '';
    // Otherwise browsers would not follow a form to Mastodon.
    const policy = policies[0] ?? '';
    assert.ok(policy.includes(`form-action 'self' ${flock.x.url};`), policy);
    const press = async (place: string, fields: Record<string, string> = {}): Promise<string> => {
      const answer = await fetch(`${origin}/bots/${place}`, {
        method: 'POST',
        body: new URLSearchParams({ csrf, ...fields }),
        headers: { cookie, origin },
        redirect: 'manual',
      });
      return answer.headers.get('location') ?? '';
    };

    const toMastodon = await press('birch/authorize');
    assert.match(toMastodon, /\/mastodon\/oauth\/authorize\?/);
    const back = await sentBackAs(toMastodon, 'reads');
    const asked = await fetch(back, { redirect: 'manual' });
    assert.match(
      await read(asked.headers.get('location') ?? ''),
      /Is @reads@127\.0\.0\.1:\d+ the account of birch\?/,
    );
    const yes = { method: 'POST', body: new URLSearchParams({ answer: 'yes' }), headers: { cookie, origin } };
    await fetch(origin + (asked.headers.get('location') ?? ''), { ...yes, redirect: 'manual' });
    assert.match(await read('/bots/birch'), /@reads@127/);
    assert.equal((await flock.bundle('birch'))['provider'], 'mastodon');
    assert.match(await (await fetch(back)).text(), /That link was used already/);

    // A list has no fields for a password.
    assert.equal(await press('cedar/authorize'), '/bots/cedar');
    assert.match(await read('/bots/cedar'), /<input type="password" name="password"/);
    await press('cedar/authorize', { handle: 'cedar.test', password: 'wrong-one' });
    assert.match(await read('/bots/cedar'), /Bluesky refuses its app password/);
    await press('cedar/authorize', { handle: 'cedar.test', password: flock.atBluesky('cedar').appPassword });
    assert.match(await read('/bots/cedar'), /cedar is @cedar\.test/);
    await press('cedar/authorize', { handle: 'cedar.test', password: mainPassword });
    assert.match(await read('/bots/cedar'), /this is the main password of @cedar\.test/);
    await press('cedar/check');
    assert.match(await read('/bots/cedar'), /Bluesky knows it as @cedar\.test/);
    await press('cedar/test-post', { text: 'Hello from a page' });
    assert.deepEqual(flock.postsOf('cedar@bsky'), ['Hello from a page']);
    await press('birch/test-post', { text: 'x'.repeat(501) });
    assert.match(await read('/bots/birch'), /too long for one post/);
    await press('birch/revoke');
    assert.match(await read('/bots/birch'), /The key of birch has ended/);
    await press('cedar/revoke');
    assert.match(await read('/bots/cedar'), /ends an app password only in the settings/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
    assertNoSecrets(flock, seen.join('\n') + keymaker.stdout + keymaker.stderr);
    assert.ok(!seen.join('').includes('wrong-one'));
  });

  it('follow a handle that moved, and are refused of an account that was suspended', async () => {
    await using flock = await mixedFlock();
    const { did, appPassword, authorization } = flock.atBluesky('cedar');
    const call = (name: string, body: object, by = authorization): void => {
      const { status } = flock.sandbox.handle({
        method: 'POST',
        url: `/bluesky/xrpc/com.atproto.${name}`,
        host: '127.0.0.1:1',
        headers: { authorization: by },
        body: JSON.stringify(body),
      });
      assert.equal(status, 200);
    };
    const make = (...answers: string[]) =>
      flock.run('keymaker', ['make-keys', 'poems', '--bot', 'cedar', '--force'], { input: answers });
    assert.equal((await make('cedar.test', appPassword)).code, 0);
    call('identity.updateHandle', { handle: 'cedar-reads.test' });
    // The old key knows the account by its id.
    assert.match((await make('', appPassword)).stdout, /cedar is @cedar-reads\.test \(id did:plc:/);
    const gone = await make('cedar.test', appPassword);
    assert.equal(gone.code, 65);
    assert.match(
      gone.stderr,
      /cedar: there is no account @cedar\.test .*\nhint: is the handle spelled right, and/,
    );
    const before = await flock.bundle('cedar');
    const admin = `Basic ${Buffer.from('admin:admin').toString('base64')}`;
    call('admin.updateSubjectStatus', { subject: { did }, takedown: { applied: true } }, admin);
    const suspended = await make('', appPassword);
    assert.equal(suspended.code, 65);
    assert.match(suspended.stderr, /cedar: cannot sign in: its account is suspended/);
    assert.deepEqual(await flock.bundle('cedar'), before);
    assertNoSecrets(flock, suspended.stderr + gone.stderr);
  });
});
