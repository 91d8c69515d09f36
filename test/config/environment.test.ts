import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  apiUrl,
  appKeys,
  appKeysIfSet,
  flockPaths,
  identityFile,
  serverApps,
  socketsWanted,
  wantsColor,
} from '../../src/config/environment.ts';
import { type Exit, FlockError } from '../../src/errors.ts';
import { Secret } from '../../src/text.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const ours =
  /^(CONSUMER_TOKEN(_SECRET)?(_FILE)?|KEYMAKER_(API_URL|IDENTITY_FILE)|FLOCKD_SOCKETS|STATE_DIRECTORY|CREDENTIALS_DIRECTORY|NO_COLOR|FORCE_COLOR|CLICOLOR_FORCE|TERM)$/;
let before: NodeJS.ProcessEnv = {};

beforeEach(() => {
  before = { ...process.env };
  for (const name of Object.keys(process.env)) if (ours.test(name)) Reflect.deleteProperty(process.env, name);
});
afterEach(() => {
  for (const name of Object.keys(process.env)) if (ours.test(name)) Reflect.deleteProperty(process.env, name);
  for (const [name, value] of Object.entries(before)) if (ours.test(name)) process.env[name] = value;
});

function refusal(read: () => unknown, exit: Exit = 'config'): FlockError {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof FlockError, String(error));
    assert.equal(error.exit, exit);
    assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /hidden/);
    return error;
  }
  return assert.fail('it was taken');
}

describe('the base of the API', () => {
  const good: [set: string | undefined, base: string][] = [
    [undefined, 'https://api.x.com'],
    ['', 'https://api.x.com'],
    ['https://api.example.com', 'https://api.example.com'],
    ['https://api.example.com/', 'https://api.example.com'],
    ['https://api.example.com/x//', 'https://api.example.com/x'],
    ['https://10.0.0.1:8443', 'https://10.0.0.1:8443'],
    ['http://127.0.0.1:4010', 'http://127.0.0.1:4010'],
    ['http://127.9.9.9', 'http://127.9.9.9'],
    ['http://localhost:4010/', 'http://localhost:4010'],
    ['http://LOCALHOST:4010', 'http://localhost:4010'],
    ['http://[::1]:4010', 'http://[::1]:4010'],
  ];
  for (const [set, base] of good) {
    it(`is ${base} for ${String(set)}`, () => {
      if (set !== undefined) process.env['KEYMAKER_API_URL'] = set;
      assert.equal(apiUrl(), base);
    });
  }

  for (const set of [
    'http://api.example.com',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://192.168.0.1:4010',
    'http://0.0.0.0:4010',
    'http://[::2]',
    'ftp://127.0.0.1',
    'file:///etc',
    'api.x.com',
    'not an address',
    'https://user@api.example.com',
    'https://user:hidden@api.example.com',
    'http://user:hidden@api.example.com',
    'https://api.example.com?key=hidden',
    'https://api.example.com/#x',
  ]) {
    it(`is not ${set}`, () => {
      process.env['KEYMAKER_API_URL'] = set;
      assert.ok(refusal(apiUrl).hint);
    });
  }
});

