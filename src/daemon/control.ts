import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import pino from 'pino';
import * as z from 'zod';
import { type Exit, exitCodes, FlockError, messageOf } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries, syncFolder } from '../fs.ts';
import type { Logger } from '../log.ts';
import { command, type Command, postReport, type PostReport } from '../posting/commands.ts';
import { folderWatcher, type WatchFolder } from '../watch.ts';

/*
 * How a person's command reaches a running daemon: as a file in `state/orders`, which the daemon carries out and answers
 * by a file beside it. The ledger keeps its one writer, and an order given while nobody runs is not lost.
 *
 * `NAME.order` is given. `NAME.taken` is being carried out: the daemon renames it first, so that no order is carried out
 * twice, whatever fails or dies after that. `NAME.answer` says what came of it, until the asker has read it.
 */

/** How long a running daemon may take to answer. Milliseconds. */
const patience = 30_000;

/** What a person tells a running daemon: something about a bot, to read its files again, or to say to whom bundles may be encrypted. */
export type DaemonCommand = Command | { order: 'reload' } | { order: 'recipients' };

const daemonCommand = z.union([
  command,
  z.object({ order: z.literal('reload') }),
  z.object({ order: z.literal('recipients') }),
]);

const answer = z.object({
  done: z.boolean(),
  exit: z.enum(Object.keys(exitCodes) as [Exit, ...Exit[]]).optional(),
  message: z.string().optional(),
  hint: z.string().optional(),
  /** What an order to post has led to. */
  report: postReport.optional(),
  /** Whose bundles the daemon can open. */
  recipients: z.array(z.string()).optional(),
});

type Answer = z.infer<typeof answer>;

/** What an order has led to: a post, or the recipients that it asked for. */
export type Outcome = PostReport | { recipients: string[] } | undefined;

type CarryOut = (order: DaemonCommand) => Promise<Outcome>;

const maxSize = 4 * 1024 * 1024;
const folderOf = (state: string): string => path.join(state, 'orders');

/** By this clock orders have their names, later ones later names. Milliseconds since 1970. */
const now = (): number => Math.floor(performance.timeOrigin + performance.now());

interface Desk {
  folder: string;
  carryOut: CarryOut;
  log: Logger;
  closed: boolean;
}

/**
 * Carries out the orders that come, oldest first, each at most once. What goes wrong on the way is logged.
 *
 * @returns the way to stop
 */
export async function receiveCommands(
  state: string,
  carryOut: CarryOut,
  log: Logger = pino({ enabled: false }),
  watchFolder: WatchFolder = folderWatcher(),
): Promise<() => void> {
  const desk: Desk = { folder: folderOf(state), carryOut, log, closed: false };
  await fse.ensureDir(desk.folder, { mode: 0o700 });
  let turn = tried(desk, 'tidy up the orders', () => tidyUp(desk));
  const look = (): void => {
    turn = turn.then(() => tried(desk, 'look for orders', () => carryOutAll(desk)));
  };
  const stopWatching = watchFolder(desk.folder, look);
  look();
  return () => {
    desk.closed = true;
    stopWatching();
  };
}

/** Orders that were under way when the last daemon died are answered, and what nobody waits for any more is removed. */
async function tidyUp(desk: Desk): Promise<void> {
  const { folder, log } = desk;
  await sweepTemporaries(folder);
  for (const name of await namesIn(folder, 'answer')) {
    if (askedAt(name) < now() - patience) await discard(desk, name, 'answer');
  }
  const answered = await namesIn(folder, 'answer');
  for (const name of await namesIn(folder, 'taken')) {
    if (answered.includes(name)) await discard(desk, name, 'taken');
    else {
      const { message: reason, hint } = perhaps;
      log.warn({ event: 'order-failed', reason, hint }, `${reason}; ${hint}`);
      await finish(desk, name, perhaps);
    }
  }
}

const perhaps = {
  done: false,
  exit: 'tryLater',
  message: 'flockd ended while it carried an order out, and cannot tell whether it did',
  hint: 'look at flockd status, then ask again if needed',
} as const satisfies Answer;

async function carryOutAll(desk: Desk): Promise<void> {
  for (const name of await namesIn(desk.folder, 'order')) {
    if (desk.closed) return;
    // What cannot be taken stays, and nothing is written that would wake the watcher for it.
    if (!(await tried(desk, 'take an order', () => take(desk, name)))) continue;
    await finish(desk, name, await attempt(fileOf(desk, name, 'taken'), desk.carryOut));
  }
}

async function take(desk: Desk, name: string): Promise<void> {
  await rename(fileOf(desk, name, 'order'), fileOf(desk, name, 'taken'));
  // A power cut must not bring it back once it is carried out.
  await syncFolder(desk.folder);
}

