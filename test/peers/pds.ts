import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/clock.ts';
import { openSender } from '../../src/http/send.ts';
import type { BlueskyPeer } from '../contract/bluesky-account.ts';
import { ownPort } from '../support/own-port.ts';

const root = path.resolve(import.meta.dirname, '../..');
const packages = path.join(root, 'node_modules/.cache/peer-pds');

/** Why there is no @atproto/pds to test with, or false. */
export const noPds = existsSync(path.join(packages, 'complete'))
  ? false
  : 'scripts/peers/pds/install has not installed the server';

/**
 * Starts @atproto/pds with a directory of its own. It ends with its standard input, and so with this process.
 *
 * @param front - the port by which it is known, if a proxy stands before it
 */
export async function startPds(front?: number): Promise<BlueskyPeer & { port: number }> {
  const data = await mkdtemp(path.join(tmpdir(), 'pds-'));
  const script = path.join(root, 'scripts/peers/pds/server.js');
  const port = await ownPort();
  const call = [script, packages, String(port), data, String(front ?? port)];
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
    port,
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