describe('the app keys', () => {
  const keysOf = (root: string): unknown => appKeysIfSet(root)?.reveal();
  const stored = JSON.stringify({ consumer_token: 'file-token', consumer_token_secret: 'hidden-file' });

  it('come from the environment, then its files, then apikeys.json', () => {
    const root = tempFolder({ 'apikeys.json': stored, token: ' mounted \n', secret: 'hidden-mounted\n' });
    assert.deepEqual(keysOf(root), { token: 'file-token', secret: 'hidden-file' });
    process.env['CONSUMER_TOKEN_FILE'] = path.join(root, 'token');
    process.env['CONSUMER_TOKEN_SECRET_FILE'] = path.join(root, 'secret');
    assert.deepEqual(keysOf(root), { token: 'mounted', secret: 'hidden-mounted' });
    process.env['CONSUMER_TOKEN'] = 'env';
    assert.deepEqual(keysOf(root), { token: 'env', secret: 'hidden-mounted' });
    process.env['CONSUMER_TOKEN_SECRET'] = 'hidden-env';
    assert.deepEqual(keysOf(root), { token: 'env', secret: 'hidden-env' });
  });

  it('are missing where nothing is set', () => {
    const root = tempFolder();
    assert.equal(keysOf(root), undefined);
    const error = refusal(() => appKeys(root));
    assert.match(error.message, /no app keys/);
    assert.match(error.hint ?? '', /apikeys\.json/);
  });

  it('set to nothing are not set', () => {
    process.env['CONSUMER_TOKEN'] = '';
    process.env['CONSUMER_TOKEN_SECRET'] = ' ';
    assert.deepEqual(keysOf(tempFolder({ 'apikeys.json': stored })), {
      token: 'file-token',
      secret: 'hidden-file',
    });
  });

  for (const [set, missing] of [
    ['CONSUMER_TOKEN', 'CONSUMER_TOKEN_SECRET'],
    ['CONSUMER_TOKEN_SECRET', 'CONSUMER_TOKEN'],
  ] as const) {
    it(`are refused where only ${set} is set, whatever apikeys.json says`, () => {
      process.env[set] = 'hidden';
      const error = refusal(() => appKeysIfSet(tempFolder({ 'apikeys.json': stored })));
      assert.match(error.message, new RegExp(`half of the app keys: ${missing} is not set`));
    });
  }

  it('are refused where a file of them cannot be used', () => {
    const root = tempFolder({ empty: '\n' });
    process.env['CONSUMER_TOKEN'] = 'env';
    for (const [file, message] of [
      ['empty', /CONSUMER_TOKEN_SECRET_FILE: .*empty is empty/],
      ['none', /CONSUMER_TOKEN_SECRET_FILE: cannot read .*none/],
      ['.', /CONSUMER_TOKEN_SECRET_FILE: cannot read/],
    ] as const) {
      process.env['CONSUMER_TOKEN_SECRET_FILE'] = path.join(root, file);
      assert.match(refusal(() => appKeysIfSet(root)).message, message);
    }
  });

  for (const text of [
    '',
    'hidden',
    '{"consumer_token":"hidden',
    '[]',
    '{"consumer_token":"hidden"}',
    stored.replace('hidden-file', ''),
  ]) {
    it(`are not ${JSON.stringify(text).slice(0, 50)} in apikeys.json`, () => {
      const error = refusal(() => appKeysIfSet(tempFolder({ 'apikeys.json': text })));
      assert.match(error.message, /apikeys\.json does not hold app keys/);
      assert.equal(error.cause, undefined);
    });
  }

  it('are refused where others can get at the file', () => {
    const root = tempFolder({ 'apikeys.json': stored, token: 'hidden', secret: 'hidden' });
    const file = path.join(root, 'apikeys.json');
    for (const mode of [0o640, 0o604, 0o644, 0o620]) {
      chmodSync(file, mode);
      const { message, hint } = refusal(() => appKeysIfSet(root), 'permission');
      assert.equal(message, `${file}: open to others (mode ${mode.toString(8)})`);
      assert.equal(hint, `chmod 600 ${file}`);
    }
    rmSync(file);
    symlinkSync('token', file);
    assert.match(refusal(() => appKeysIfSet(root), 'permission').message, /is a symbolic link/);
    process.env['CONSUMER_TOKEN_FILE'] = path.join(root, 'token');
    process.env['CONSUMER_TOKEN_SECRET_FILE'] = path.join(root, 'secret');
    chmodSync(path.join(root, 'secret'), 0o444);
    assert.match(
      refusal(() => appKeysIfSet(root), 'permission').message,
      /secret: open to others \(mode 444\)/,
    );
    process.env['CREDENTIALS_DIRECTORY'] = root;
    assert.deepEqual(keysOf(root), { token: 'hidden', secret: 'hidden' });
  });

  it('do not show', () => {
    process.env['CONSUMER_TOKEN'] = 'env';
    process.env['CONSUMER_TOKEN_SECRET'] = 'hidden';
    assert.doesNotMatch(JSON.stringify(appKeys(tempFolder())), /hidden|env/);
  });
});

