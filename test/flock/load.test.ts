import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { loadFlock, withoutRenamed } from '../../src/flock/load.ts';
import { accountFault } from '../../src/keys/right-account.ts';
import { KeyStore } from '../../src/keys/store.ts';
import type { BotState } from '../../src/ledger/state.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { tempFolder } from './temp-folder.ts';

const stored = (fields: object = {}): string =>
  JSON.stringify({
    consumer_token: 'app',
    consumer_token_secret: 'hidden-app',
    oauth_token: '77-access',
    oauth_token_secret: 'hidden-access',
    user_id: '77',
    screen_name: 'rain',
    ...fields,
  });

interface Loaded {
  poems: Record<string, string>;
  invalidBots: Record<string, string>;
}

async function load(files: Record<string, string>, settings: object = {}): Promise<Loaded> {
  const root = tempFolder(files);
  const flockFile = parseFlockFile(JSON.stringify(settings), 'flock.json');
  const { bots, invalidBots } = await loadFlock(root, new KeyStore(path.join(root, 'keys')), flockFile);
  return {
    poems: Object.fromEntries(bots.map(({ name, poemFile }) => [name, path.relative(root, poemFile)])),
    invalidBots: Object.fromEntries(invalidBots.map(({ bot, error }) => [bot, error.message])),
  };
}

describe('who has a poem and no key', () => {
  it('is known by name, and what nobody reads by its file', async () => {
    const root = tempFolder({
      'poems/rain.txt': 'a',
      'poems/old/Rain.txt': 'a',
      'poems/lamp.txt': 'b',
      'poems/静夜思.txt': 'c',
      'poems/Twin.txt': 'd',
      'poems/twin.txt': 'e',
      'poems/🌙.txt': 'f',
      'keys/rain.json': stored({ poem_file: 'poems/rain.txt' }),
    });
    const keys = new KeyStore(path.join(root, 'keys'));
    const flock = await loadFlock(root, keys, parseFlockFile('{}', 'flock.json'));
    assert.deepEqual(
      flock.bots.map(({ name }) => name),
      ['rain'],
    );
    assert.deepEqual(
      flock.keyless.map(({ name }) => name),
      ['lamp', '静夜思'],
    );
    assert.deepEqual(
      flock.invalidBots.map(({ bot }) => bot),
      ['twin'],
    );
    assert.deepEqual(flock.passedOver.map(({ file }) => path.relative(root, file)).sort(), [
      'poems/old/Rain.txt',
      'poems/🌙.txt',
    ]);
  });

  it('has the name that the ledger knows from an older rule', async () => {
    const root = tempFolder({ 'poems/Long Breath (draft 2).txt': 'a' });
    const botsInLedger = (): Promise<Set<string>> => Promise.resolve(new Set(['long-breath--draft-2-']));
    const keys = new KeyStore(path.join(root, 'keys'), { botsInLedger });
    const { keyless } = await loadFlock(root, keys, parseFlockFile('{}', 'flock.json'));
    assert.deepEqual(
      keyless.map(({ name }) => name),
      ['long-breath--draft-2-'],
    );
  });
});

describe('a bot whose slots cannot be found', () => {
  it('is left out alone, whatever its settings looked like', async () => {
    const root = tempFolder({
      'poems/rain.txt': 'a',
      'poems/lamp.txt': 'b',
      'keys/rain.json': stored(),
      'keys/lamp.json': stored({ oauth_token: '78-access', user_id: '78' }),
    });
    const good = parseFlockFile('{}', 'flock.json');
    const settingsOf: typeof good.settingsOf = (bot) => ({
      ...good.settingsOf(bot),
      timezone: bot === 'rain' ? 'BST' : 'UTC',
    });
    const { bots, invalidBots } = await loadFlock(root, new KeyStore(path.join(root, 'keys')), {
      ...good,
      settingsOf,
    });
    assert.deepEqual(
      bots.map(({ name }) => name),
      ['lamp'],
    );
    assert.match(invalidBots[0]?.error.message ?? '', /^rain: no slots can be found for its schedule: /);
  });
});

