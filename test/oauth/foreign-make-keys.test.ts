import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { customProvider, providerFrom } from '../../src/config/flock-file.ts';
import { openSender } from '../../src/http/send.ts';
import { type Account, openOAuth1Client } from '../../src/oauth/client.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { TestFlock } from '../support/flock.ts';
import {
  answerLink,
  foreignApp,
  type ForeignProvider,
  openForeignProvider,
  reasonToSkip,
} from './foreign-provider.ts';

const skip = reasonToSkip();
let foreign: ForeignProvider;
before(async () => {
  if (skip === false) foreign = await openForeignProvider();
});
after(async () => {
  if (skip === false) await foreign[Symbol.asyncDispose]();
});

/** Whose a key is, by the provider's word. */
async function ownerOf(key: TokenPair): Promise<Account> {
  await using sender = openSender({ deadline: 10_000, sockets: 1 });
  const client = openOAuth1Client(providerFrom('foreign', customProvider.parse(foreign.described())), {
    send: (request) => sender.send(request),
    clock: systemClock,
    appKeys: new TokenPair(foreignApp.token, foreignApp.secret),
  });
  return await client.whoAmI(key);
}

describe('keymaker make-keys with a provider made of oauthlib', { skip }, () => {
  const poems = { 'grass.txt': 'Grass writes by being walked on\n' };
  const env = { CONSUMER_TOKEN: foreignApp.token, CONSUMER_TOKEN_SECRET: foreignApp.secret };
  const words = ['make-keys', 'poems', '--bot', 'grass', '--provider', 'foreign'];
  const openFlock = (described = foreign.described()): Promise<TestFlock> =>
    TestFlock.open({ poems, settings: { providers: { foreign: described } } });

  /** The bundle is as it should be, and its key is one of the account. */
  async function assertMade(flock: TestFlock, userId: string, screenName: string): Promise<void> {
    const { oauth_token: token, oauth_token_secret: secret, ...rest } = await flock.bundle('grass');
    assert.deepEqual(rest, {
      consumer_token: foreignApp.token,
      consumer_token_secret: foreignApp.secret,
      user_id: userId,
      screen_name: screenName,
      poem_file: 'poems/grass.txt',
      provider: 'foreign',
    });
    assert.deepEqual(await ownerOf(new TokenPair(String(token), String(secret))), { userId, screenName });
    await flock.assertNoSecrets();
  }

  for (const variant of ['', '/silent'] as const) {
    const where = `where the answer ${variant === '' ? 'says' : 'does not say'} whose it is`;

    it(`makes a key by PIN ${where}`, async () => {
      await using flock = await openFlock(foreign.described(variant));
      const keymaker = flock.start('keymaker', words, { env });
      const first = await keymaker.matching(/^http\S+(?=\n)/m);
      keymaker.answer(`${await answerLink(first[0], 'Ødegård & søn')}x`);
      const { 0: link } = await keymaker.matching(/^http\S+(?=\n)/m, { from: first.end });
      assert.match(keymaker.stderr, /grass: Foreign refused the PIN/);
      keymaker.answer(await answerLink(link, 'Ødegård & søn'));
      await keymaker.lineMatching(/Is @Ødegård & søn the account of grass\? \(y\/n\)/);
      keymaker.answer('y');
      assert.deepEqual(await keymaker.exit, { code: 0, signal: null }, keymaker.stderr);
      await assertMade(flock, '42', 'Ødegård & søn');
    });

    it(`makes a key in the browser ${where}`, async () => {
      await using flock = await openFlock(foreign.described(variant));
      const keymaker = flock.start('keymaker', [...words, '--callback', '--port', '0'], { env });
      const { 0: link } = await keymaker.matching(/^http\S+(?=\n)/m);
      const page = await (await fetch(await answerLink(link, 'rain.bot'))).text();
      assert.match(page, /Is @rain\.bot the account of grass\?/);
      keymaker.answer('y');
      assert.deepEqual(await keymaker.exit, { code: 0, signal: null }, keymaker.stderr);
      await assertMade(flock, '43', 'rain.bot');
    });
  }

  it('makes none where the person says no in the browser', async () => {
    await using flock = await openFlock();
    const keymaker = flock.start('keymaker', [...words, '--callback', '--port', '0'], { env });
    const { 0: link } = await keymaker.matching(/^http\S+(?=\n)/m);
    const page = await (await fetch(await answerLink(link, 'rain.bot', 'deny'))).text();
    assert.match(page, /Nothing was authorized/);
    assert.equal((await keymaker.exit).code, 0);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });

  it('says that the app secret is wrong', async () => {
    await using flock = await openFlock();
    const wrong = { ...env, CONSUMER_TOKEN_SECRET: 'hidden-another-secret' };
    const { code, stderr } = await flock.run('keymaker', words, { env: wrong });
    assert.equal(code, 78);
    assert.match(stderr, /^keymaker: Foreign refused the app keys \(401\)\nhint: .*CONSUMER_TOKEN_SECRET/);
    assert.doesNotMatch(stderr, /hidden/);
    assert.deepEqual(await readdir(flock.file('keys')), []);
  });
});
