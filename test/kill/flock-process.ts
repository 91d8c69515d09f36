/**
 * A daemon in a process of its own, to be killed: the real journal, requests and posting code, with short waits.
 *   node flock-process.mjs ROOT API DEADLINE SETTLE [KILL_AT]
 * DEADLINE and SETTLE are milliseconds. KILL_AT is a touch of the disk or the network, as `KillPoint` takes it. The process
 * ends by itself when all bots have finished.
 */
import path from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { parseFlockFile } from '../../src/config/flock-file.ts';
import { lockState } from '../../src/daemon/lock.ts';
import { loadFlock } from '../../src/flock/load.ts';
import type { Send } from '../../src/http/exchange.ts';
import { openSender } from '../../src/http/send.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { isFinished } from '../../src/ledger/state.ts';
import { openStateFolder, type StateFolder } from '../../src/ledger/folder.ts';
import { Journal } from '../../src/ledger/journal.ts';
import { timeOfX } from '../../src/networks/x/client.ts';
import { readPoem } from '../../src/poems/find.ts';
import { openDaemon } from '../support/daemon.ts';
import { KillPoint } from '../support/killed-process.ts';

const [, , root = '', api = '', deadlineText, settleText, killAt = ''] = process.argv;
const deadline = Number(deadlineText);
const settle = Number(settleText);
const point = new KillPoint(killAt);

const touched = (folder: StateFolder): StateFolder => ({
  path: folder.path,
  gather: () => point.call('gather', () => folder.gather()),
  read: (name) => point.call(`read ${name}`, () => folder.read(name)),
  append: (name, text) => point.call(`append ${name}`, () => folder.append(name, text)),
  sync: (name) => point.call(`sync ${name}`, () => folder.sync(name)),
  verify: (name) => point.call(`verify ${name}`, () => folder.verify(name)),
  rename: (from, to) => point.call(`rename ${from}`, () => folder.rename(from, to)),
  remove: (name) => point.call(`remove ${name}`, () => folder.remove(name)),
  syncNames: () => point.call('syncNames', () => folder.syncNames()),
  [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
});

const state = path.join(root, 'state');
const lock = await lockState(state);
// Without a reference to it the lock would be collected as garbage.
Object.assign(globalThis, { lock });
const ledger = await Journal.open(touched(await openStateFolder(state)), { manyLines: 12 });
const sender = openSender({ deadline, sockets: 32 });
const send: Send = (request) =>
  point.call(`${request.method} ${new URL(request.url).pathname}`, () => sender.send(request));
const file = parseFlockFile('{"schedule":"* * * * * *","spread":"1s","atEnd":"stop"}', 'flock.json');
const settingsOf: typeof file.settingsOf = (bot) => ({ ...file.settingsOf(bot), settle });
const flock = await loadFlock(root, new KeyStore(path.join(root, 'keys')), { ...file, settingsOf });
const daemon = openDaemon({
  ledger,
  clock: systemClock,
  send,
  api,
  askTime: () => timeOfX(api, send, systemClock),
  deadline,
  readPoem,
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
