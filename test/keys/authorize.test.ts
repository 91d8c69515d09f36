import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type MadeKey, makeKey, type MakeKeyOptions } from '../../src/keys/authorize.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { type BotName, parseBotName } from '../../src/poems/bot-name.ts';

const bot = parseBotName('howl');
const account = { userId: '77', screenName: 'Howl_Bot' };
const appKeys = new TokenPair('app', 'secret');
const grant = { appKeys, account, accessToken: new TokenPair('77-token', 'secret') };
const other = {
  appKeys,
  account: { userId: '78', screenName: 'rain' },
  accessToken: new TokenPair('78-token', 'secret'),
};

describe('making a key', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'keys-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const make = (
    expected: MakeKeyOptions['expected'],
    options: Partial<MakeKeyOptions> = {},
  ): Promise<MadeKey | undefined> =>
    makeKey({
      bot,
      poemFile: 'poems/howl.txt',
      expected,
      keys: new KeyStore(folder),
      owners: new Map(),
      flow: () => Promise.resolve(grant),
      confirm: () => assert.fail('nobody is to be asked'),
      ...options,
    });

  for (const expected of [
    { old: { userId: '77' } },
    { old: { screenName: 'howl_bot' } },
    { old: { userId: '77', screenName: 'old_name' } },
    { named: 'howl_bot' },
    { typed: 'howl_bot' },
  ]) {
    it(`stores the bundle of the account that is expected: ${JSON.stringify(expected)}`, async () => {
      const owners = new Map([['78', parseBotName('other')]]);
      assert.deepEqual((await make(expected, { owners }))?.account, account);
      assert.deepEqual(await readdir(folder), ['howl.json']);
      assert.equal(owners.get('77'), bot);
      assert.equal((await new KeyStore(folder).readIfThere(bot))?.screenName, 'Howl_Bot');
    });
  }

  for (const expected of [
    { old: { userId: '78' } },
    { named: 'other' },
    { old: { userId: '78', screenName: 'howl_bot' } },
    { named: 'howl_bot', old: { userId: '78', screenName: 'howl_bot' } },
  ]) {
    it(`refuses another account, and writes nothing: ${JSON.stringify(expected)}`, async () => {
      await assert.rejects(make(expected), /you authorized @Howl_Bot \(id 77\), but this bot is/);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it('does not go by a key so far that is for another provider', async () => {
    const asked: string[] = [];
    const confirm = ({ screenName }: { screenName: string }) => Promise.resolve(asked.push(screenName) > 0);
    assert.ok(await make({ old: { userId: '78', provider: 'flickr' } }, { confirm }));
    assert.deepEqual(asked, ['Howl_Bot']);
  });

  it('refuses an account that another bot has, and writes nothing', async () => {
    const owners = new Map([['77', parseBotName('other')]]);
    await assert.rejects(
      make({}, { owners }),
      /you authorized @Howl_Bot, which is the account of other already/,
    );
    assert.deepEqual(await readdir(folder), []);
  });

  it('lets a bot have its own account again, and writes nothing where it is skipped', async () => {
    assert.ok(await make({ named: 'howl_bot' }, { owners: new Map([['77', bot]]) }));
    await rm(path.join(folder, 'howl.json'));
    assert.equal(await make({}, { flow: () => Promise.resolve(undefined) }), undefined);
    assert.deepEqual(await readdir(folder), []);
  });

  it('asks where nothing says whose account it must be, and authorizes anew after a no', async () => {
    const owners = new Map<string, BotName>();
    const said: string[] = [];
    const grants = [other, grant];
    const made = await make(
      {},
      {
        owners,
        flow: () => Promise.resolve(grants.shift()),
        confirm: async ({ screenName }) => {
          said.push(`is it ${screenName}?`);
          assert.deepEqual(await readdir(folder), []);
          return screenName === 'Howl_Bot';
        },
        retries: ({ message, isDeclined }) => said.push(`${message} ${isDeclined}`) > 0,
      },
    );
    assert.deepEqual(said, [
      'is it rain?',
      'howl: you said that @rain is not its account; nothing was changed true',
      'is it Howl_Bot?',
    ]);
    assert.deepEqual(made?.account, account);
    assert.deepEqual([...owners], [['77', bot]]);
  });

  for (const [why, expected, message, wanted] of [
    [
      'the wrong account',
      { named: 'howl' },
      'you authorized @Howl_Bot (id 77), but this bot is @howl',
      '@howl',
    ],
    [
      'the account of another bot',
      {},
      'you authorized @Howl_Bot, which is the account of growl already',
      'the account of howl',
    ],
  ] as const)
    it(`authorizes anew after ${why}`, async () => {
      const refusals: { message: string; wanted: string; isDeclined: boolean }[] = [];
      const right = {
        appKeys,
        account: { userId: '79', screenName: 'howl' },
        accessToken: new TokenPair('79-token', 'secret'),
      };
      const grants = [grant, right];
      const made = await make(expected, {
        owners: new Map([['77', parseBotName('growl')]]),
        flow: () => Promise.resolve(grants.shift()),
        retries: (refusal) => refusals.push(refusal) > 0,
      });
      assert.equal(made?.account.screenName, 'howl');
      assert.deepEqual(
        refusals.map((refusal) => [refusal.message, refusal.wanted, refusal.isDeclined]),
        [[`howl: ${message}; nothing was changed`, wanted, false]],
      );
    });

  it('gives up after five times no, and at once where there is no way to authorize anew', async () => {
    for (const [retries, times] of [
      [() => true, 5],
      [() => false, 1],
      [undefined, 1],
    ] as const) {
      let asked = 0;
      const confirm = () => Promise.resolve(++asked === 0);
      await assert.rejects(
        make(
          {},
          { confirm, ...(retries && { retries }), again: 'run keymaker make-keys ./poems --bot=howl' },
        ),
        {
          exit: 'partly',
          message: 'howl: you said that @Howl_Bot is not its account; nothing was changed',
          hint: 'sign out in the browser, run keymaker make-keys ./poems --bot=howl, and sign in as the account of howl',
        },
      );
      assert.equal(asked, times);
    }
    assert.deepEqual(await readdir(folder), []);
  });
});
