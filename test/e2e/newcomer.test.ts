import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';
import { authorizeAs } from '../../scripts/person.js';
import { tempFolder } from '../flock/temp-folder.ts';
import { cleanEnvironment, startCommand, terminalScript } from '../support/programs.ts';

const root = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/** A registry of npm packages that has this one alone. */
async function openRegistry(): Promise<{ url: string } & Disposable> {
  const folder = tempFolder();
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, root]);
  const manifest = z
    .looseObject({ name: z.string(), version: z.string() })
    .parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));
  const { name, version } = manifest;
  const tarball = readFileSync(path.join(folder, `${name}-${version}.tgz`));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const server = createServer(({ url = '' }, response) => {
    if (url.endsWith('.tgz')) {
      response.end(tarball);
      return;
    }
    response.statusCode = url === `/${name}` ? 200 : 404;
    const { bin } = manifest;
    const dist = { tarball: `${address()}/${name}.tgz`, integrity };
    const versions = { [version]: { name, version, bin, dist } };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }));
  });
  const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: address(), [Symbol.dispose]: () => void server.close() };
}

/** The user nobody, if the tests run as root. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const asNobody = isRoot ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : [];

/** An empty home of a user without rights. */
function openHome(): string {
  const home = tempFolder();
  chmodSync(home, 0o755);
  if (isRoot) chownSync(home, nobody, nobody);
  return home;
}

describe('a newcomer', () => {
  it('gets from nothing to a flock that posts, with the first 40 lines of the README as they are', async () => {
    const [, block = ''] = /```sh\n(.*?)```/s.exec(readme) ?? [];
    assert.ok(readme.slice(0, readme.indexOf(block) + block.length).split('\n').length <= 40);
    using registry = await openRegistry();
    const home = openHome();
    const env = cleanEnvironment({
      HOME: home,
      npm_config_registry: registry.url,
      npm_config_cache: path.join(home, '.npm'),
    });
    const bash = [...asNobody, 'bash', '--norc', '--noprofile', '-i'];
    const shell = startCommand(['python3', terminalScript, '160', ...bash], { cwd: home, env });
    const prompt = /\$ $/;
    let from = 0;
    /** Waits for what comes after all that was seen. */
    const shown = async (pattern: RegExp): Promise<string> => {
      const { end, 0: text } = await shell.matching(pattern, { from });
      from = end;
      return text;
    };
    await shown(prompt);
    for (const line of block.trimEnd().split('\n')) {
      shell.answer(line);
      if (line.startsWith('keymaker make-keys')) {
        await shown(/Make key for evensong\? \(y\/n\) /);
        // A person takes longer to read the question than the sandbox takes to start.
        while (!(await fetch('http://127.0.0.1:4010/').catch(() => undefined))) await sleep(100);
        shell.answer('y');
        const link = stripVTControlCharacters(await shown(/http\S+oauth_token\S+/));
        await shown(/PIN for evensong .*: /);
        shell.answer(await authorizeAs(link, 'evensong'));
        await shown(/evensong is @evensong /);
      }
      await shown(prompt);
    }
    const posts = await (await fetch('http://127.0.0.1:4010/')).text();
    assert.match(posts, /The lamp is lit\./);

    assert.match(readme, /`flockd run --listen 8787`/);
    shell.answer('flockd run --listen 8787');
    await shown(/shows the flock at http:\/\/127\.0\.0\.1:8787/);
    const page = await (await fetch('http://127.0.0.1:8787/')).text();
    assert.match(page, /The lamp is lit\./);
    shell.write('\u0003');
    await shown(/has stopped/);
    await shown(prompt);
    shell.answer('kill %1; wait; exit');
    await shell.exit;
    await assert.rejects(fetch('http://127.0.0.1:4010/'));
  });
});