describe('the posts under way at a time', () => {
  for (const [set, wanted] of [
    [undefined, 64],
    ['', 64],
    ['1', 1],
    ['1000', 1000],
  ] as const) {
    it(`are ${wanted} for ${String(set)}`, () => {
      if (set !== undefined) process.env['FLOCKD_SOCKETS'] = set;
      assert.equal(socketsWanted(), wanted);
    });
  }

  for (const set of ['0', '-1', '10001', '1e3', '64 ', 'many'])
    it(`are not ${set}`, () => {
      process.env['FLOCKD_SOCKETS'] = set;
      assert.match(refusal(socketsWanted).message, /must be a number from 1 to 10000/);
    });
});

/** A flock that is somewhere else. */
const flock = tempFolder();

describe('the places of a flock', () => {
  it('are below its root, or where the flags and systemd say', () => {
    const here = process.cwd();
    assert.deepEqual(flockPaths({}), {
      root: here,
      keys: path.join(here, 'keys'),
      state: path.join(here, 'state'),
      flockFile: path.join(here, 'flock.json'),
    });
    assert.equal(flockPaths({ root: flock, keys: 'k' }).keys, path.join(here, 'k'));
    process.env['STATE_DIRECTORY'] = '/var/lib/flockd:/var/lib/other';
    assert.equal(flockPaths({ root: flock }).state, '/var/lib/flockd');
    process.env['STATE_DIRECTORY'] = '';
    assert.equal(flockPaths({ root: flock }).state, path.join(flock, 'state'));
  });

  it('are nowhere where there is no folder, or something else in its place', () => {
    const file = path.join(tempFolder({ flock: '' }), 'flock');
    assert.match(
      refusal(() => flockPaths({ root: path.join(flock, 'none') })).message,
      /^there is no folder /,
    );
    assert.match(refusal(() => flockPaths({ root: file })).message, /is not a folder$/);
  });
});

describe("systemd's credentials", () => {
  it('hold the bundles where some are called keys_, and no other folder is named', () => {
    const here = process.cwd();
    const none = tempFolder({ 'keys.json': '', keys_howl: '', identity: '' });
    process.env['CREDENTIALS_DIRECTORY'] = none;
    assert.equal(flockPaths({}).keys, path.join(here, 'keys'));
    process.env['CREDENTIALS_DIRECTORY'] = path.join(none, 'nowhere');
    assert.equal(flockPaths({}).keys, path.join(here, 'keys'));
    for (const name of ['keys_howl.json', 'keys_howl.json.age']) {
      const some = tempFolder({ [name]: '' });
      process.env['CREDENTIALS_DIRECTORY'] = some;
      assert.equal(flockPaths({ root: flock }).keys, some);
      assert.equal(flockPaths({ keys: 'k' }).keys, path.join(here, 'k'));
    }
  });

  it('hold the identity, where the environment does not name another', () => {
    assert.equal(identityFile(), undefined);
    const folder = tempFolder({ identity: '' });
    process.env['CREDENTIALS_DIRECTORY'] = folder;
    assert.equal(identityFile(), path.join(folder, 'identity'));
    process.env['KEYMAKER_IDENTITY_FILE'] = 'own';
    assert.equal(identityFile(), path.resolve('own'));
    process.env['KEYMAKER_IDENTITY_FILE'] = '';
    process.env['CREDENTIALS_DIRECTORY'] = tempFolder();
    assert.equal(identityFile(), undefined);
  });
});