describe('loading a flock', () => {
  it('is nobody where there are no keys, or no folders at all', async () => {
    assert.deepEqual(await load({ 'poems/rain.txt': 'a' }), { poems: {}, invalidBots: {} });
    assert.deepEqual(await load({}), { poems: {}, invalidBots: {} });
  });

  const rows: [name: string, files: Record<string, string>, poem: string][] = [
    [
      'its bundle names',
      { 'keys/rain.json': stored({ poem_file: 'poems/old/rain.txt' }), 'poems/old/rain.txt': 'a' },
      'poems/old/rain.txt',
    ],
    [
      'its bundle names, whatever its own name',
      {
        'keys/rain.json': stored({ poem_file: './poems/lamp.txt' }),
        'poems/lamp.txt': 'a',
        'poems/rain.txt': 'b',
      },
      'poems/lamp.txt',
    ],
    [
      'its bundle calls `file`',
      { 'keys/rain.json': stored({ file: 'poems/lamp.txt' }), 'poems/lamp.txt': 'a' },
      'poems/lamp.txt',
    ],
    [
      'has its name, where the bundle names none',
      { 'keys/rain.json': stored(), 'poems/deep/Rain.txt': 'a', 'poems/lamp.txt': 'b' },
      'poems/deep/Rain.txt',
    ],
    [
      'has its name, where the bundle names a place on another machine',
      { 'keys/rain.json': stored({ poem_file: '/srv/elsewhere/rain.txt' }), 'poems/rain.txt': 'a' },
      'poems/rain.txt',
    ],
  ];
  for (const [name, files, poem] of rows) {
    it(`gives a bot the poem that ${name}`, async () => {
      assert.deepEqual(await load(files), { poems: { rain: poem }, invalidBots: {} });
    });
  }

  const bad: [name: string, files: Record<string, string>, message: RegExp][] = [
    [
      'goes up out of the folder',
      { 'keys/rain.json': stored({ poem_file: '../secret.txt' }), 'poems/rain.txt': 'a' },
      /outside the flock's folder/,
    ],
    [
      'goes up in the middle',
      { 'keys/rain.json': stored({ poem_file: 'poems/../../secret.txt' }) },
      /outside the flock's folder/,
    ],
    [
      'is elsewhere, and nothing has the bot’s name',
      { 'keys/rain.json': stored({ poem_file: '/etc/passwd' }) },
      /outside the flock's folder/,
    ],
    ['is the folder itself', { 'keys/rain.json': stored({ poem_file: '.' }) }, /outside the flock's folder/],
    ['has a NUL in its name', { 'keys/rain.json': stored({ poem_file: 'poems/a\0b' }) }, /NUL/],
    [
      'is not named, and nothing has the bot’s name',
      { 'keys/rain.json': stored(), 'poems/lamp.txt': 'a' },
      /poem_file is missing/,
    ],
    [
      'is not named, and two have the bot’s name',
      { 'keys/rain.json': stored(), 'poems/rain.txt': 'a', 'poems/old/rain.txt': 'b' },
      /poem_file is missing/,
    ],
  ];
  for (const [name, files, message] of bad) {
    it(`refuses a poem that ${name}`, async () => {
      const { poems, invalidBots } = await load(files);
      assert.deepEqual(poems, {});
      assert.match(invalidBots['rain'] ?? '', message);
      assert.match(invalidBots['rain'] ?? '', /rain\.json/);
    });
  }

  it('leaves out whoever does not fit, and nobody else', async () => {
    const { poems, invalidBots } = await load(
      {
        'poems/a.txt': 'a',
        'poems/b.txt': 'b',
        'poems/c.txt': 'c',
        'keys/a.json': stored(),
        'keys/b.json': stored().slice(0, 80),
        'keys/c.json': stored({ screen_name: 'lamp' }),
        'keys/d.json': stored({ oauth_token_secret: 7 }),
        'keys/notes.md': 'not a key',
      },
      { bots: { c: { account: '@Rain' } } },
    );
    assert.deepEqual(poems, { a: 'poems/a.txt' });
    assert.deepEqual(Object.keys(invalidBots).sort(), ['b', 'c', 'd']);
    assert.match(invalidBots['c'] ?? '', /@lamp.*@Rain/);
    assert.doesNotMatch(JSON.stringify(invalidBots), /hidden/);
  });

  it('takes up thousands, whose bundles are read ahead, and leaves out who does not fit', async () => {
    const files: Record<string, string> = {};
    for (let bot = 0; bot < 5003; bot++) {
      const key = { user_id: `${bot + 1}`, oauth_token: `${bot + 1}-access`, poem_file: `poems/b${bot}.txt` };
      files[`keys/b${bot}.json`] = bot === 4000 ? stored(key).slice(0, 80) : stored(key);
    }
    const root = tempFolder(files);
    chmodSync(path.join(root, 'keys/b17.json'), 0o644);
    const keys = new KeyStore(path.join(root, 'keys'));
    const flock = await loadFlock(root, keys, parseFlockFile('{}', 'flock.json'));
    assert.equal(flock.bots.length, 5001);
    for (const { name, bundle } of flock.bots) assert.equal(`b${Number(bundle.userId) - 1}`, name);
    assert.deepEqual(
      flock.invalidBots.map(({ bot, error }) => [bot, error.exit]),
      [
        ['b17', 'permission'],
        ['b4000', 'data'],
      ],
    );
  });

  it('leaves out both of two bots that have one account, and nobody else', async () => {
    const files = { 'poems/ada.txt': 'a', 'poems/bea.txt': 'b', 'poems/cid.txt': 'c' };
    const other = stored({ oauth_token: '88-access', user_id: '88' });
    const keys = { 'keys/ada.json': stored(), 'keys/bea.json': stored(), 'keys/cid.json': other };
    const { poems, invalidBots } = await load({ ...files, ...keys });
    assert.deepEqual(Object.keys(poems), ['cid']);
    assert.match(invalidBots['ada'] ?? '', /same account as bea/);
    assert.match(invalidBots['bea'] ?? '', /same account as ada/);
  });

  describe('of several networks', () => {
    const ofMastodon = (fields: object = {}): string =>
      stored({ provider: 'mastodon', server: 'https://a.example', oauth_token: 'access', ...fields });
    const ofBluesky = stored({
      provider: 'bluesky',
      server: 'https://pds.example',
      app_password: 'hidden',
      user_id: 'did:plc:a',
    });
    const files = { 'poems/ada.txt': 'a', 'poems/bea.txt': 'b', 'poems/cid.txt': 'c', 'poems/dee.txt': 'd' };

    it('takes a bot by its key, and the same id at two servers for two accounts', async () => {
      const { poems, invalidBots } = await load({
        ...files,
        'keys/ada.json': stored(),
        'keys/bea.json': ofMastodon(),
        'keys/cid.json': ofMastodon({ server: 'https://b.example' }),
        'keys/dee.json': ofBluesky,
      });
      assert.deepEqual([Object.keys(poems), invalidBots], [['ada', 'bea', 'cid', 'dee'], {}]);
    });

    it('lets several bots read one poem', async () => {
      const poem = { poem_file: 'poems/ada.txt' };
      const { poems } = await load({
        ...files,
        'keys/ada.json': stored(poem),
        'keys/bea.json': ofMastodon(poem),
      });
      assert.deepEqual(poems, { ada: 'poems/ada.txt', bea: 'poems/ada.txt' });
    });

    it('leaves out a bot whose key is for another network or server than flock.json says', async () => {
      const { poems, invalidBots } = await load(
        {
          ...files,
          'keys/ada.json': stored(),
          'keys/bea.json': ofMastodon(),
          'keys/cid.json': ofMastodon({ user_id: '8' }),
        },
        {
          bots: {
            ada: { network: 'mastodon' },
            bea: { network: 'mastodon', server: 'https://b.example' },
            cid: { network: 'mastodon', server: 'https://a.example/' },
          },
        },
      );
      assert.deepEqual(Object.keys(poems), ['cid']);
      assert.match(invalidBots['ada'] ?? '', /ada\.json: the key is for X, but flock\.json says Mastodon$/);
      assert.match(
        invalidBots['bea'] ?? '',
        /the key is for a\.example, but flock\.json says https:\/\/b\.example$/,
      );
    });

    it('leaves out a key of a provider that flockd does not post to', async () => {
      const { invalidBots } = await load({ ...files, 'keys/ada.json': stored({ provider: 'flickr' }) });
      assert.match(invalidBots['ada'] ?? '', /the key is for flickr, and flockd does not post there/);
    });
  });

  it('takes the right account in any case', async () => {
    const files = { 'poems/rain.txt': 'a', 'keys/rain.json': stored() };
    const { invalidBots } = await load(files, { bots: { rain: { account: '@RAIN' } } });
    assert.deepEqual(invalidBots, {});
  });
});

describe('a bot that runs, whose bundle is encrypted to an identity that is not at hand', () => {
  const reload = async (
    change: (root: string) => void,
    settings: object = {},
  ): Promise<{ bots: unknown[]; invalidBots: string[] }> => {
    const root = tempFolder({ 'poems/rain.txt': 'a', 'keys/rain.json': stored() });
    const keys = new KeyStore(path.join(root, 'keys'));
    const before = await loadFlock(root, keys, parseFlockFile('{}', 'flock.json'));
    change(root);
    const flockFile = parseFlockFile(JSON.stringify(settings), 'flock.json');
    const { bots, invalidBots } = await loadFlock(root, keys, flockFile, before.bots);
    return {
      bots: bots.map(({ name, bundle, unopened }) => [name, bundle.userId, unopened !== undefined]),
      invalidBots: invalidBots.map(({ bot }) => bot),
    };
  };
  const seal = (root: string): void => {
    const file = path.join(root, 'keys/rain.json');
    writeFileSync(`${file}.age`, 'age-encryption.org/v1', { mode: 0o600 });
    rmSync(file);
  };

  it('keeps the key that it has', async () => {
    assert.deepEqual(await reload(seal), { bots: [['rain', '77', true]], invalidBots: [] });
  });

  it('keeps it while the bundle is there plain and encrypted, as it is while it is encrypted', async () => {
    const half = await reload((root) => {
      writeFileSync(path.join(root, 'keys/rain.json.age'), 'age-encryption.org/v1', { mode: 0o600 });
    });
    assert.deepEqual(half, { bots: [['rain', '77', true]], invalidBots: [] });
  });

  it('keeps it where the bundle is encrypted between the look at the folder and the reading', async () => {
    class Interrupted extends KeyStore {
      override async list(): ReturnType<KeyStore['list']> {
        const listed = await super.list();
        for (const { file } of listed) writeFileSync(`${file}.age`, 'age-encryption.org/v1', { mode: 0o600 });
        return listed;
      }
    }
    const root = tempFolder({ 'poems/rain.txt': 'a', 'keys/rain.json': stored() });
    const flockFile = parseFlockFile('{}', 'flock.json');
    const folder = path.join(root, 'keys');
    const before = await loadFlock(root, new KeyStore(folder), flockFile);
    const { bots, invalidBots } = await loadFlock(root, new Interrupted(folder), flockFile, before.bots);
    assert.deepEqual(invalidBots, []);
    assert.match(bots[0]?.unopened?.message ?? '', /are both there/);
  });

  it('takes no step where flock.json names another account now', async () => {
    const settings = { bots: { rain: { account: '@snow' } } };
    assert.deepEqual(await reload(seal, settings), { bots: [['rain', '77', true]], invalidBots: [] });
    const bot = {
      name: 'rain' as BotName,
      bundle: { userId: '77', screenName: 'rain' },
      settings: parseFlockFile(JSON.stringify(settings), 'flock.json').settingsOf('rain' as BotName),
    };
    assert.match(accountFault(bot, undefined)?.message ?? '', /@rain.*@snow/);
  });

  it('is left out where its bundle is damaged, and is nobody where it is gone', async () => {
    const file = (root: string): string => path.join(root, 'keys/rain.json');
    const damaged = await reload((root) => {
      writeFileSync(file(root), '{');
    });
    assert.deepEqual(damaged, { bots: [], invalidBots: ['rain'] });
    const gone = await reload((root) => {
      rmSync(file(root));
    });
    assert.deepEqual(gone, { bots: [], invalidBots: [] });
  });
});

describe('a bundle that still has the name that its bot had before', () => {
  const left = async (states: [string, Partial<BotState>][]): Promise<string[]> => {
    const root = tempFolder({ 'poems/rain.txt': 'a', 'keys/rain.json': stored() });
    const flockFile = parseFlockFile('{}', 'flock.json');
    const flock = await loadFlock(root, new KeyStore(path.join(root, 'keys')), flockFile);
    const place = { poem: 'aaaaaaaa', next: 0, ahead: [] };
    const whole = states.map(([bot, state]): [string, BotState] => [
      bot,
      { place, pass: 1, served: 0, posts: 0, ...state },
    ]);
    const { bots, invalidBots } = withoutRenamed(flock, whole);
    assert.equal(bots.length + invalidBots.length, 1);
    return invalidBots.map(({ error: { message, hint } }) => `${message}; ${hint}`);
  };

  it('is nobody’s, since the place in the ledger has the new one', async () => {
    assert.deepEqual(await left([['snow', { was: ['hail', 'rain'], account: '77' }]]), [
      'rain was renamed to snow, but its key bundle still has the old name; flockd rename rain snow renames that, too',
    ]);
    assert.equal((await left([['snow', { was: ['rain'] }]])).length, 1);
  });

  it('is a bot’s own where it has another account, has begun since, or nobody was called so', async () => {
    assert.deepEqual(await left([['snow', { was: ['rain'], account: '78' }]]), []);
    assert.deepEqual(
      await left([
        ['snow', { was: ['rain'] }],
        ['rain', {}],
      ]),
      [],
    );
    assert.deepEqual(await left([['snow', { was: ['hail'] }]]), []);
    assert.deepEqual(await left([]), []);
  });
});
