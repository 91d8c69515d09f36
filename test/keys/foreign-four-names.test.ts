import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { json, keysIn, onlyKey, onlyRefusal, refusalsIn, without } from './foreign-found.ts';

const four = {
  consumer_key: 'HiddenApp1',
  consumer_secret: 'HiddenApp2',
  access_token: '77-HiddenAccess1',
  access_token_secret: 'HiddenAccess2',
};
const {
  consumer_key: key,
  consumer_secret: secret,
  access_token: token,
  access_token_secret: tokenSecret,
} = four;

/** The lines of a file, each a name and a value with a sign between them. */
const lines = (sign: string, record: Record<string, string> = four, indent = ''): string =>
  Object.entries(record)
    .map(([name, value]) => `${indent}${name}${sign}${value}\n`)
    .join('');
const named = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, at) => [name, Object.values(four)[at] ?? '']));
const renamed = (change: (name: string) => string): Record<string, string> =>
  named(...Object.keys(four).map(change));

/** Everything a key is made of, which the one key in a text must be. */
function assertIsThatKey(text: string, file?: string): void {
  const { bundle } = onlyKey(text, file);
  assert.deepEqual(bundle.appKeys.reveal(), { token: key, secret });
  assert.deepEqual(bundle.accessToken.reveal(), { token, secret: tokenSecret });
  assert.deepEqual([bundle.userId, bundle.provider], ['77', undefined]);
}

