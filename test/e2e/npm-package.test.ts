import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { z } from 'zod';
import { tempFolder } from '../flock/temp-folder.ts';
import { cleanEnvironment, type Environment } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));

/** A user without rights, where the tests run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

const appKeys = { CONSUMER_TOKEN: 'test-app-key', CONSUMER_TOKEN_SECRET: 'test-app-secret' };
const bundle = {
  consumer_token: 'test-app-key',
  consumer_token_secret: 'test-app-secret',
  oauth_token: '17-granite',
  oauth_token_secret: 'moss-and-slate',
  user_id: '17',
  screen_name: 'howl',
};

/** Makes a file or folder the newcomer's alone. */
function give(place: string, mode: number): void {
  chmodSync(place, mode);
  if (nobody.uid !== undefined) chownSync(place, nobody.uid, nobody.gid);
}

/** A folder that the newcomer may read and not write. */
function foreign(files: Record<string, string>): string {
  const folder = tempFolder(files);
  for (const name of Object.keys(files)) chmodSync(path.join(folder, name), 0o644);
  chmodSync(folder, 0o555);
  return folder;
}

describe('the npm packages', () => {
  const packages = tempFolder();
  const files = {
    keymaker: path.join(packages, `keymaker-${version}.tgz`),
    flockd: path.join(packages, `flockd-${version}.tgz`),
  };
  before(() => {
    const alias = tempFolder();
    execFileSync('node', ['scripts/release/alias.js', alias], { cwd: root });
    for (const folder of [root, alias])
      execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', packages, folder]);
    chmodSync(packages, 0o755);
  });

  /** Runs a program as a newcomer without rights, in a home of their own and without a network. */
  const newcomer =
    (home: string, { cwd = home, env: set = {} }: { cwd?: string; env?: Environment } = {}) =>
    (program: string, args: readonly string[]) => {
      const env = cleanEnvironment({
        HOME: home,
        PATH: `${home}/.local/bin:${process.env['PATH'] ?? ''}`,
        npm_config_offline: 'true',
        npm_config_cache: `${home}/.npm`,
        ...set,
      });
      const { status, stdout, stderr } = spawnSync(program, args, {
        cwd,
        encoding: 'utf8',
        env,
        ...nobody,
      });
      return { status, stdout, stderr };
    };

  const home = (): string => {
    // npm installs into the nearest folder above that has a manifest.
    const folder = tempFolder({ 'package.json': '{}' });
    give(folder, 0o755);
    give(path.join(folder, 'package.json'), 0o644);
    return folder;
  };

  it('are installed in one line by a user without rights, and run', () => {
    const run = newcomer(home());
    // The second time as an upgrade does.
    for (let time = 0; time < 2; time++) {
      const installed = run('npm', ['install', '--global', '--prefix', '.local', files.keymaker]);
      assert.equal(installed.status, 0, installed.stderr);
    }
    for (const name of ['keymaker', 'flockd'])
      assert.deepEqual(run(name, ['--version']), { status: 0, stdout: `${version}\n`, stderr: '' });
    assert.match(run('keymaker', ['make-keys', './poems']).stderr, /cannot read the poems folder/);
  });

  it('say what they may not write in the folder of somebody else, and what only root may do', () => {
    const own = home();
    const installed = newcomer(own)('npm', ['install', '--global', '--prefix', '.local', files.keymaker]);
    assert.equal(installed.status, 0, installed.stderr);
    const poem = 'The wind has one word\n';
    const withoutKeys = foreign({ 'poems/howl.txt': poem });
    const withKeys = foreign({ 'poems/howl.txt': poem, 'keys/howl.json': JSON.stringify(bundle) });
    // The keys alone are the newcomer's.
    give(path.join(withKeys, 'keys'), 0o700);
    give(path.join(withKeys, 'keys/howl.json'), 0o600);
    const calls: [folder: string, call: string, exit: number, says: RegExp][] = [
      [withoutKeys, 'keymaker init', 73, /cannot write .*flock\.json: permission denied\nhint: /],
      [withoutKeys, 'keymaker make-keys poems', 73, /cannot write .*keys: permission denied\nhint: .*--keys/],
      [withoutKeys, 'keymaker begin howl', 73, /cannot write .*keys: permission denied\nhint: /],
      [withKeys, 'flockd post howl', 74, /cannot write the state folder .*: permission denied\nhint: /],
      [withKeys, 'flockd run', 74, /cannot write the state folder .*: permission denied\nhint: /],
      [withKeys, 'flockd install .', 77, /must be run as root\nhint: sudo flockd install/],
    ];
    for (const [folder, call, exit, says] of calls) {
      const [program = '', ...args] = call.split(' ');
      const { status, stderr } = newcomer(own, { cwd: folder, env: appKeys })(program, args);
      assert.equal(status, exit, `${call}: ${stderr}`);
      assert.match(stderr, says);
    }
    assert.deepEqual(readdirSync(withoutKeys), ['poems']);
    assert.deepEqual(readdirSync(withKeys).sort(), ['keys', 'poems']);
    // So that they can be removed by others than root.
    for (const folder of [withoutKeys, withKeys]) chmodSync(folder, 0o755);
  });

  it('run once, without being installed', () => {
    const run = newcomer(home());
    for (const name of ['keymaker', 'flockd']) {
      const { status, stdout, stderr } = run('npx', [
        '--yes',
        '--package',
        files.keymaker,
        name,
        '--version',
      ]);
      assert.deepEqual([status, stdout], [0, `${version}\n`], stderr);
    }
  });

  it('have an alias by the name of the daemon', () => {
    const folder = home();
    const run = newcomer(folder);
    const installed = run('npm', ['install', '--no-audit', files.keymaker, files.flockd]);
    assert.equal(installed.status, 0, installed.stderr);
    const alias = path.join(folder, 'node_modules/flockd');
    for (const name of ['keymaker', 'flockd']) {
      const { stdout, stderr } = run(process.execPath, [path.join(alias, `${name}.js`), '--version']);
      assert.equal(stdout, `${version}\n`, stderr);
    }
    const bytes = readdirSync(alias).map((file) => statSync(path.join(alias, file)).size);
    assert.ok(bytes.reduce((sum, size) => sum + size, 0) < 2048);
  });

  it('have what a service needs, and no source', () => {
    const folder = tempFolder();
    execFileSync('tar', ['-xzf', files.keymaker, '-C', folder]);
    const manual = ['dist/manual/guide.md', 'dist/manual/images/keymaker.png'];
    const service = ['dist/flockd.js', 'dist/man/flockd.1', 'scripts/notify-fd'];
    for (const file of [...manual, ...service, 'LICENSE', 'README.md'])
      assert.ok(existsSync(path.join(folder, 'package', file)), file);
    assert.ok(!existsSync(path.join(folder, 'package/src')));
  });
});
