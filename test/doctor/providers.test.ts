import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { Report } from '../../src/cli/keymaker/doctor.ts';
import { app, type TestFlock } from '../support/flock.ts';
import { examined, makePrivate, soundFlock } from './examined.ts';

/** A bundle for another provider, which the sandbox plays too. */
async function giveForeignKey(
  flock: TestFlock,
  bot: string,
  provider: string,
  userId?: string,
): Promise<void> {
  const bundle = flock.granted(bot);
  const { world } = flock.x.sandbox;
  const id = bundle['user_id'] ?? '';
  const { token, secret } =
    provider === 'flickr' || provider === 'tumblr'
      ? world.grant(app.token, id, 'write', provider)
      : { token: '17-granite', secret: 'moss-and-slate' };
  const user_id = userId ?? (provider === 'flickr' ? `${id}@N01` : bot);
  const key = { oauth_token: token, oauth_token_secret: secret, provider, user_id };
  await flock.write(`keys/${bot}.json`, JSON.stringify({ ...bundle, ...key }));
  await makePrivate(flock);
}

/** The end of every key that an account has given. */
function revoke({ x }: TestFlock, account: string): void {
  const { world } = x.sandbox;
  for (const token of world.tokensOf(world.accountNamed(account)?.id ?? '')) token.revoked = true;
}

describe('keys for other providers', () => {
  it('are asked about there, and cost nothing', async () => {
    await using flock = await soundFlock([]);
    await flock.write('poems/howl.txt', 'Howl\n');
    await flock.write('poems/prowl.txt', 'Prowl\n');
    await giveForeignKey(flock, 'howl', 'flickr');
    await giveForeignKey(flock, 'prowl', 'tumblr');
    await rename(flock.file('keys'), flock.file('others'));
    const { says, findings, troubles } = await examined(flock, { keys: flock.file('others') });
    assert.deepEqual(troubles, []);
    assert.equal(says('app-keys', 'Flickr'), 'ok: knows the app keys set now');
    assert.equal(says('app-keys', 'Tumblr'), 'ok: knows the app keys set now');
    assert.equal(says('app-keys', 'X'), undefined);
    assert.equal(says('key', 'howl'), 'ok: Flickr says @howl');
    assert.equal(says('key', 'prowl'), 'ok: Tumblr says @prowl');
    assert.equal((new Report(findings).toJSON() as { cost_usd: number }).cost_usd, 0);
  });

  it('are found dead or foreign', async () => {
    await using flock = await soundFlock([]);
    await giveForeignKey(flock, 'howl', 'flickr', '17@N01');
    await giveForeignKey(flock, 'growl', 'flickr');
    await giveForeignKey(flock, 'prowl', 'tumblr');
    revoke(flock, 'growl');
    revoke(flock, 'prowl');
    const { says } = await examined(flock);
    assert.match(
      says('key', 'howl') ?? '',
      /^bad: the key is for @howl \(id \d+@N01\), but its bundle says @howl \(id 17@N01\) \| keymaker reauth howl$/,
    );
    assert.equal(says('key', 'growl'), 'bad: Flickr does not accept the key (98) | keymaker reauth growl');
    assert.equal(
      says('key', 'prowl'),
      'bad: Tumblr refused its key: it was revoked, or never good (401) | keymaker reauth prowl',
    );
  });

  it('do not hide what is known of X', async () => {
    const address = (way: string): string => `http://127.0.0.1:9/${way}`;
    const mine = {
      requestTokenUrl: address('request'),
      authorizeUrl: address('authorize'),
      accessTokenUrl: address('access'),
    };
    await using flock = await soundFlock(['howl'], { settings: { providers: { mine } } });
    await giveForeignKey(flock, 'prowl', 'mine', '17');
    const { says, findings } = await examined(flock);
    assert.match(says('provider', 'mine') ?? '', /^bad: cannot reach 127\.0\.0\.1:9 \(ECONNREFUSED\) \|/);
    assert.equal(says('key', 'mine'), 'skipped: was not asked about prowl');
    assert.equal(says('key', 'howl'), 'ok: X says @howl');
    assert.equal((new Report(findings).toJSON() as { cost_usd: number }).cost_usd, 0.01);
  });

  it('are not asked about where there is no way to ask', async () => {
    await using flock = await soundFlock(['howl']);
    const mine = {
      requestTokenUrl: `${flock.x.url}/oauth/request_token`,
      authorizeUrl: `${flock.x.url}/oauth/authorize`,
      accessTokenUrl: `${flock.x.url}/oauth/access_token`,
    };
    await flock.write('flock.json', JSON.stringify({ providers: { mine } }));
    await giveForeignKey(flock, 'prowl', 'mine', '17');
    const { says } = await examined(flock);
    assert.equal(says('key', 'prowl'), 'skipped: mine has no request that says which account a key is for');
  });
});
