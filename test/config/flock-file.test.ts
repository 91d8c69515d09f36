import assert from 'node:assert/strict';
import { mkdirSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseFlockFile, readFlockFile } from '../../src/config/flock-file.ts';
import { FlockError } from '../../src/errors.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const rain = parseBotName('rain');
const lamp = parseBotName('lamp');

const defaults = {
  schedule: '0 9 * * *',
  timezone: 'UTC',
  spread: 0,
  missed: 'one',
  atEnd: 'loop',
  unit: 'line',
  refrain: 'join',
  settle: 300_000,
  account: undefined,
  paused: false,
  budget: {},
};

function check(error: unknown): FlockError {
  assert.ok(error instanceof FlockError, String(error));
  assert.equal(error.exit, 'config');
  assert.ok(error.hint !== undefined || error.cause !== undefined);
  return error;
}

/** What is wrong with a file, or with the first bot in it that something is wrong with. */
function refusal(text: string): FlockError {
  try {
    const { named, faultOf } = parseFlockFile(text, 'flock.json');
    const [fault] = named.flatMap((name) => faultOf(name) ?? []);
    if (fault) return check(fault);
  } catch (error) {
    return check(error);
  }
  return assert.fail('it was taken');
}

describe('the settings of a bot', () => {
  it('are the defaults where there is no file, or nothing in it', async () => {
    const none = await readFlockFile(path.join(tempFolder(), 'flock.json'));
    assert.deepEqual(none.settingsOf(rain), defaults);
    assert.deepEqual(none.named, []);
    assert.deepEqual(parseFlockFile('{}', 'flock.json').settingsOf(rain), defaults);
    assert.deepEqual(parseFlockFile('{"bots":{"rain":{}}}', 'flock.json').settingsOf(rain), defaults);
  });

  it('name the network, its server, and how a post looks there', () => {
    const own = {
      network: 'mastodon',
      server: 'https://mastodon.example/',
      visibility: 'private',
      language: 'pt-BR',
      contentWarning: 'weather',
      account: '@rain@mastodon.example',
    };
    const { settingsOf } = parseFlockFile(
      JSON.stringify({ language: 'en', bots: { rain: own } }),
      'flock.json',
    );
    const settings = settingsOf(rain);
    assert.deepEqual(
      { ...defaults, ...own, server: 'https://mastodon.example', account: 'rain@mastodon.example' },
      settings,
    );
    assert.deepEqual(settingsOf('howl' as typeof rain), { ...defaults, language: 'en' });
    for (const account of ['rain.bsky.social', '@rain', 'rain@127.0.0.1:4010'])
      assert.equal(
        parseFlockFile(JSON.stringify({ bots: { rain: { account } } }), 'flock.json').settingsOf(rain)
          .account,
        account.replace(/^@/, ''),
      );
  });

  it('are the flock’s, with the bot’s own on top', async () => {
    const settings = {
      $schema: 'https://example.com/flock.json',
      schedule: '*/30 * * * *',
      timezone: 'Europe/Berlin',
      spread: '20m',
      missed: 'all',
      settle: '90s',
      budget: { postsPerDay: 40, usdPerMonth: 12.5 },
      bots: {
        rain: { schedule: '0 0 7 * * mon', missed: 'skip', unit: 'stanza', account: '@Rain_1', paused: true },
        gone: {},
      },
    };
    const folder = tempFolder({ 'flock.json': `\ufeff${JSON.stringify(settings)}` });
    const flock = await readFlockFile(path.join(folder, 'flock.json'));
    const shared = {
      ...defaults,
      schedule: '*/30 * * * *',
      timezone: 'Europe/Berlin',
      spread: 1_200_000,
      missed: 'all',
      settle: 90_000,
    };
    const pick = (bot: typeof rain): object =>
      Object.fromEntries(Object.entries(flock.settingsOf(bot)).filter(([name]) => name in defaults));
    assert.deepEqual(pick(lamp), shared);
    assert.deepEqual(pick(rain), {
      ...shared,
      schedule: '0 0 7 * * mon',
      missed: 'skip',
      unit: 'stanza',
      account: 'Rain_1',
      paused: true,
    });
    assert.deepEqual(flock.named, ['rain', 'gone']);
  });

  it('are refused for a bad schedule each time, after however many good ones', () => {
    const good = Array.from({ length: 12_000 }, (_, n) => [
      `bot-${n}`,
      { schedule: `${n % 60} ${n % 24} * ${1 + (n % 12)} *` },
    ]);
    for (const fine of [good, [], good]) {
      const bots = Object.fromEntries([...fine, ['rain', { schedule: '61 9 * * *' }]]) as object;
      assert.match(refusal(JSON.stringify({ bots })).message, /"61"/);
      assert.doesNotThrow(() =>
        parseFlockFile(JSON.stringify({ bots: Object.fromEntries(fine) as object }), 'flock.json'),
      );
    }
  });

  it('of a bot with the name of a property of every object are its own', () => {
    const flock = parseFlockFile('{"bots":{"rain":{"paused":true}}}', 'flock.json');
    for (const name of ['constructor', '__proto__', 'valueof'])
      assert.equal(flock.settingsOf(parseBotName(name)).paused, false);
  });
});

