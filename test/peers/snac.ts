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

/** A server of its own. */
export interface Snac {
  /** Its address. */
  server: string;
  /** Where it listens. */
  port: number;
  /** What a person's browser does with a link: the person signs in, and copies the code. */
  signIn: (link: string, person?: string) => Promise<string>;
  close: () => Promise<void>;
}

/** @param front - the port by which it is known, if a proxy stands before it */
export async function startSnac(people: readonly string[] = ['anna'], front?: number): Promise<Snac> {
  const folder = await mkdtemp(path.join(tmpdir(), 'snac-'));
  const port = await ownPort();
  const host = `127.0.0.1:${front ?? port}`;
  const home = path.join(folder, 'home');
  const answers = `127.0.0.1\n${port}\n${host}\n\n\n`;
  execFileSync(program, ['init', home], { input: answers, stdio: ['pipe', 'ignore', 'pipe'] });
  const settings = path.join(home, 'server.json');
  const usual = JSON.parse(await readFile(settings, 'utf8')) as object;
  // Its workers would wait for each other while it sends posts to itself.
  const own = { protocol: 'http', disable_openbsd_security: true, num_threads: 32 };
  await writeFile(settings, JSON.stringify({ ...usual, ...own }));
  const passwords = new Map<string, string>();
  for (const person of people) {
    const added = execFileSync(program, ['adduser', home, person], { encoding: 'utf8', stdio: 'pipe' });
    passwords.set(person, /password is (\S+)/.exec(added)?.[1] ?? '');
  }
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
  const server = `http://${host}`;
  return {
    server,
    port,
    async signIn(link, person = 'anna') {
      const page = await (await fetch(link)).text();
      const form = new URLSearchParams({ login: person, passwd: passwords.get(person) ?? '' });
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