describe('the four values of a key', () => {
  const upper = renamed((name) => name.toUpperCase());
  const texts: Record<string, string> = {
    JSON: json(four),
    'JSON in camel case': json(named('consumerKey', 'consumerSecret', 'accessToken', 'accessTokenSecret')),
    'twitter-api-v2': json(named('appKey', 'appSecret', 'accessToken', 'accessSecret')),
    'X’s own names': json(named('API Key', 'API Secret Key', 'Access Token', 'Access Token Secret')),
    'python-twitter': json(
      named('consumer_key', 'consumer_secret', 'access_token_key', 'access_token_secret'),
    ),
    'OAuth’s names': json(
      named('oauth_consumer_key', 'oauth_consumer_secret', 'oauth_token', 'oauth_token_secret'),
    ),
    'requests-oauthlib': json(
      named('client_key', 'consumer_secret', 'resource_owner_key', 'resource_owner_secret'),
    ),
    'names in one word': json(named('consumerkey', 'consumersecret', 'accesstoken', 'accesstokensecret')),
    'JSON in parts': json({
      twitter: { consumer: { key, secret }, access: { token, secret: tokenSecret }, bearer_token: 'Hidden' },
    }),
    'a list': json([four]),
    'all that the console shows': json({
      ...four,
      bearer_token: 'Hidden',
      client_id: 'Hidden',
      client_secret: 'Hidden',
    }),
    YAML: lines(': '),
    botfriend: `name: A Bot\npublish:\n  twitter:\n${lines(': ', four, '    ')}`,
    'docker compose': `services:\n  bot:\n    environment:\n${lines('=', upper, '      - ')}`,
    INI: `; keys\n[main]\n${lines(' = ')}`,
    twarc: lines('=', { ...four, default_profile: 'main' }),
    feed2tweet: `[twitter]\n${lines('=')}[hashtaglist]\nseveral_words_hashtags_list=x.txt\n`,
    '.env': `# keys\n\n${lines('=', upper)}DEBUG=1\n`,
    exports: lines(
      '="',
      Object.fromEntries(Object.entries(upper).map(([n, v]) => [`export TWITTER_${n}`, `${v}" # a`])),
    ),
    'X_ and its other names': lines(
      '=',
      named('X_API_KEY', 'X_API_SECRET', 'X_ACCESS_TOKEN', 'X_ACCESS_TOKEN_SECRET'),
    ),
    'a prefix of each': lines(
      '=',
      named('X_API_KEY', 'X_API_SECRET', 'TWITTER_ACCESS_TOKEN', 'TWITTER_ACCESS_SECRET'),
    ),
    fish: lines(
      ' ',
      renamed((name) => `set -gx ${name.toUpperCase()}`),
    ),
    csh: lines(
      ' ',
      renamed((name) => `setenv ${name.toUpperCase()}`),
    ),
    systemd: lines(
      '=',
      renamed((name) => `Environment=${name.toUpperCase()}`),
    ),
    JavaScript: `module.exports = {\n${lines(": '", Object.fromEntries(Object.entries(four).map(([n, v]) => [n, `${v}',`])))}}\n`,
    Python: `import tweepy\n${lines(' = ')}auth = tweepy.OAuthHandler(consumer_key, consumer_secret)\n`,
    PHP: `<?php\nreturn [\n${lines(' => ', Object.fromEntries(Object.entries(four).map(([n, v]) => [`  '${n}'`, `'${v}',`])))}];\n`,
    'lines that end as on Windows': lines('=', upper).replaceAll('\n', '\r\n'),
  };
  for (const [name, text] of Object.entries(texts)) it(`are read: ${name}`, () => assertIsThatKey(text));

  it('are those of one bot of twitter_ebooks after the other', () => {
    const bot = (name: string, id: string): string =>
      `Bot.new("${name}") do |bot|\n  bot.access_token = "${id}-HiddenAccess1"\n  bot.access_token_secret = "HiddenAccess2"\nend\n`;
    const text = `class Bot < Ebooks::Bot\n  def configure\n    self.consumer_key = '${key}'\n    self.consumer_secret = '${secret}'\n  end\nend\n`;
    const keys = keysIn(`${text}${bot('rain', '77')}${bot('snow', '78')}`, 'bots.rb');
    assert.deepEqual(
      keys.map(({ title, bundle, mayBe }) => [title, bundle.userId, mayBe]),
      [
        ['bots.rb: rain', '77', ['rain']],
        ['bots.rb: snow', '78', ['snow']],
      ],
    );
  });

  it('of several accounts are several keys, with the app’s keys of their own or of all', () => {
    const other = { access_token: '78-HiddenAccess1', access_token_secret: 'HiddenAccess2' };
    const own = { consumer_key: 'HiddenOther1', consumer_secret: 'HiddenOther2' };
    const texts = [
      json({
        consumer_key: key,
        consumer_secret: secret,
        accounts: { rain: { ...four, screen_name: '@rain' }, snow: { ...own, ...other } },
      }),
      `[app]\n${lines('=', named('consumer_key', 'consumer_secret'))}[rain]\nscreen_name=rain\n${lines('=', named('x', 'x', 'access_token', 'access_token_secret'))}[snow]\n${lines('=', { ...own, ...other })}`,
      lines('=', {
        CONSUMER_KEY: key,
        CONSUMER_SECRET: secret,
        RAIN_ACCESS_TOKEN: token,
        RAIN_ACCESS_TOKEN_SECRET: tokenSecret,
        RAIN_SCREEN_NAME: 'rain',
        SNOW_CONSUMER_KEY: own.consumer_key,
        SNOW_CONSUMER_SECRET: own.consumer_secret,
        SNOW_ACCESS_TOKEN: other.access_token,
        SNOW_ACCESS_TOKEN_SECRET: other.access_token_secret,
      }),
    ];
    for (const text of texts) {
      assert.deepEqual(
        keysIn(text).map(({ bundle, mayBe }) => [
          bundle.userId,
          bundle.screenName,
          mayBe,
          bundle.appKeys.reveal().token,
        ]),
        [
          ['77', 'rain', ['rain'], key],
          ['78', undefined, ['snow'], 'HiddenOther1'],
        ],
      );
    }
  });

  it('that stand twice are one key', () => {
    assert.equal(keysIn(json({ default: four, rain: four })).length, 1);
  });

  it('are for the bot of the file’s name, unless that is a word for anything', () => {
    const mayBe = (file: string): unknown => onlyKey(json(four), file).mayBe;
    assert.deepEqual(mayBe('dir/rain.json'), ['rain']);
    assert.deepEqual(mayBe('.rain'), ['rain']);
    for (const file of ['dir/.env', 'config.json', 'secrets.yml', 'twitter.ini'])
      assert.deepEqual(mayBe(file), []);
  });

  it('are refused with the first of them that is wrong, by the name that the file has for it', () => {
    const cases: [change: Record<string, unknown>, message: RegExp][] = [
      [{ consumer_key: 'your_consumer_key' }, /^x: consumer_key is a placeholder/],
      [{ consumer_secret: '' }, /^x: consumer_secret is empty/],
      [{ access_token: 'HiddenAccess1' }, /^x: access_token does not begin with an account's id/],
      [{ access_token_secret: 7 }, /^x: access_token_secret is missing or not a string/],
      [{ access_token_secret: '${Hidden}' }, /^x: access_token_secret has characters that no token has/],
      [{ consumer_key: 'process.env.Hidden' }, /^x: consumer_key has characters/],
      [{ user_id: '78' }, /^x: oauth_token belongs to the account 77, but user_id is 78/],
    ];
    for (const [change, message] of cases) onlyRefusal(json({ ...four, ...change }), message, 'x');
    const upper = { ...renamed((name) => name.toUpperCase()), CONSUMER_KEY: '"Hidden' };
    onlyRefusal(lines('=', upper), /^x: consumer_key is missing/, 'x');
  });

  it('are refused with all that is missing', () => {
    const cases: [names: string[], message: RegExp][] = [
      [['consumer_key'], /^x: consumer_key is missing$/],
      [['access_token_secret'], /^x: access_token_secret is missing$/],
      [['consumer_key', 'consumer_secret'], /^x: consumer_key and consumer_secret are missing$/],
      [
        ['access_token', 'access_token_secret'],
        /^x: an app's keys alone, and no access token of an account$/,
      ],
    ];
    for (const [names, message] of cases) {
      const rest = names.reduce<Record<string, unknown>>(without, four);
      for (const more of [{}, { bearer_token: 'Hidden' }])
        onlyRefusal(json({ ...rest, ...more }), message, 'x');
    }
    onlyRefusal('X_API_KEY=Hidden1\nX_API_SECRET=Hidden2\nX_CALLBACK=https://a\n', /an app's keys alone/);
  });

  it('of an account without an app are refused beside a whole key', () => {
    const { access_token, access_token_secret } = four;
    const value = {
      rain: four,
      snow: { access_token: access_token.replace('77', '78'), access_token_secret },
    };
    assert.equal(keysIn(json(value)).length, 1);
    assert.deepEqual(refusalsIn(json(value), 'x'), ['x: snow: consumer_key and consumer_secret are missing']);
  });

  it('of another network are none of X', () => {
    const tumblr = renamed((name) => `TUMBLR_${name.toUpperCase()}`);
    onlyRefusal(lines('=', tumblr), /keys of tumblr, and only keys of X/);
    onlyRefusal(json({ publish: { mastodon: four } }), /keys of mastodon/);
    assertIsThatKey(
      lines('=', {
        ...tumblr,
        ...renamed((name) => `TWITTER_${name.toUpperCase()}`),
        OPENAI_API_KEY: 'Hidden',
      }),
    );
  });

  for (const [name, value] of Object.entries({
    'OAuth 2 with its app': {
      client_id: 'Hidden',
      client_secret: 'Hidden',
      access_token: 'Hidden',
      refresh_token: 'Hidden',
    },
    'OAuth 2 alone': { access_token: 'Hidden', refresh_token: 'Hidden', expires_in: 7200 },
  })) {
    it(`are not those of ${name}`, () => {
      onlyRefusal(json(value), /keys of OAuth 2/);
    });
  }

  for (const text of [
    'DISCORD_TOKEN=Hidden\n',
    'OPENAI_API_KEY=Hidden\n',
    'token: Hidden\n',
    '{"secret": "Hidden"}',
    'MONKEY=Hidden\n',
  ]) {
    it(`are not in ${text.trim()}`, () => {
      onlyRefusal(text, /no keys in a known format/);
    });
  }

  it('are never taken from JSON that is cut off', () => {
    const text = JSON.stringify(four, null, 2);
    for (let length = 1; length < text.length; length++) onlyRefusal(text.slice(0, length), /not whole JSON/);
  });

  it('are not looked for without end', () => {
    const deep = Array.from({ length: 500 }).reduce<unknown>((inner) => ({ a: inner }), four);
    assert.equal(keysIn(json({ deep })).length, 0);
    const many = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, n) => [`a${n}_access_token`, 'Hidden']),
    );
    assert.equal(keysIn(json(many)).length, 0);
  });
});
