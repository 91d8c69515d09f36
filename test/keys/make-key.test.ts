import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseBotName, type BotName } from '../../src/flock/bot.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import { makeKey, type Expected, type MadeKey } from '../../src/keys/make-key.ts';
import { TokenPair } from '../../src/keys/token-pair.ts';

const bot = parseBotName('howl');
const account = { userId: '77', screenName: 'Howl_Bot' };
const grant = { account, accessToken: new TokenPair('77-token', 'secret') };

describe('making a key', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'keys-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const make = (
    expected: Expected,
    owners = new Map<string, BotName>(),
    skip = false,
  ): Promise<MadeKey | undefined> =>
    makeKey({
      bot,
      appKeys: new TokenPair('app', 'secret'),
      poemFile: 'poems/howl.txt',
      expected,
      keys: new KeyStore(folder),
      owners,
      flow: () => Promise.resolve(skip ? undefined : grant),
    });

  for (const expected of [
    {},
    { userId: '77' },
    { screenName: 'howl_bot' },
    { userId: '77', screenName: 'old_name' },
  ]) {
    it(`stores the bundle of the account that is expected: ${JSON.stringify(expected)}`, async () => {
      const owners = new Map([['78', parseBotName('other')]]);
      assert.deepEqual((await make(expected, owners))?.account, account);
      assert.deepEqual(await readdir(folder), ['howl.json']);
      assert.equal(owners.get('77'), bot);
    });
  }

  for (const expected of [
    { userId: '78' },
    { screenName: 'other' },
    { userId: '78', screenName: 'howl_bot' },
  ]) {
    it(`refuses another account, and writes nothing: ${JSON.stringify(expected)}`, async () => {
      await assert.rejects(make(expected), /you authorized @Howl_Bot \(id 77\), but this bot is/);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it('refuses an account that another bot has, and writes nothing', async () => {
    const owners = new Map([['77', parseBotName('other')]]);
    await assert.rejects(make({}, owners), /you authorized @Howl_Bot, which is other already/);
    assert.deepEqual(await readdir(folder), []);
  });

  it('lets a bot have its own account again, and writes nothing where it is skipped', async () => {
    assert.ok(await make({}, new Map([['77', bot]])));
    await rm(path.join(folder, 'howl.json'));
    assert.equal(await make({}, new Map(), true), undefined);
    assert.deepEqual(await readdir(folder), []);
  });
});
