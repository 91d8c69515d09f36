import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { flockFileSchema, parseFlockFile } from '../../src/config/flock-file.ts';
import { Address, alarmNames, type AlarmSettings } from '../../src/config/hooks.ts';
import { FlockError } from '../../src/errors.ts';

const read = (settings: unknown): AlarmSettings =>
  parseFlockFile(JSON.stringify(settings), 'flock.json').alarms;

function refusal(settings: unknown): string {
  try {
    read(settings);
  } catch (error) {
    assert.ok(error instanceof FlockError);
    assert.equal(error.exit, 'config');
    return `${error.message} | ${error.hint ?? ''}`;
  }
  return assert.fail('it was taken');
}

const webhook = 'https://hooks.example/b7c1d7f0-quiet-little-secret';
const run = ['/usr/local/bin/tell', 'me'];

describe('hooks and ping in flock.json', () => {
  it('are nobody where it says nothing', () => {
    assert.deepEqual(read({}), { hooks: [], ping: undefined });
  });

  it('are commands and webhooks, which have 10 seconds', () => {
    const { hooks, ping } = read({
      ping: 'https://hc.example/uuid',
      hooks: [
        { on: ['parked', 'silent'], run, timeout: '2m' },
        { on: ['finished'], post: webhook },
        { on: ['unfit'], post: 'http://127.0.0.1:8080/x', timeout: '1s' },
      ],
    });
    assert.equal(ping?.reveal(), 'https://hc.example/uuid');
    const [command, web, local] = hooks;
    assert.deepEqual(command, { on: ['parked', 'silent'], run, timeout: 120_000 });
    const addresses = [web, local].map((hook) => hook && 'url' in hook && hook.url.reveal());
    assert.deepEqual(addresses, [webhook, 'http://127.0.0.1:8080/x']);
    assert.deepEqual([web?.timeout, local?.timeout], [10_000, 1000]);
  });

  const services: [what: string, hook: object, refusal: RegExp][] = [
    [
      'a service that nobody knows',
      { to: 'pigeon' },
      /to: should be one of ntfy, slack, discord, telegram, email, webhook/,
    ],
    ['no address', { to: 'ntfy' }, /"ntfy" needs "url"/],
    ['no topic', { to: 'ntfy', url: 'https://ntfy.sh' }, /url: should end with a topic/],
    ['no chat', { to: 'telegram', token: '1:x' }, /"telegram" needs "chat"/],
    ['a token that is none', { to: 'telegram', token: 'x', chat: 1 }, /token: should be the token of a bot/],
    ['no recipient', { to: 'email' }, /"email" needs "address"/],
    ['a recipient that is none', { to: 'email', address: 'me' }, /address: should be an e-mail address/],
    [
      'a mail server that is none',
      { to: 'email', address: 'a@b.example', smtp: 'https://x' },
      /smtp: should be an address such as smtps:/,
    ],
    [
      'plain http to elsewhere',
      { to: 'slack', url: 'http://hooks.example/x' },
      /url: should be an https address/,
    ],
    [
      'a field of another service',
      { to: 'slack', url: webhook, chat: 1 },
      /hooks\.0\.chat: is not for "slack"/,
    ],
    ['two ways at once', { to: 'slack', url: webhook, run }, /has both "run" and "to"/],
    ['no way', {}, /should have "to", "run" or "post"/],
    ['a long time', { to: 'slack', url: webhook, timeout: '1m' }, /should be 10 seconds at most/],
  ];
  for (const [what, hook, pattern] of services) {
    it(`refuse ${what}, and show no secret`, () => {
      const text = refusal({ hooks: [{ on: ['parked'], ...hook }] });
      assert.match(text, pattern);
      assert.ok(!text.includes('quiet-little-secret'));
    });
  }

  it('leave the settings of bots as they are', () => {
    const flock = parseFlockFile(JSON.stringify({ ping: webhook, hooks: [] }), 'flock.json');
    const settings = flock.settingsOf('howl' as Parameters<typeof flock.settingsOf>[0]);
    assert.ok(!('ping' in settings) && !('hooks' in settings));
  });

  it('name the alarm that was meant', () => {
    assert.equal(
      refusal({ hooks: [{ on: ['parkd'], run }] }),
      'flock.json: hooks.0.on.0: "parkd" is no alarm; did you mean "parked"? | correct hooks.0.on.0 in flock.json',
    );
    assert.match(
      refusal({ hooks: [{ on: ['dinner'], run }] }),
      /"dinner" is no alarm; the alarms are parked, /,
    );
    assert.match(refusal({ hooks: [{ on: [7], run }] }), /hooks\.0\.on\.0: the alarms are parked, /);
  });

  it('name the setting that was meant', () => {
    assert.match(
      refusal({ hooks: [{ on: ['parked'], run, timout: '10s' }] }),
      /unknown setting "hooks\.0\.timout" \| did you mean "timeout"\?/,
    );
  });

  it('are refused where they cannot work', () => {
    const on = ['parked'];
    const cases: [unknown, RegExp][] = [
      [{ on }, /hooks\.0: should have "to", "run" or "post"/],
      [{ on, run, post: webhook }, /hooks\.0: has both "run" and "post"/],
      [{ on, run: [] }, /hooks\.0\.run: names no command/],
      [{ on, run: 'tell me' }, /hooks\.0\.run: should be a list/],
      [{ on, run: [''] }, /hooks\.0\.run\.0: is empty/],
      [{ on, run: ['a\0b'] }, /hooks\.0\.run\.0: has a NUL/],
      [{ on: [], run }, /hooks\.0\.on: names no alarm/],
      [{ run }, /hooks\.0\.on: should be a list of alarms/],
      [{ on, run, timeout: '10' }, /hooks\.0\.timeout: should be a duration/],
      [{ on, run, timeout: '0s' }, /hooks\.0\.timeout: should be a second at least/],
      [{ on, run, timeout: '1d' }, /hooks\.0\.timeout: should be 10 minutes at most/],
      [
        { on, post: webhook, timeout: '11s' },
        /hooks\.0\.timeout: should be 10 seconds at most for a webhook or a service/,
      ],
      ['tell', /hooks\.0: should be an object with "on" and "to", "run" or "post"/],
    ];
    for (const [hook, pattern] of cases) assert.match(refusal({ hooks: [hook] }), pattern);
    assert.match(refusal({ hooks: { on, run } }), /hooks: should be a list of hooks/);
    assert.match(refusal({ hooks: Array(21).fill({ on, run }) }), /hooks: should be 20 hooks at most/);
  });

  it('never repeat an address', () => {
    const wrong = [
      'http://hooks.example/quiet-secret',
      'https://me:quiet-secret@hooks.example/',
      'ftp://quiet-secret.example',
      'quiet-secret',
      'file:///quiet-secret',
      ['https://quiet-secret.example'],
    ];
    for (const address of wrong) {
      for (const settings of [{ ping: address }, { hooks: [{ on: ['parked'], post: address }] }]) {
        const said = refusal(settings);
        assert.match(said, /(ping|hooks\.0\.post): should be an (https )?address/);
        assert.doesNotMatch(said, /quiet-secret|example/);
      }
    }
  });
});

describe('the JSON Schema', () => {
  it('tells editors of hooks and their alarms', () => {
    const { properties } = flockFileSchema() as {
      properties: {
        ping: { type: string; description: string };
        hooks: { items: { properties: { on: { items: { enum: string[] } }; run: object; post: object } } };
      };
    };
    assert.equal(properties.ping.type, 'string');
    assert.ok(properties.ping.description.length > 0);
    assert.deepEqual(properties.hooks.items.properties.on.items.enum, [...alarmNames]);
  });
});

describe('an address', () => {
  it('cannot be printed by accident', () => {
    const address = new Address('https://hc.example/uuid');
    for (const text of [String(address), JSON.stringify({ address }), inspect({ address }, { depth: 9 })])
      assert.doesNotMatch(text, /example|uuid/);
    assert.equal(address.reveal(), 'https://hc.example/uuid');
  });
});