describe('a bad setting is refused by its place', () => {
  const rows: [name: string, value: unknown, message: RegExp, hint?: RegExp][] = [
    [
      'a misspelt setting',
      { shedule: '0 9 * * *' },
      /unknown setting "shedule"/,
      /did you mean "schedule"\?/,
    ],
    ['another', { timeZone: 'UTC' }, /unknown setting "timeZone"/, /"timezone"/],
    ['one like no other', { colour: 'red' }, /unknown setting "colour"/, /the settings are schedule, /],
    [
      'a bot’s misspelt setting',
      { bots: { rain: { acount: 'x' } } },
      /unknown setting "bots\.rain\.acount"/,
      /"account"/,
    ],
    ['a setting of bots on the flock', { account: 'x' }, /unknown setting "account"/],
    [
      'a misspelt budget',
      { budget: { postPerDay: 1 } },
      /unknown setting "budget\.postPerDay"/,
      /"postsPerDay"/,
    ],
    ['a bot’s misspelt budget', { bots: { rain: { budget: { usd: 1 } } } }, /"bots\.rain\.budget\.usd"/],
    ['an hour that is none', { schedule: '0 25 * * *' }, /schedule: "25" is not a good hour/],
    [
      'a schedule of four fields',
      { bots: { rain: { schedule: '0 9 * *' } } },
      /bots\.rain\.schedule: .*not a cron expression/,
    ],
    ['a schedule that never comes', { schedule: '0 9 31 2 *' }, /schedule: .*never comes/],
    ['a schedule that is no text', { schedule: 9 }, /schedule: should be a cron expression/],
    ['no such zone', { timezone: 'Mars/Olympus' }, /timezone: "Mars\/Olympus" is not an IANA time zone/],
    ['a zone by its distance', { timezone: '+02:00' }, /timezone: "\+02:00" is not an IANA/],
    ['a zone that is no text', { timezone: 2 }, /timezone: should be an IANA/],
    ['a duration without a unit', { spread: '20' }, /spread: should be a duration/],
    ['a duration that is a number', { settle: 20 }, /settle: should be a duration/],
    ['a duration below nothing', { spread: '-5m' }, /spread: should be a duration/],
    ['a choice that is none', { missed: 'some' }, /missed: should be one of skip, one, all/],
    [
      'another choice',
      { bots: { rain: { unit: 'word' } } },
      /bots\.rain\.unit: should be one of line, stanza/,
    ],
    [
      'a budget below nothing',
      { budget: { usdPerMonth: -1 } },
      /budget\.usdPerMonth: should not be negative/,
    ],
    ['half a post', { budget: { postsPerDay: 1.5 } }, /budget\.postsPerDay: should be a whole number/],
    ['a budget in words', { budget: { usdPerMonth: '5' } }, /budget\.usdPerMonth: should be a number/],
    [
      'an account that is none',
      { bots: { rain: { account: 'rain on tin' } } },
      /bots\.rain\.account: should be a name such as/,
    ],
    ['a network that is none', { network: 'myspace' }, /network: should be one of x, mastodon, bluesky/],
    [
      'a server over http',
      { server: 'http://mastodon.example' },
      /server: should be the address of a server/,
    ],
    [
      'a server without its scheme',
      { server: 'mastodon.example' },
      /server: should be the address of a server/,
    ],
    ['a visibility that is none', { visibility: 'secret' }, /visibility: should be one of public, unlisted/],
    ['a language in words', { language: 'English' }, /language: should be a language such as "en"/],
    ['an empty content warning', { contentWarning: ' ' }, /contentWarning: should not be empty/],
    ['paused in words', { bots: { rain: { paused: 'yes' } } }, /bots\.rain\.paused: /],
    ['a name no bot has', { bots: { 'Rain.txt': {} } }, /bots\.Rain\.txt/],
    ['a list of bots', { bots: [] }, /bots: /],
    ['a list', [], /not an object of settings/],
    ['nothing', null, /not an object of settings/],
  ];
  for (const [name, value, message, hint] of rows) {
    it(name, () => {
      const error = refusal(JSON.stringify(value));
      assert.match(error.message, /^flock\.json: /);
      assert.match(error.message, message);
      assert.match(error.hint ?? '', hint ?? /./);
    });
  }
});

