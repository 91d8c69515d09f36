import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { readWholeFlock } from '../../src/flock/load.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { tempFolder } from './temp-folder.ts';

const key = (id: number, fields: object = {}): string =>
  JSON.stringify({
    consumer_token: 'app',
    consumer_token_secret: 'hidden-app',
    oauth_token: `${id}-access`,
    oauth_token_secret: 'hidden-access',
    user_id: `${id}`,
    screen_name: `account_${id}`,
    ...fields,
  });

/** `rain @account_1 poems/rain.txt`, with `no key` where there is none; and why the others are none. */
async function read(files: Record<string, string>, settings: object = {}): Promise<[string[], string[]]> {
  const root = tempFolder(files);
  const flockFile = parseFlockFile(JSON.stringify(settings), 'flock.json');
  const { bots, invalidBots } = await readWholeFlock(root, new KeyStore(path.join(root, 'keys')), flockFile);
  return [
    bots.map(
      ({ name, account, bundle, poemFile }) =>
        `${name} ${account === undefined ? '?' : `@${account}`} ${path.relative(root, poemFile)}${bundle ? '' : ' no key'}`,
    ),
    invalidBots.map(({ bot, error }) => `${bot}: ${error.message.replaceAll(`${root}/`, '')}`),
  ];
}

describe('the whole flock', () => {
  it('is nobody where there is nothing', async () => {
    assert.deepEqual(await read({}), [[], []]);
  });

  it('is everybody with a key and every poem without one, by name', async () => {
    const files = {
      'poems/winter/Snow Ledger.txt': 'a',
      'poems/rain.txt': 'b',
      'poems/lamp.txt': 'c',
      'keys/rain.json': key(1),
    };
    const [bots, invalidBots] = await read(files, { bots: { 'snow-ledger': { account: '@snow' } } });
    assert.deepEqual(bots, [
      'lamp ? poems/lamp.txt no key',
      'rain @account_1 poems/rain.txt',
      'snow-ledger @snow poems/winter/Snow Ledger.txt no key',
    ]);
    assert.deepEqual(invalidBots, []);
  });

  it('takes a poem that a bot of another name reads for that bot’s', async () => {
    const files = { 'poems/lamp.txt': 'a', 'keys/rain.json': key(1, { poem_file: 'poems/lamp.txt' }) };
    assert.deepEqual(await read(files), [['rain @account_1 poems/lamp.txt'], []]);
  });

  it('does not plan the poem of a bundle that is bad', async () => {
    const files = { 'poems/rain.txt': 'a', 'poems/lamp.txt': 'b', 'keys/rain.json': '{' };
    const [bots, invalidBots] = await read(files);
    assert.deepEqual(bots, ['lamp ? poems/lamp.txt no key']);
    assert.match(invalidBots.join('\n'), /^rain: keys\/rain\.json: not whole JSON/);
  });

  it('leaves out a bot whose content warning leaves no room for a text at its server', async () => {
    const server = { provider: 'mastodon', server: 'https://mastodon.example', max_characters: '100' };
    const files = {
      'poems/rain.txt': 'a',
      'poems/lamp.txt': 'b',
      'keys/rain.json': key(1, {
        ...server,
        screen_name: 'rain@mastodon.example',
        characters_per_link: '23',
      }),
    };
    const settings = (length: number): object => ({
      network: 'mastodon',
      contentWarning: 'w'.repeat(length),
    });
    assert.deepEqual(await read(files, settings(100)), [
      ['lamp ? poems/lamp.txt no key'],
      ['rain: keys/rain.json: the contentWarning of flock.json leaves no room for a text'],
    ]);
    assert.deepEqual(await read(files, settings(99)), [
      ['lamp ? poems/lamp.txt no key', 'rain @rain@mastodon.example poems/rain.txt'],
      [],
    ]);
  });

  it('does not choose between poems of one name, unless a key has chosen', async () => {
    const files = { 'poems/rain.txt': 'a', 'poems/old/Rain.txt': 'b', 'poems/lamp.txt': 'c' };
    const [bots, invalidBots] = await read(files);
    assert.deepEqual(bots, ['lamp ? poems/lamp.txt no key']);
    assert.deepEqual(invalidBots, [
      'rain: poems/old/Rain.txt and poems/rain.txt would both be read by a bot called rain',
    ]);
    const withKey = { ...files, 'keys/rain.json': key(1, { poem_file: 'poems/rain.txt' }) };
    assert.deepEqual(await read(withKey), [
      ['lamp ? poems/lamp.txt no key', 'rain @account_1 poems/rain.txt'],
      [],
    ]);
  });
});
