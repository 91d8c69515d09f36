import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { z } from 'zod';
import { tempFolder } from '../flock/temp-folder.ts';
import { cleanEnvironment } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));

/** A user without rights, where the tests run as root. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

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
  const newcomer = (home: string) => (program: string, args: readonly string[]) => {
    const env = cleanEnvironment({
      HOME: home,
      PATH: `${home}/.local/bin:${process.env['PATH'] ?? ''}`,
      npm_config_offline: 'true',
      npm_config_cache: `${home}/.npm`,
    });
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: home,
      encoding: 'utf8',
      env,
      ...nobody,
    });
    return { status, stdout, stderr };
  };

  const home = (): string => {
    // npm installs into the nearest folder above that has a manifest.
    const folder = tempFolder({ 'package.json': '{}' });
    chmodSync(folder, 0o755);
    if (nobody.uid !== undefined)
      for (const place of [folder, path.join(folder, 'package.json')])
        chownSync(place, nobody.uid, nobody.gid);
    return folder;
  };

  it('are installed in one line by a user without rights, and run', () => {
    const run = newcomer(home());
    const installed = run('npm', ['install', '--global', '--prefix', '.local', files.keymaker]);
    assert.equal(installed.status, 0, installed.stderr);
    for (const name of ['keymaker', 'flockd'])
      assert.deepEqual(run(name, ['--version']), { status: 0, stdout: `${version}\n`, stderr: '' });
    assert.match(run('keymaker', ['make-keys', './poems']).stderr, /no app keys/);
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