describe('what is wrong with one bot stops that bot alone', () => {
  const rows: [name: string, bots: string, stopped: string, message: RegExp][] = [
    [
      'its schedule',
      '"rain": {"schedule": "0 25 * * *"}',
      'rain',
      /bots\.rain\.schedule: "25" is not a good hour/,
    ],
    ['its zone', '"rain": {"timezone": "BST"}', 'rain', /bots\.rain\.timezone: "BST" is not an IANA/],
    ['its budget', '"rain": {"budget": {"postsPerDay": -1}}', 'rain', /bots\.rain\.budget\.postsPerDay/],
    [
      'a setting that is none',
      '"rain": {"shedule": "0 9 * * *"}',
      'rain',
      /unknown setting "bots\.rain\.shedule"/,
    ],
    ['a type', '"rain": {"paused": "yes"}', 'rain', /bots\.rain\.paused/],
    ['all of it', '"rain": 7', 'rain', /bots\.rain/],
    ['nothing in it', '"rain": null', 'rain', /bots\.rain/],
    [
      'a setting that comes twice',
      '"rain": {"unit": "line", "unit": "stanza"}',
      'rain',
      /"unit" comes twice/,
    ],
    ['a prototype', '"rain": {"__proto__": {"paused": true}}', 'rain', /"__proto__" is not a name/],
    ['the same bot twice', '"rain": {}, "rain": {"paused": true}', 'rain', /"rain" comes twice/],
    [
      'a name that is nearly its own',
      '"Rain": {"paused": true}',
      'rain',
      /bots\.Rain is not the name of a bot/,
    ],
    ['the name of its file', '"Rain!.txt": {"paused": true}', 'rain', /is not the name of a bot/],
    [
      'two names for it',
      '"rain": {}, "Rain": {"paused": true}',
      'rain',
      /bots\.Rain is another entry for rain/,
    ],
    [
      'one name written in two ways',
      '"caf\u00e9": {}, "cafe\u0301": {"paused": true}',
      'caf\u00e9',
      /is another entry for caf/,
    ],
    ['a name of signs', '"🌙": {"paused": true}', '-', /is not the name of a bot/],
  ];
  for (const [name, bots, stopped, message] of rows) {
    it(name, () => {
      const text = `{"missed": "all", "bots": {${bots}, "lamp": {"unit": "stanza"}}}`;
      const { settingsOf, faultOf, named } = parseFlockFile(text, 'flock.json');
      assert.deepEqual(named, [stopped, 'lamp']);
      assert.equal(settingsOf(lamp).unit, 'stanza');
      assert.equal(settingsOf(parseBotName('other')).missed, 'all');
      const bot = parseBotName(stopped);
      assert.throws(
        () => settingsOf(bot),
        (error: unknown) => error === faultOf(bot) && message.test(check(error).message),
      );
    });
  }

  it('but what stands at the top is wrong for all', () => {
    for (const text of [
      '{"timezone": "BST"}',
      '{"bots": []}',
      '{"bots": {}, "bots": {}}',
      '{"unit": "word", "bots": {}}',
    ])
      assert.throws(
        () => parseFlockFile(text, 'flock.json'),
        (error) => check(error).exit === 'config',
      );
  });

  it('and a hint says which zone was meant', () => {
    assert.equal(
      refusal('{"bots": {"rain": {"timezone": "BST"}}}').hint,
      'correct bots.rain.timezone in flock.json; did you mean "Europe/London"?',
    );
  });
});

