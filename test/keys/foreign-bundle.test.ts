import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { onlyKey, onlyRefusal, json, without, wrongValues } from './foreign-found.ts';

describe('an old bundle', () => {
  const secrets = {
    consumer_token: 'HiddenApp1',
    consumer_token_secret: 'HiddenApp2',
    oauth_token: '77-HiddenAccess1',
    oauth_token_secret: 'HiddenAccess2',
  };
  const seed = { ...secrets, user_id: '77', screen_name: 'rain', poem_file: 'poems/rain.txt' };
  const later = {
    ...secrets,
    screen_name: 'rain',
    file: 'poems/a.txt',
    interactive: true,
    n: 7,
    deep: { x: [null] },
  };

  it('of 2014 is read, and is for the bot of its name', () => {
    const { title, ownName, bundle } = onlyKey(json(seed), 'old/Rain, 2.json');
    assert.deepEqual([title, ownName], ['old/Rain, 2.json', 'rain-2']);
    assert.deepEqual([bundle.userId, bundle.screenName, bundle.poemFile], ['77', 'rain', 'poems/rain.txt']);
    assert.deepEqual(bundle.appKeys.reveal(), { token: 'HiddenApp1', secret: 'HiddenApp2' });
    assert.deepEqual(bundle.accessToken.reveal(), { token: '77-HiddenAccess1', secret: 'HiddenAccess2' });
  });

  it('of a descendant is read, whatever else is in it', () => {
    const { bundle } = onlyKey(json({ x_auth_expires: '0', ...later }), 'a.json');
    assert.deepEqual([bundle.userId, bundle.poemFile], ['77', 'poems/a.txt']);
  });

  for (const [file, ownName] of [
    ['keys/my.txt.notes.json', 'my-txt-notes'],
    ['keys/my.json.notes.json', 'my-json-notes'],
    ['name.ext.json', 'name-ext'],
    ['keys/.jsonual.json', 'a'],
  ] as const) {
    it(`in ${file} is for ${ownName}`, () => {
      assert.equal(onlyKey(json(later), file).ownName, ownName);
    });
  }

  it('in a file without a name is for nobody yet', () => {
    assert.equal(onlyKey(json(without(later, 'file')), 'keys/.json').ownName, undefined);
  });

  for (const field of Object.keys(secrets)) {
    it(`is refused without ${field}`, () => {
      onlyRefusal(json(without(seed, field)), new RegExp(`^a\\.json: ${field} is missing`), 'a.json');
    });
    for (const [name, value, message] of wrongValues) {
      it(`is refused where ${field} is ${name}`, () => {
        onlyRefusal(json({ ...seed, [field]: value }), message);
      });
    }
  }

  it('of a dry run is refused', () => {
    const letters = { consumer_token: 'AAAAA', consumer_token_secret: 'BBBBB', oauth_token: 'CCCCC' };
    onlyRefusal(
      json({ ...letters, oauth_token_secret: 'DDDDD', user_id: '00000' }),
      /consumer_token is a placeholder/,
    );
  });

  it('of a GitHub bot is refused as what it is', () => {
    onlyRefusal(
      json({ client_id: 'Hidden', client_secret: 'Hidden', token: { token: 'Hidden' }, login: 'rain' }),
      /GitHub/,
    );
  });

  it('is refused wherever it is cut off', () => {
    const text = json(seed);
    for (let length = 1; length < text.length; length++) onlyRefusal(text.slice(0, length), /not whole JSON/);
  });
});
