import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { tempFolder } from '../flock/temp-folder.ts';
import { everySecond, linesOf, poem, TestFlock } from '../support/flock.ts';
import { ownPort } from '../support/own-port.ts';
import { type Running, startCommand } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** The instructions of the Dockerfile, each with what stands after its name. */
const instructions = readFileSync(path.join(root, 'scripts/container/Dockerfile'), 'utf8')
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => /^([A-Z]+) (.*)$/.exec(line) ?? [])
  .map(([line = '', name = '', text = '']) => ({ line, name, text }));
/** Those of the image itself, after the last FROM. */
const image = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
const textsOf = (name: string): string[] => image.filter((one) => one.name === name).map(({ text }) => text);

const words = z.array(z.string());
const call = (text: string): string[] => words.parse(JSON.parse(text.slice(text.indexOf('['))));
const [command = [], health = []] = ['CMD', 'HEALTHCHECK'].map((name) => call(textsOf(name)[0] ?? '[]'));

/** What the image copies, as it copies it. @returns the folder that is the image's `/opt` */
function layers(): string {
  const place = tempFolder();
  for (const text of textsOf('COPY')) {
    const [, source = '', target = ''] = /^--from=build \/source\/(\S+) \/opt\/(\S+)$/.exec(text) ?? [];
    mkdirSync(path.dirname(path.join(place, target)), { recursive: true });
    cpSync(path.join(root, source), path.join(place, target), { recursive: true, verbatimSymlinks: true });
  }
  return place;
}

const noBubblewrap =
  spawnSync('bwrap', ['--ro-bind', '/', '/', 'true']).status !== 0 && 'bubblewrap cannot run here';

describe('the container image', () => {
  it('says who runs it, where its flock is and how to ask for its health', () => {
    assert.deepEqual(textsOf('USER'), ['1000:1000']);
    assert.deepEqual(textsOf('VOLUME'), ['/flock']);
    assert.deepEqual(textsOf('WORKDIR'), ['/flock']);
    assert.deepEqual(health, ['flockd', 'healthcheck']);
    assert.ok(
      instructions.every(({ name }) => name !== ''),
      'a line is no instruction',
    );
    // A build that is not as the lock file says is none.
    assert.ok(instructions.some(({ name, text }) => name === 'RUN' && text.startsWith('npm ci ')));
  });

  it('copies only what is there', () => {
    for (const text of textsOf('COPY')) {
      const [, source = ''] = /\/source\/(\S+) /.exec(text) ?? [];
      assert.ok(existsSync(path.join(root, source)), source);
    }
    assert.ok(lstatSync(path.join(root, 'scripts/container/bin/flockd')).isSymbolicLink());
  });

  it('is run without rights by the compose file', () => {
    const file = z
      .object({ services: z.object({ flockd: z.record(z.string(), z.unknown()) }) })
      .parse(parse(readFileSync(path.join(root, 'scripts/container/compose.yaml'), 'utf8')));
    const { flockd } = file.services;
    assert.equal(flockd['read_only'], true);
    assert.deepEqual(flockd['cap_drop'], ['ALL']);
    assert.deepEqual(flockd['security_opt'], ['no-new-privileges:true']);
    assert.deepEqual(flockd['volumes'], ['./flock:/flock']);
    assert.equal(
      existsSync(path.join(root, 'scripts/container', '../..', 'scripts/container/Dockerfile')),
      true,
    );
  });
});

describe('the layout of the image, with a root that cannot be written', { skip: noBubblewrap }, () => {
  /** Runs a call as the image would, with the flock as its volume. */
  function contain(flock: TestFlock, opt: string, args: readonly string[]): Running {
    const links = ['bin', 'sbin', 'lib', 'lib64'].filter((name) => existsSync(`/${name}`));
    return flock.watch(
      startCommand(
        [
          'bwrap',
          ...[
            '--unshare-user',
            '--unshare-pid',
            '--unshare-ipc',
            '--as-pid-1',
            '--die-with-parent',
            '--cap-drop',
            'ALL',
          ],
          ...['--uid', '1000', '--gid', '1000', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
          ...[
            '--ro-bind',
            '/usr',
            '/usr',
            ...links.flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
          ],
          ...['--ro-bind', path.dirname(process.execPath), '/node', '--ro-bind', opt, '/opt'],
          ...['--bind', flock.root, '/flock', '--chdir', '/flock', '--remount-ro', '/'],
          ...['--clearenv', '--setenv', 'KEYMAKER_API_URL', flock.x.url],
          ...['--setenv', 'PATH', `/opt/keymaker/bin:/node:/usr/bin`],
          ...args,
        ],
        { cwd: flock.root, env: {} },
      ),
    );
  }

  it('posts, is healthy, and ends when it is stopped', async () => {
    const port = String(await ownPort());
    const here = (args: readonly string[]): string[] => args.map((word) => word.replace('8787', port));
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 60) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const opt = layers();
    const running = contain(flock, opt, here(command));
    await running.logged('posted');
    const asked = contain(flock, opt, [...health, '--listen', `127.0.0.1:${port}`]);
    assert.equal((await asked.exit).code, 0, asked.stderr);
    assert.match(asked.stdout, /flockd is ready/);
    // As a container's engine does: to the first process of the container, which is flockd itself.
    process.kill(
      Number(readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8')),
      'SIGTERM',
    );
    assert.equal((await running.exit).code, 0);
    const posted = flock.postsOf('heron');
    assert.deepEqual(posted, linesOf('heron', 60).slice(0, posted.length));
    assert.ok(posted.length > 0);
    // Without its daemon it is not healthy, as a container's engine has to know.
    const later = contain(flock, opt, [...health, '--listen', `127.0.0.1:${port}`]);
    assert.equal((await later.exit).code, 69);
  });
});