describe('colours', () => {
  const table: [set: NodeJS.ProcessEnv, onTerminal: boolean, elsewhere: boolean][] = [
    [{}, true, false],
    [{ TERM: 'xterm-256color' }, true, false],
    [{ TERM: 'dumb' }, false, false],
    [{ NO_COLOR: '' }, true, false],
    [{ NO_COLOR: '1' }, false, false],
    [{ NO_COLOR: '0' }, false, false],
    [{ FORCE_COLOR: '' }, true, false],
    [{ FORCE_COLOR: '1' }, true, true],
    [{ FORCE_COLOR: '3' }, true, true],
    [{ FORCE_COLOR: 'true' }, true, true],
    [{ FORCE_COLOR: '0' }, false, false],
    [{ FORCE_COLOR: 'false' }, false, false],
    [{ CLICOLOR_FORCE: '' }, true, false],
    [{ CLICOLOR_FORCE: '0' }, true, false],
    [{ CLICOLOR_FORCE: '1' }, true, true],
    [{ FORCE_COLOR: '1', TERM: 'dumb' }, true, true],
    [{ CLICOLOR_FORCE: '1', TERM: 'dumb' }, true, true],
    [{ FORCE_COLOR: '0', CLICOLOR_FORCE: '1' }, false, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1', CLICOLOR_FORCE: '1' }, false, false],
    [{ NO_COLOR: '', FORCE_COLOR: '1' }, true, true],
  ];
  for (const [set, onTerminal, elsewhere] of table) {
    const shown = Object.entries(set).map(([name, value]) => `${name}=${value ?? ''}`);
    const where = onTerminal ? (elsewhere ? 'everywhere' : 'on a terminal alone') : 'nowhere';
    it(`are welcome ${where} with ${shown.join(' ') || 'nothing set'}`, () => {
      Object.assign(process.env, set);
      assert.equal(wantsColor(true), onTerminal);
      assert.equal(wantsColor(false), elsewhere);
      assert.equal(wantsColor(undefined), elsewhere);
    });
  }
});

describe('the apps at servers of Mastodon', () => {
  const server = 'https://a.example';
  const app = { clientId: 'id', clientSecret: new Secret('hidden-app'), redirectUris: ['oob'] };
  const stored = (root: string): unknown => JSON.parse(readFileSync(path.join(root, 'apikeys.json'), 'utf8'));

  it('are kept in apikeys.json by host, beside all else in it', async () => {
    const others = { consumer_token: 'k', consumer_token_secret: 'hidden-secret', note: [1] };
    const root = tempFolder({ 'apikeys.json': JSON.stringify(others) });
    const apps = serverApps(root);
    assert.equal(apps.find(server), undefined);
    await apps.keep(server, app);
    await apps.keep('http://127.0.0.1:4010/mastodon', { ...app, redirectUris: ['oob', 'back'] });
    const inFile = { client_id: 'id', client_secret: 'hidden-app' };
    assert.deepEqual(stored(root), {
      ...others,
      servers: {
        'a.example': inFile,
        '127.0.0.1:4010/mastodon': { ...inFile, redirect_uris: ['oob', 'back'] },
      },
    });
    assert.equal(apps.find(server)?.clientSecret.reveal(), 'hidden-app');
    assert.deepEqual(apps.find('http://127.0.0.1:4010/mastodon')?.redirectUris, ['oob', 'back']);
    assert.deepEqual(appKeysIfSet(root)?.reveal(), { token: 'k', secret: 'hidden-secret' });
  });

  it('make a file of their own, private, which holds no app keys of X', async () => {
    const root = tempFolder();
    await serverApps(root).keep(server, app);
    assert.equal(statSync(path.join(root, 'apikeys.json')).mode & 0o777, 0o600);
    assert.equal(appKeysIfSet(root), undefined);
    assert.match(refusal(() => appKeys(root)).message, /no app keys/);
  });

  it('are not written over a file that cannot be read', async () => {
    const text = '{"servers": {"a.example": {"client_id": "hidden"}}}';
    const root = tempFolder({ 'apikeys.json': text });
    await assert.rejects(serverApps(root).keep(server, app), /apikeys\.json does not hold app keys/);
    assert.equal(readFileSync(path.join(root, 'apikeys.json'), 'utf8'), text);
    refusal(() => serverApps(root).find(server));
  });
});
