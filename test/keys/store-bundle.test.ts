import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { FlockError } from '../../src/errors.ts';
import { formatKeyBundle, parseKeyBundle } from '../../src/keys/bundle.ts';

const secrets = {
  consumer_token: 'HiddenConsumer1',
  consumer_token_secret: 'HiddenConsumer2',
  oauth_token: '77-HiddenAccess1',
  oauth_token_secret: 'HiddenAccess2',
};
const seed = { ...secrets, user_id: '77', screen_name: 'rain', poem_file: 'poems/rain.txt' };
const json = (value: unknown): string => JSON.stringify(value);

function refusal(text: string): FlockError {
  try {
    parseKeyBundle(text, 'keys/rain.json');
  } catch (error) {
    assert.ok(error instanceof FlockError, String(error));
    assert.equal(error.exit, 'data');
    assert.match(error.message, /^keys\/rain\.json: /);
    assert.match(error.hint ?? '', /--bot=rain$/);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /Hidden/);
    return error;
  }
  return assert.fail('it was taken');
}

describe('a key bundle', () => {
  it('of the first Keymaker is read', () => {
    const bundle = parseKeyBundle(json(seed), 'keys/rain.json');
    assert.deepEqual(bundle.appKeys.reveal(), { token: 'HiddenConsumer1', secret: 'HiddenConsumer2' });
    assert.deepEqual(bundle.accessToken.reveal(), { token: '77-HiddenAccess1', secret: 'HiddenAccess2' });
    assert.deepEqual([bundle.userId, bundle.screenName, bundle.poemFile], ['77', 'rain', 'poems/rain.txt']);
    assert.doesNotMatch(inspect(bundle, { depth: 9, showHidden: true }) + json(bundle), /Hidden/);
  });

  const { user_id: _, ...noId } = seed;
  const { poem_file: __, ...noPoem } = seed;
  const kin: [name: string, stored: object, userId: string | undefined, poemFile: string | undefined][] = [
    ['with `file`', { ...noPoem, file: 'poems/a.txt' }, '77', 'poems/a.txt'],
    ['with both, where poem_file counts', { ...seed, file: 'poems/a.txt' }, '77', 'poems/rain.txt'],
    [
      'with extras of any type',
      { ...noPoem, file: 'a', interactive: true, n: 1, deep: { x: [] }, no: null },
      '77',
      'a',
    ],
    ['with `name` and `json`', { ...noPoem, name: 'rain', json: 'keys/rain.json' }, '77', undefined],
    ['without user_id, which the token begins with', noId, '77', 'poems/rain.txt'],
    ['without user_id anywhere', { ...noId, oauth_token: 'HiddenAccess3' }, undefined, 'poems/rain.txt'],
    [
      'of Flickr, whose ids have a letter',
      { ...seed, oauth_token: 'HiddenAccess4', user_id: '12345678@N05' },
      '12345678@N05',
      'poems/rain.txt',
    ],
    ['with nothing but the secrets', secrets, '77', undefined],
  ];
  for (const [name, stored, userId, poemFile] of kin) {
    it(`of its kin is read: ${name}`, () => {
      const bundle = parseKeyBundle(json(stored), 'keys/rain.json');
      assert.deepEqual([bundle.userId, bundle.poemFile], [userId, poemFile]);
    });
  }

  it('is stored as flat JSON in the names of the first', () => {
    const text = formatKeyBundle(parseKeyBundle(json(seed), 'keys/rain.json'));
    assert.deepEqual(JSON.parse(text), seed);
    assert.ok(text.endsWith('}\n'));
    assert.equal(formatKeyBundle(parseKeyBundle(text, 'keys/rain.json')), text);
  });

  const mastodon = {
    server: 'https://mastodon.example',
    consumer_token: 'HiddenClient1',
    consumer_token_secret: 'HiddenClient2',
    oauth_token: 'HiddenAccess1',
    user_id: '01JDWQ5Y3H8Z',
    screen_name: 'rain@mastodon.example',
    poem_file: 'poems/rain.txt',
    provider: 'mastodon',
  };
  const bluesky = {
    server: 'https://pds.example',
    app_password: 'Hidd-enPa-sswo-rd12',
    user_id: 'did:plc:abcdefghijklmnopqrstuvwx',
    screen_name: 'rain.example',
    poem_file: 'poems/rain.txt',
    provider: 'bluesky',
  };
  const limits = { max_characters: '5000', characters_per_link: '23' };

  for (const [name, fields] of [
    ['Mastodon', mastodon],
    ['Mastodon, with the limits of its server', { ...mastodon, ...limits }],
    ['Bluesky', bluesky],
  ] as const)
    it(`for ${name} is stored as it is read`, () => {
      const bundle = parseKeyBundle(json(fields), 'keys/rain.json');
      assert.deepEqual(JSON.parse(formatKeyBundle(bundle)), fields);
      assert.equal(bundle.server, fields.server);
      assert.doesNotMatch(inspect(bundle, { depth: 9, showHidden: true }), /Hidd/);
    });

  it('for Mastodon gives the limits of its server', () => {
    const read = (more: object) =>
      parseKeyBundle(json({ ...mastodon, ...more }), 'keys/rain.json').textLimits;
    assert.deepEqual(read(limits), { maxCharacters: 5000, charactersPerLink: 23 });
    assert.deepEqual([read({}), read({ max_characters: '5000' })], [undefined, undefined]);
  });

  for (const [name, fields, message] of [
    ['Mastodon without a server', { ...mastodon, server: undefined }, /server is missing or not a string/],
    [
      'Mastodon over http',
      { ...mastodon, server: 'http://mastodon.example' },
      /server is not an https address/,
    ],
    ['Mastodon without a token', { ...mastodon, oauth_token: undefined }, /oauth_token is missing/],
    ['Mastodon without an id', { ...mastodon, user_id: undefined }, /user_id is/],
    [
      'Mastodon with a limit in words',
      { ...mastodon, max_characters: 'many' },
      /max_characters is not a number/,
    ],
    ['Bluesky without a password', { ...bluesky, app_password: '' }, /app_password is empty/],
    ['Bluesky with the handle as its id', { ...bluesky, user_id: 'rain.example' }, /user_id is not a DID/],
    ['Bluesky with the keys of X', { ...seed, provider: 'bluesky' }, /server is missing/],
  ] as const)
    it(`is refused: ${name}`, () => {
      assert.match(refusal(json(fields)).message, message);
    });

  it('written by a program that puts a byte order mark first is read', () => {
    assert.equal(parseKeyBundle(`\ufeff${json(seed)}`, 'keys/rain.json').userId, '77');
  });

  for (const field of Object.keys(secrets)) {
    const wrong: [name: string, value: unknown, message: RegExp][] = [
      ['missing', undefined, /is missing or not a string/],
      ['null', null, /is missing or not a string/],
      ['a number', 7, /is missing or not a string/],
      ['an object', { token: 'Hidden' }, /is missing or not a string/],
      ['empty', '', /is empty/],
      ['made of spaces', '  ', /has characters that no token has/],
      ['of two lines', 'Hidden\nHidden', /has characters that no token has/],
      ['a placeholder of letters', 'AAAAA', /is a placeholder/],
      ['a placeholder of words', 'YOUR_TOKEN_HERE', /is a placeholder/],
      ['another', 'insert-token', /is a placeholder/],
    ];
    for (const [name, value, message] of wrong) {
      it(`is refused where ${field} is ${name}`, () => {
        const { message: said } = refusal(json({ ...seed, [field]: value }));
        assert.match(said, new RegExp(`: ${field} `));
        assert.match(said, message);
      });
    }
  }

  for (const [field, value] of [
    ['user_id', ''],
    ['user_id', 77],
    ['user_id', 'Hidden'],
    ['screen_name', ''],
    ['screen_name', 7],
    ['poem_file', ''],
    ['poem_file', []],
    ['file', 7],
  ] as const) {
    it(`is refused where ${field} is ${json(value)}`, () => {
      assert.match(refusal(json({ ...seed, [field]: value })).message, new RegExp(`: ${field} `));
    });
  }

  it('is refused where its token is another account’s', () => {
    assert.match(
      refusal(json({ ...seed, user_id: '78' })).message,
      /belongs to the account 77, but user_id is 78/,
    );
  });

  for (const text of [
    '',
    ' ',
    'null',
    '[]',
    '"Hidden"',
    '7',
    '{}',
    json([seed]),
    '\0',
    '{"client_id":"Hidden"}',
  ]) {
    it(`is not ${json(text).slice(0, 40)}`, () => {
      refusal(text);
    });
  }

  it('is refused wherever it is cut, without a word of what it holds', () => {
    const text = json(seed);
    for (let length = 0; length < text.length; length++)
      assert.match(refusal(text.slice(0, length)).message, /not whole JSON/);
    for (const junk of ['}', ',', '{', 'HiddenConsumer1']) refusal(text + junk);
  });
});