/** An answer that cannot be written is one that the asker does not get: nothing is carried out again for it. */
async function finish(desk: Desk, name: string, outcome: Answer): Promise<void> {
  await tried(desk, 'answer an order', () =>
    replaceFile(fileOf(desk, name, 'answer'), JSON.stringify(outcome)),
  );
  await discard(desk, name, 'taken');
}

async function discard(desk: Desk, name: string, kind: Kind): Promise<void> {
  await tried(desk, `remove what is left of an order`, () => rm(fileOf(desk, name, kind), { force: true }));
}

/** Does what may fail without an end to the daemon. @returns whether it did not */
async function tried({ log, folder }: Desk, what: string, act: () => Promise<void>): Promise<boolean> {
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

const fileOf = ({ folder }: Desk, name: string, kind: Kind): string => path.join(folder, `${name}.${kind}`);

/** The names of the orders of which there is such a file, oldest first. */
async function namesIn(folder: string, kind: Kind): Promise<string[]> {
  const files = await readdir(folder);
  return files.flatMap((file) => new RegExp(`^([0-9a-f]+)\\.${kind}$`).exec(file)?.[1] ?? []).sort();
}

const nameFor = (instant: number): string =>
  `${instant.toString(16).padStart(12, '0')}${randomBytes(6).toString('hex')}`;

const askedAt = (name: string): number => Number.parseInt(name.slice(0, 12), 16);

async function attempt(file: string, carryOut: CarryOut): Promise<Answer> {
  try {
    const given: unknown = JSON.parse((await readRegularFile(file, maxSize)).toString('utf8'));
    const outcome = await carryOut(daemonCommand.parse(given));
    if (outcome === undefined) return { done: true };
    return 'recipients' in outcome ? { done: true, ...outcome } : { done: true, report: outcome };
  } catch (error) {
    if (!(error instanceof FlockError)) return { done: false, exit: 'data', message: messageOf(error) };
    const { exit, message, hint } = error;
    return { done: false, exit, message, ...(hint !== undefined && { hint }) };
  }
}

/** Takes back an order that nobody has answered. @throws {FlockError} always; what it says depends on whether it was taken */
async function withdraw(file: string, cause: unknown): Promise<never> {
  const isWithdrawn = await rm(file).then(
    () => true,
    () => false,
  );
  if (!isWithdrawn) throw cause;
  throw new FlockError('tryLater', 'flockd runs but does not answer: nothing was done', {
    hint: 'is it busy, or has it just ended? ask again',
    cause,
  });
}

/**
 * Gives an order to the daemon that runs on a state folder, and waits until it is carried out.
 *
 * @returns what an order to post has led to
 * @throws {FlockError} what the daemon has against it; `tryLater` where it does not answer, `io` where it cannot be told
 */
export const sendCommand = async (state: string, order: DaemonCommand): Promise<PostReport | undefined> =>
  (await answerTo(state, order)).report;

/** To whom bundles may be encrypted so that the daemon can open them. @throws {FlockError} as {@link sendCommand} */
export const askRecipients = async (state: string): Promise<string[]> =>
  (await answerTo(state, { order: 'recipients' })).recipients ?? [];

async function answerTo(state: string, order: DaemonCommand): Promise<Answer> {
  const folder = folderOf(state);
  const name = nameFor(now());
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    const file = path.join(folder, `${name}.order`);
    using answered = waitFor(folder, `${name}.answer`);
    const isThere = answered.there.catch((cause: unknown) => withdraw(file, cause));
    await Promise.all([isThere, replaceFile(file, JSON.stringify(order))]);
    const given = await takeAnswer(path.join(folder, `${name}.answer`));
    if (given.done) return given;
    const { exit = 'data', message = 'flockd refused', hint } = given;
    throw new FlockError(exit, message, hint === undefined ? {} : { hint });
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('io', `cannot tell flockd through ${folder}: ${reasonOf(cause)}`, {
      hint: 'run this as the one who runs flockd, and where its disk has room',
      cause,
    });
  }
}

async function takeAnswer(file: string): Promise<Answer> {
  const text = (await readRegularFile(file, maxSize)).toString('utf8');
  await rm(file, { force: true });
  return answer.parse(JSON.parse(text));
}

interface Waiting extends Disposable {
  /** Resolves once the file is there. */
  there: Promise<void>;
}

function waitFor(folder: string, name: string): Waiting {
  let stopWatching: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const there = new Promise<void>((resolve, reject) => {
    stopWatching = folderWatcher()(folder, () => {
      if (existsSync(path.join(folder, name))) resolve();
    });
    timer = setTimeout(() => {
      reject(
        new FlockError('tryLater', 'flockd runs but does not answer', {
          hint: 'it may be carried out all the same: look at flockd status before you ask again',
        }),
      );
    }, patience);
  });
  return {
    there,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      stopWatching();
    },
  };
}
