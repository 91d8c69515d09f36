import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ownPort } from '../support/own-port.ts';

const program = path.resolve('node_modules/.cache/snac/usr/bin/snac');

/** Why there is no snac2 to test with, or false. */
export const noSnac = existsSync(program)
  ? false
  : 'snac2 is not there: scripts/peers/snac unpacks it from Debian';

/** A server of its own, which has the user anna. */
export interface Snac {
  /** Its address. */
  server: string;
  /** What anna's browser does with a link: she signs in, and copies the code. */
  signIn: (link: string) => Promise<string>;
  close: () => Promise<void>;
}

export async function startSnac(): Promise<Snac> {
  const folder = await mkdtemp(path.join(tmpdir(), 'snac-'));
  const port = await ownPort();
  const home = path.join(folder, 'home');
  const answers = `127.0.0.1\n${port}\n127.0.0.1:${port}\n\n\n`;
  execFileSync(program, ['init', home], { input: answers, stdio: ['pipe', 'ignore', 'pipe'] });
  const settings = path.join(home, 'server.json');
  const usual = JSON.parse(await readFile(settings, 'utf8')) as object;
  await writeFile(settings, JSON.stringify({ ...usual, protocol: 'http', disable_openbsd_security: true }));
  const added = execFileSync(program, ['adduser', home, 'anna'], { encoding: 'utf8', stdio: 'pipe' });
  const [, password = ''] = /password is (\S+)/.exec(added) ?? [];
  const daemon = spawn(program, ['httpd', home], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()));
  const lines = createInterface(daemon.stderr);
  const heard: string[] = [];
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      heard.push(line);
      if (line.includes('httpd start')) resolve();
    });
    void ended.then(() => reject(new Error(`snac ended: ${heard.join('\n')}`)));
  });
  const server = `http://127.0.0.1:${port}`;
  return {
    server,
    async signIn(link) {
      const page = await (await fetch(link)).text();
      const form = new URLSearchParams({ login: 'anna', passwd: password });
      for (const [, name = '', value = ''] of page.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g))
        form.set(name, value);
      assert.match(page, /action="[^"]*\/oauth\/x-snac-login"/);
      const answer = await fetch(`${server}/oauth/x-snac-login`, { method: 'POST', body: form });
      return answer.text();
    },
    async close() {
      daemon.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}
