import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { openSender } from '../../src/http/send.ts';
import { type BlueskyPeer, blueskyContract } from '../contract/bluesky-account.ts';
import { ownPort } from '../support/own-port.ts';

const root = path.resolve(import.meta.dirname, '../..');
const packages = path.join(root, 'node_modules/.cache/peer-pds');

/** Starts @atproto/pds with a directory of its own. It ends with its standard input, and so with this process. */
async function startPds(): Promise<BlueskyPeer> {
  const data = await mkdtemp(path.join(tmpdir(), 'pds-'));
  const script = path.join(root, 'scripts/peers/pds/server.js');
  const call = [script, packages, String(await ownPort()), data];
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, call, { stdio: 'pipe' });
  let complaints = '';
  child.stderr.on('data', (part: Buffer) => (complaints += part.toString()));
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')])) as [
    unknown,
  ];
  assert.equal(typeof line, 'string', `@atproto/pds does not start: ${complaints}`);
  const addresses = JSON.parse(String(line)) as Pick<BlueskyPeer, 'server' | 'directory' | 'adminPassword'>;
  const sender = openSender({ deadline: 30_000, sockets: 16 });
  return {
    ...addresses,
    clock: systemClock,
    send: sender.send,
    async close() {
      await sender[Symbol.asyncDispose]();
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
      await rm(data, { recursive: true });
    },
  };
}

if (existsSync(path.join(packages, 'complete'))) blueskyContract('@atproto/pds', startPds);
else {
  const why = 'scripts/peers/pds/install has not installed the server';
  process.stderr.write(`test/peers/bluesky.test.ts: skipped, since ${why}\n`);
  describe("Bluesky's contract with @atproto/pds", { skip: why }, () => undefined);
}
