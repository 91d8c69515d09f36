/**
 * A daemon in a process of its own, to be killed: the real journal, requests and posting code, with short waits.
 *   node flock-process.js ROOT API DEADLINE SETTLE [KILL_AT]
 * DEADLINE and SETTLE are milliseconds.
 * KILL_AT n kills the process with SIGKILL right before its n-th touch of the disk or the network; an n that ends in `+`,
 * right after it. Every touch is one line on standard output; the process ends by itself when all bots have finished.
 */
import path from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { lockState } from '../../src/daemon/lock.ts';
import { loadFlock } from '../../src/flock/load.ts';
import { openSender } from '../../src/http/send.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { openStateFolder } from '../../src/ledger/folder.ts';
import { Journal } from '../../src/ledger/journal.ts';
import { EventLog } from '../../src/log.ts';
import { askTime, openX } from '../../src/networks/x/client.ts';
import { readPoem } from '../../src/poems/find.ts';
import { isFinished } from '../../src/ledger/cursor.ts';

const [, , root, api, deadlineText, settleText, killAt = ''] = process.argv;
const deadline = Number(deadlineText);
const settle = Number(settleText);

let touches = 0;

/** Runs one touch of the world outside, or dies before or after it. */
async function touch(name, act) {
  const n = ++touches;
  process.stdout.write(`${n} ${name}\n`);
  if (killAt === String(n)) process.kill(process.pid, 'SIGKILL');
  const result = await act();
  if (killAt === `${n}+`) process.kill(process.pid, 'SIGKILL');
  return result;
}

const touched = (folder) =>
  new Proxy(folder, {
    get: (target, name) => {
      const value = target[name];
      if (typeof value !== 'function' || name === Symbol.asyncDispose) return value;
      return (...args) => touch(`${String(name)} ${String(args[0] ?? '')}`, () => value.apply(target, args));
    },
  });

const state = path.join(root, 'state');
const lock = await lockState(state);
// Held to the end: without a use of it the lock would be collected as garbage.
process.once('exit', () => void lock);
const ledger = await Journal.open(touched(await openStateFolder(state)), { manyLines: 12 });
const sender = openSender({ deadline, sockets: 32 });
const send = (request) =>
  touch(`${request.method} ${new URL(request.url).pathname}`, () => sender.send(request));
const file = parseFlockFile('{"schedule":"* * * * * *","spread":"1s","atEnd":"stop"}', 'flock.json');
const settingsOf = (bot) => ({ ...file.settingsOf(bot), settle });
const flock = await loadFlock(root, new KeyStore(path.join(root, 'keys')), { ...file, settingsOf });
const daemon = new Daemon({
  ledger,
  clock: systemClock,
  log: new EventLog(),
  openX: openX(api, send, systemClock),
  askTime: askTime(api, send, systemClock),
  deadline,
  readPoem,
  writtenAt: () => undefined,
  brake: (why) => Promise.reject(new Error(why)),
  sockets: 64,
  isStopped: () => false,
  failed: (cause) => {
    console.error(cause);
    process.exit(70);
  },
});
daemon.update(flock);
setInterval(() => {
  const states = flock.bots.map(({ name }) => ledger.state(name));
  if (states.every((known) => known && isFinished(known.place) && !known.open)) process.exit(0);
}, 50);
