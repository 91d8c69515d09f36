import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  accountFault,
  type Expected,
  judgeAccount,
  otherAccountThan,
  type Verdict,
} from '../../src/keys/right-account.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';

const long = parseBotName('long-breath');
const rain = { userId: '77', screenName: 'Rain' };
const other = { userId: '78', screenName: 'other' };

describe('the account that was authorized', () => {
  const rows: [name: string, came: typeof rain, expected: Expected, verdict: Verdict][] = [
    ['is the one that flock.json names, in other capitals too', rain, { named: 'rain' }, 'right'],
    ['is not the one that flock.json names', other, { named: 'rain' }, 'wrong'],
    [
      'has the id of the old key, and is called otherwise now',
      rain,
      { old: { userId: '77', screenName: 'old' } },
      'right',
    ],
    [
      'has the name of the old key, and another id',
      rain,
      { old: { userId: '78', screenName: 'rain' } },
      'wrong',
    ],
    ['has the name of an old key without an id', rain, { old: { screenName: 'RAIN' } }, 'right'],
    ['has another name than an old key without an id', other, { old: { screenName: 'rain' } }, 'wrong'],
    [
      'was renamed, and flock.json has the new name',
      rain,
      { named: 'rain', old: { userId: '77', screenName: 'old' } },
      'right',
    ],
    [
      'was renamed, and flock.json has the old name',
      rain,
      { named: 'old', old: { userId: '77', screenName: 'old' } },
      'right',
    ],
    [
      'has taken over the name of the old one',
      rain,
      { named: 'rain', old: { userId: '78', screenName: 'rain' } },
      'wrong',
    ],
    ['is another one that flock.json names from now on', other, { named: 'other', old: rain }, 'right'],
    [
      'is the old one, and flock.json names another from now on',
      rain,
      { named: 'other', old: rain },
      'wrong',
    ],
    ["has the bot's name at its host", { userId: '7', screenName: 'Long_Breath@a.example' }, {}, 'right'],
    ["has the bot's name in its handle", { userId: '7', screenName: 'long-breath.bsky.social' }, {}, 'right'],
    [
      "has the bot's name behind its host",
      { userId: '7', screenName: 'rain@long-breath.example' },
      {},
      'ask',
    ],
    [
      'is named with its host in flock.json',
      { userId: '7', screenName: 'rain@a.example' },
      { named: 'Rain@a.example' },
      'right',
    ],
    [
      'is named without its host in flock.json',
      { userId: '7', screenName: 'rain@a.example' },
      { named: 'rain' },
      'right',
    ],
    [
      'is named with another host in flock.json',
      { userId: '7', screenName: 'rain@a.example' },
      { named: 'rain@b.example' },
      'wrong',
    ],
    [
      'is another handle than flock.json names',
      { userId: '7', screenName: 'rain.test' },
      { named: 'rain' },
      'wrong',
    ],
    ['has the name that was typed with its password', rain, { typed: 'rain' }, 'right'],
    ['has another name than was typed with its password', rain, { typed: 'me@example.org' }, 'ask'],
    ['is not known at all', rain, {}, 'ask'],
    ['is called as the bot', { userId: '1', screenName: 'long-breath' }, {}, 'right'],
    ['is called as the bot but for case, _ and -', { userId: '1', screenName: 'Long_BREATH_' }, {}, 'right'],
    ['is called almost as the bot', { userId: '1', screenName: 'long_breath2' }, {}, 'ask'],
    [
      'is called as the bot, and flock.json names another',
      { userId: '1', screenName: 'long_breath' },
      { named: 'rain' },
      'wrong',
    ],
  ];
  for (const [name, came, expected, verdict] of rows) {
    it(`${name}: ${verdict}`, () => {
      assert.equal(judgeAccount(long, came, expected), verdict);
    });
  }

  it('may lack its id or its name, as the keys of other programs do', () => {
    assert.equal(judgeAccount(long, { userId: '77' }, { named: 'rain' }), 'ask');
    assert.equal(judgeAccount(long, { userId: '77' }, { named: 'rain', old: rain }), 'right');
    assert.equal(judgeAccount(long, { userId: '78' }, { named: 'rain', old: rain }), 'wrong');
    assert.equal(judgeAccount(long, { screenName: 'other' }, { old: rain }), 'wrong');
    assert.equal(judgeAccount(long, {}, { old: rain }), 'ask');
  });

  it('has no name that is a bot’s where nothing is left of either', () => {
    assert.equal(judgeAccount(parseBotName('_'), { userId: '1', screenName: '__' }, {}), 'ask');
  });
});

describe('a bot with a key', () => {
  const bot = (account?: string, screenName: string | undefined = 'rain') => ({
    name: 'lamp',
    bundle: { userId: '77', screenName },
    settings: { account },
  });

  it('posts as the account that it has posted as, whatever that is called', () => {
    for (const account of [undefined, 'rain', 'renamed'])
      assert.equal(accountFault(bot(account), '77'), undefined);
  });

  it('does not post as another than it has posted as, whatever that is called', () => {
    for (const account of [undefined, 'rain', 'other'])
      assert.match(
        accountFault(bot(account), '78')?.message ?? '',
        /^lamp has posted as the account 78, but its key is for 77$/,
      );
  });

  it('is not judged by an account that is not known', () => {
    assert.equal(otherAccountThan('lamp', undefined, '77'), undefined);
    assert.equal(otherAccountThan('lamp', '78', undefined), undefined);
    assert.match(otherAccountThan('lamp', '78', '77') ?? '', /^lamp has posted as the account 78,/);
  });

  it('begins only as the account that flock.json names', () => {
    assert.equal(accountFault(bot('RAIN'), undefined), undefined);
    assert.equal(accountFault(bot(), undefined), undefined);
    assert.equal(accountFault({ ...bot('rain'), bundle: undefined }, undefined), undefined);
    assert.equal(
      accountFault({ ...bot('rain'), bundle: { userId: '77', screenName: undefined } }, undefined),
      undefined,
    );
    const fault = accountFault(bot('other'), undefined);
    assert.equal(fault?.message, 'lamp: its key is for @rain, but flock.json says @other');
    assert.match(fault.hint ?? '', /keymaker reauth lamp .*keymaker make-keys .\/poems --bot=lamp --force$/);
  });
});