it('a schedule may have any white space between its fields', () => {
  const text = '{"schedule": " 0\\t9 * *\\t\\t1-5 ", "bots": {"rain": {"schedule": "*/10\u00a0* * * *"}}}';
  const { settingsOf } = parseFlockFile(text, 'flock.json');
  assert.equal(settingsOf(lamp).schedule, '0 9 * * 1-5');
  assert.equal(settingsOf(rain).schedule, '*/10 * * * *');
});

describe('what could be a secret is refused by its place alone', () => {
  const secret = 'sx2mq0tvbn4ylr8kcjd7';
  const awkward = `Sx2mQ0tVbN4y+/=&%"'<\\Lr8KcJd7sx2m`;
  const rows: [name: string, value: (text: string) => unknown, message: RegExp, hint?: RegExp][] = [
    [
      'as a schedule',
      (text) => ({ schedule: text }),
      /^flock\.json: schedule: "…" is not a cron expression: /,
      /schedule/,
    ],
    [
      'in a schedule',
      (text) => ({ bots: { rain: { schedule: `0 9 * * ${text}` } } }),
      /^flock\.json: bots\.rain\.schedule: "…" is not a/,
    ],
    [
      'as a time zone',
      (text) => ({ timezone: text }),
      /^flock\.json: timezone: "…" is not an IANA time zone/,
      /timezone/,
    ],
    ['as a duration', (text) => ({ settle: text }), /^flock\.json: settle: should be a duration/],
    ['as a choice', (text) => ({ refrain: text }), /^flock\.json: refrain: should be one of /],
    [
      'as a setting',
      (text) => ({ [text]: 1 }),
      /^flock\.json:2:2: unknown setting "…"$/,
      /is not shown; the settings are schedule, /,
    ],
    [
      'as a bot’s setting',
      (text) => ({ bots: { rain: { [text]: 1 } } }),
      /^flock\.json:4:4: unknown setting "bots\.rain\.…"$/,
    ],
    [
      'as a setting of the budget',
      (text) => ({ budget: { [text]: 1 } }),
      /^flock\.json:3:3: unknown setting "budget\.…"$/,
    ],
    [
      'as a bot with a bad setting',
      (text) => ({ unit: 'line', bots: { [text]: { unit: 'word' } } }),
      /^flock\.json:4:3: bots\.…/,
      /is not shown; correct it in flock\.json/,
    ],
    [
      'as a provider',
      (text) => ({ providers: { [text]: {} } }),
      /^flock\.json:3:3: providers\.…: (is not the id|could be a secret)/,
    ],
  ];
  for (const [name, value, message, hint] of rows) {
    for (const text of [secret, awkward, secret.repeat(4)]) {
      it(`${name}: ${text}`, () => {
        const error = refusal(JSON.stringify(value(text), null, 1));
        assert.match(error.message, message);
        assert.match(error.hint ?? '', hint ?? /./);
        for (const said of [error.message, error.hint ?? ''])
          assert.doesNotMatch(said, /mq0t|lr8k|kcjd|bn4y/i, said);
      });
    }
  }

  it('as a name that comes twice', () => {
    assert.equal(refusal(`{"${secret}": 1,\n "${secret}": 2}`).message, 'flock.json:2:2: "…" comes twice');
  });

  it('after a byte order mark', () => {
    assert.match(refusal(`\ufeff{"${secret}": 1}`).message, /^flock\.json:1:2: unknown setting "…"$/);
  });

  it('but a bot may be called so', () => {
    const flock = parseFlockFile(`{"bots": {"${secret}": {"paused": true}}}`, 'flock.json');
    assert.deepEqual(flock.named, [secret]);
    assert.equal(flock.settingsOf(parseBotName(secret)).paused, true);
  });
});

