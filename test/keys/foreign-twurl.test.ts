import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keysIn, refusalsIn, onlyKey, onlyRefusal, json, without, wrongValues } from './foreign-found.ts';

describe('the accounts of twurl and t', () => {
  const app = 'HiddenConsumerKey1';
  const rain = {
    username: 'Rain',
    consumer_key: app,
    consumer_secret: 'HiddenApp2',
    token: '77-HiddenAccess1',
    secret: 'HiddenAccess2',
  };
  const store = (profile: unknown): string => json({ profiles: { Rain: { [app]: profile } } });
  const yaml = [
    '---',
    'profiles:',
    '  Rain:',
    '    HiddenConsumerKey1:',
    '      username: &1 Rain',
    '      consumer_key: &2 HiddenConsumerKey1',
    '      consumer_secret: HiddenApp2',
    '      token: 77-HiddenAccess1',
    "      secret: 'HiddenAccess2'",
    '  snow_2:',
    '    HiddenConsumerKey1:',
    '      consumer_key: *2',
    '      consumer_secret: 00123',
    '      token: 78-HiddenAccess1',
    '      secret: 1e5',
    'configuration:',
    '  default_profile: [*1, *2]',
    'bearer_tokens: {}',
    '',
  ].join('\n');

  it('are read from YAML, in which a secret may look like a number', () => {
    const keys = keysIn(yaml, '.twurlrc');
    assert.deepEqual(
      keys.map(({ title, bundle }) => [title, bundle.screenName, bundle.userId]),
      [
        ['.twurlrc: @Rain', 'Rain', '77'],
        ['.twurlrc: @snow_2', 'snow_2', '78'],
      ],
    );
    assert.deepEqual(keys[1]?.bundle.appKeys.reveal(), { token: app, secret: '00123' });
    assert.deepEqual(keys[1].bundle.accessToken.reveal(), { token: '78-HiddenAccess1', secret: '1e5' });
  });

  it('are read from JSON, and one without its consumer_key, which is its name', () => {
    const { ownName, bundle } = onlyKey(store(without(rain, 'consumer_key')));
    assert.deepEqual([ownName, bundle.poemFile, bundle.appKeys.reveal().token], [undefined, undefined, app]);
  });

  it('with several apps are told apart by the beginning of the app’s token', () => {
    const keys = keysIn(json({ profiles: { Rain: { abcdHiddenKey1: rain, efghHiddenKey2: rain } } }), 'rc');
    assert.deepEqual(
      keys.map(({ title }) => title),
      ['rc: @Rain (app abcd…)', 'rc: @Rain (app efgh…)'],
    );
  });

  for (const field of ['consumer_secret', 'token', 'secret']) {
    it(`are refused without ${field}`, () => {
      onlyRefusal(store(without(rain, field)), new RegExp(`^rc: @Rain: ${field} is missing`), 'rc');
    });
  }
  for (const field of ['consumer_key', 'consumer_secret', 'token', 'secret']) {
    for (const [name, value, message] of wrongValues) {
      it(`are refused where ${field} is ${name}`, () => {
        onlyRefusal(store({ ...rain, [field]: value }), message);
      });
    }
    it(`are refused where ${field} is a placeholder or no token`, () => {
      onlyRefusal(store({ ...rain, [field]: 'your_token' }), /is a placeholder/);
      onlyRefusal(store({ ...rain, [field]: 'Hidden Hidden' }), /has characters that no token has/);
    });
  }
  for (const username of [7, null, '', 'Hidden\u001b[2J', '../Hidden', 'é']) {
    it(`are refused where username is ${json(username)}`, () => {
      onlyRefusal(store({ ...rain, username }), /username is not a (string|screen name)$/);
    });
  }

  it('are refused one by one', () => {
    const profiles = {
      Rain: { [app]: rain },
      snow: { [app]: null },
      hail: {},
      sleet: 'Hidden',
      [`Hidden${'x'.repeat(20)}`]: 7,
    };
    assert.equal(keysIn(json({ profiles })).length, 1);
    assert.deepEqual(refusalsIn(json({ profiles }), 'rc'), [
      'rc: @snow: not a key',
      'rc: @hail: no key in it',
      'rc: @sleet: no key in it',
      'rc: profile 5: no key in it',
    ]);
  });

  for (const profiles of [{}, null, [], 'Hidden', 7]) {
    it(`are not in profiles that are ${json(profiles)}`, () => {
      onlyRefusal(json({ profiles, configuration: {} }), /no accounts in it/);
    });
  }
});
