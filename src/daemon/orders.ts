import { existsSync } from 'node:fs';
import { readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries, syncFolder } from '../fs.ts';
import type { Logger } from '../log.ts';
import type { WatchFolder } from '../watch.ts';
import { type Answer, attempt, type Execute, maxSize } from './control.ts';

/*
 * How clients of versions before the control socket send a command: as a file in `state/orders`. `NAME.order` is the command.
 * `NAME.taken` is being carried out: the daemon renames it first, so that no command is carried out twice, whatever fails or
 * dies after that. `NAME.answer` says what came of it, until the client has read it.
 *
 * The folder is removed at a start that finds nothing in it.
 */

/** How long such a client waits for its answer. Milliseconds. */
const clientTimeout = 30_000;

const folderName = 'orders';

/** By this clock orders have their names, later ones later names. Milliseconds since 1970. */
const now = (): number => Math.floor(performance.timeOrigin + performance.now());

interface Orders {
  folder: string;
  execute: Execute;
  log: Logger;
  closed: boolean;
}

/**
 * Carries out the commands that old clients send, oldest first, each at most once. What goes wrong on the way is logged.
 *
 * @returns the way to stop
 */
export async function receiveOrders(
  state: string,
  execute: Execute,
  log: Logger,
  watchFolder: WatchFolder,
): Promise<() => void> {
  const orders: Orders = { folder: path.join(state, folderName), execute, log, closed: false };
  const { folder } = orders;
  let stopInside: (() => void) | undefined;
  let turn = Promise.resolve();
  const look = (): void => {
    turn = turn.then(async () => {
      if (orders.closed || !existsSync(folder)) return;
      // Before it is read, so that nothing is missed that comes meanwhile.
      stopInside ??= watchFolder(folder, look);
      await tried(orders, 'look for orders', () => carryOutAll(orders));
    });
  };
  if (existsSync(folder)) {
    await tried(orders, 'tidy up the orders', () => tidyUp(orders));
    // It stays where anything is in it.
    await rmdir(folder).catch(() => undefined);
  }
  const stopWatching = watchFolder(state, (name) => {
    if (name === undefined || name === folderName) look();
  });
  look();
  return () => {
    orders.closed = true;
    stopInside?.();
    stopWatching();
  };
}

/** Orders that were under way when the last daemon died are answered, and what nobody waits for any more is removed. */
async function tidyUp(orders: Orders): Promise<void> {
  const { folder, log } = orders;
  await sweepTemporaries(folder);
  for (const name of await namesIn(folder, 'answer')) {
    if (askedAt(name) < now() - clientTimeout) await discard(orders, name, 'answer');
  }
  const answered = await namesIn(folder, 'answer');
  for (const name of await namesIn(folder, 'taken')) {
    if (answered.includes(name)) await discard(orders, name, 'taken');
    else {
      const { message: reason, hint } = perhaps;
      log.warn({ event: 'order-failed', reason, hint }, `${reason}; ${hint}`);
      await finish(orders, name, perhaps);
    }
  }
}

const perhaps = {
  done: false,
  exit: 'tryLater',
  message: 'flockd ended while it carried an order out, and cannot tell whether it did',
  hint: 'look at flockd status, then ask again if needed',
} as const satisfies Answer;

async function carryOutAll(orders: Orders): Promise<void> {
  for (const name of await namesIn(orders.folder, 'order')) {
    if (orders.closed) return;
    // What cannot be taken stays, and nothing is written that would wake the watcher for it.
    if (!(await tried(orders, 'take an order', () => take(orders, name)))) continue;
    await finish(orders, name, await attempt(() => readOrder(fileOf(orders, name, 'taken')), orders.execute));
  }
}

async function take(orders: Orders, name: string): Promise<void> {
  await rename(fileOf(orders, name, 'order'), fileOf(orders, name, 'taken'));
  // A power cut must not bring it back once it is carried out.
  await syncFolder(orders.folder);
}

/** An answer that cannot be written is one that the asker does not get: nothing is carried out again for it. */
async function finish(orders: Orders, name: string, outcome: Answer): Promise<void> {
  await tried(orders, 'answer an order', () =>
    replaceFile(fileOf(orders, name, 'answer'), JSON.stringify(outcome)),
  );
  await discard(orders, name, 'taken');
}

async function discard(orders: Orders, name: string, kind: Kind): Promise<void> {
  await tried(orders, `remove what is left of an order`, () =>
    rm(fileOf(orders, name, kind), { force: true }),
  );
}

/** Does what may fail without an end to the daemon. @returns whether it did not */
async function tried({ log, folder }: Orders, what: string, act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    const reason = reasonOf(error);
    log.error({ event: 'order-failed', reason }, `cannot ${what} in ${folder}: ${reason}`);
    return false;
  }
}

type Kind = 'order' | 'taken' | 'answer';

const fileOf = ({ folder }: Orders, name: string, kind: Kind): string => path.join(folder, `${name}.${kind}`);

/** The names of the orders of which there is such a file, oldest first. */
async function namesIn(folder: string, kind: Kind): Promise<string[]> {
  const files = await readdir(folder);
  return files.flatMap((file) => new RegExp(`^([0-9a-f]+)\\.${kind}$`).exec(file)?.[1] ?? []).sort();
}

const askedAt = (name: string): number => Number.parseInt(name.slice(0, 12), 16);

async function readOrder(file: string): Promise<unknown> {
  return JSON.parse((await readRegularFile(file, maxSize)).toString('utf8')) as unknown;
}