it('has comments, and a comma after the last setting', () => {
  const flock = parseFlockFile('{\n  // once a day\n  "missed": "skip", /* or not */\n}', 'flock.json');
  assert.equal(flock.settingsOf(parseBotName('howl')).missed, 'skip');
});

describe('what is no JSON is refused by line and column', () => {
  const rows: [name: string, text: string, place: string][] = [
    ['two commas', '{\n  "missed": "one",,\n}', '2:19'],
    ['a comma too few', '{\n  "missed": "one"\n  "unit": "line"\n}', '3:3'],
    ['a word without quotes', '{\n  "missed": one,\n  "unit": "line"\n}', '2:13'],
    ['single quotes', "{\n  'missed': 1\n}", '2:3'],
    ['a colon too few', '{\n  "missed" "one"\n}', '2:12'],
    ['an end too early', '{\n  "missed": "one"', '2:18'],
    ['after a byte order mark', '\ufeff{"missed" "one"}', '1:11'],
    ['nothing', '', '1:1'],
  ];
  for (const [name, text, place] of rows) {
    it(name, () => {
      const error = refusal(text);
      assert.ok(error.message.startsWith(`flock.json:${place}: not JSON`), error.message);
    });
  }
});

describe('what is no file is refused', () => {
  it('a folder, and what is too large', async () => {
    const folder = tempFolder({ 'huge.json': '' });
    mkdirSync(path.join(folder, 'folder.json'));
    truncateSync(path.join(folder, 'huge.json'), 33 * 1024 * 1024);
    for (const [name, message] of [
      ['folder.json', /cannot read .*folder\.json: it is/],
      ['huge.json', /cannot read .*huge\.json: it is too large/],
    ] as const)
      await assert.rejects(readFlockFile(path.join(folder, name)), (error) => {
        assert.match(check(error).message, message);
        return true;
      });
  });
});

describe('a budget', () => {
  const refused: [budget: string, why: string][] = [
    ['{"usdPerMonth": 1e308}', 'budget.usdPerMonth: is too large'],
    ['{"postsPerDay": 1e18}', 'budget.postsPerDay: is too large'],
    ['{"postsPerDay": 1.5}', 'budget.postsPerDay: should be a whole number'],
    ['{"usdPerMonth": -1}', 'budget.usdPerMonth: should not be negative'],
  ];
  for (const [budget, why] of refused) {
    it(`is not ${budget}`, () => {
      assert.equal(refusal(`{"budget": ${budget}}`).message, `flock.json: ${why}`);
    });
  }

  it('has no nothing below nothing', () => {
    const { budget } = parseFlockFile('{"budget": {"usdPerMonth": -0, "postsPerDay": -0}}', 'flock.json');
    assert.ok(Object.is(budget.usdPerMonth, 0), 'it is -0');
    assert.ok(Object.is(budget.postsPerDay, 0), 'it is -0');
  });
});
