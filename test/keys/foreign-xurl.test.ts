import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { onlyKey, onlyRefusal, json, without, wrongValues } from './foreign-found.ts';

describe('the store of xurl', () => {
  const oauth1 = {
    access_token: '1834-HiddenAccess1',
    token_secret: 'HiddenAccess2',
    consumer_key: 'HiddenApp1',
    consumer_secret: 'HiddenApp2',
  };
  const oauth1_token = { type: 'oauth1', oauth1 };
  const oauth2_tokens = {
    rain: { type: 'oauth2', oauth2: { access_token: 'Hidden', refresh_token: 'Hidden', expiration_time: 7 } },
  };
  const store = (token: unknown): string =>
    json({ apps: { main: { client_id: 'Hidden', oauth1_token: token } } });

  it('is read from YAML', () => {
    const text = [
      'apps:',
      '    "my app":',
      '        client_id: HiddenClient1',
      '        client_secret: HiddenClient2',
      '        default_user: snow',
      '        oauth2_tokens:',
      '            snow:',
      '                type: oauth2',
      '                oauth2: {access_token: Hidden, refresh_token: Hidden, expiration_time: 7}',
      '        oauth1_token:',
      '            type: oauth1',
      '            oauth1:',
      '                access_token: 1834-HiddenAccess1',
      '                token_secret: HiddenAccess2',
      '                consumer_key: HiddenApp1',
      '                consumer_secret: HiddenApp2',
      '        bearer_token: {type: bearer, bearer: Hidden}',
      '    empty:',
      '        client_id: ""',
      '        client_secret: ""',
      'default_app: my app',
      '',
    ].join('\n');
    const { title, ownName, bundle } = onlyKey(text, '.xurl');
    assert.deepEqual(
      [title, ownName, bundle.screenName, bundle.userId],
      ['.xurl: app "my app"', undefined, undefined, '1834'],
    );
    assert.deepEqual(bundle.appKeys.reveal(), { token: 'HiddenApp1', secret: 'HiddenApp2' });
    assert.deepEqual(bundle.accessToken.reveal(), { token: '1834-HiddenAccess1', secret: 'HiddenAccess2' });
  });

  for (const name of ['oauth1_token', 'oauth1_tokens']) {
    it(`of one app is read from ${name}`, () => {
      const { title, bundle } = onlyKey(
        json({ oauth2_tokens, [name]: oauth1_token, bearer_token: null }),
        '.xurl',
      );
      assert.deepEqual([title, bundle.userId], ['.xurl', '1834']);
    });
  }

  for (const field of Object.keys(oauth1)) {
    it(`is refused without ${field}`, () => {
      const text = store({ oauth1: without(oauth1, field) });
      onlyRefusal(text, new RegExp(`^x: app "main": oauth1\\.${field} is missing`), 'x');
    });
    for (const [name, value, message] of wrongValues) {
      it(`is refused where ${field} is ${name}`, () => {
        onlyRefusal(store({ oauth1: { ...oauth1, [field]: value } }), message);
      });
    }
  }

  it('is refused where nothing says whose key it is', () => {
    onlyRefusal(
      store({ oauth1: { ...oauth1, access_token: 'Hidden' } }),
      /does not begin with an account's id/,
    );
  });

  for (const token of ['Hidden', 7, [], {}, { oauth1: 'Hidden' }, { oauth1: null }]) {
    it(`is refused where its token is ${json(token)}`, () => {
      onlyRefusal(store(token), /oauth1|is not a token|not a key/);
    });
  }

  for (const value of [
    { oauth2_tokens },
    { apps: { main: { oauth2_tokens } } },
    { apps: {} },
    { apps: null },
    { bearer_token: 'Hidden' },
    { apps: { main: { oauth1_token: null } } },
  ]) {
    it(`is refused where it has no key but perhaps of OAuth 2: ${json(value).slice(0, 40)}`, () => {
      onlyRefusal(json(value), /no OAuth 1\.0a key in it/);
    });
  }
});
