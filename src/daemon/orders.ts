import { randomBytes } from 'node:crypto';
import { watch } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import * as z from 'zod';
import { FlockError, messageOf, type Exit, exitCodes } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile } from '../files.ts';
import { order, type Order } from '../posting/order.ts';
import { postReport, type PostReport } from '../posting/post-report.ts';

/*
 * How a person's command reaches a running daemon: as a file in `state/orders`, which the daemon carries out and answers
 * by a file beside it. The ledger keeps its one writer, and an order given while nobody runs is not lost.
 */

/** What a person tells a running daemon: something about a bot, or to read its files again. */
export type DaemonOrder = Order | { order: 'reload' };

const daemonOrder = z.union([order, z.object({ order: z.literal('reload') })]);

const answer = z.object({
  done: z.boolean(),
  exit: z.enum(Object.keys(exitCodes) as [Exit, ...Exit[]]).optional(),
  message: z.string().optional(),
  hint: z.string().optional(),
  /** What an order to post has led to. */
  report: postReport.optional(),
});

type Answer = z.infer<typeof answer>;

/** Carries an order out. @returns what one to post has led to */
type CarryOut = (order: DaemonOrder) => Promise<PostReport | undefined>;

const largest = 4 * 1024 * 1024;
const folderOf = (state: string): string => path.join(state, 'orders');

/** Carries out the orders that come, oldest first. @returns the way to stop */
export async function takeOrders(state: string, carryOut: CarryOut): Promise<() => void> {
  const folder = folderOf(state);
  await fse.ensureDir(folder, { mode: 0o700 });
  let turn = Promise.resolve();
  const look = (): void => {
    turn = turn.then(() => carryOutAll(folder, carryOut)).catch(() => undefined);
  };
  const watcher = watch(folder, look);
  watcher.on('error', () => undefined);
  look();
  return () => {
    watcher.close();
  };
}

async function carryOutAll(folder: string, carryOut: CarryOut): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]+\.order$/.test(name)).sort();
  for (const name of names) {
    const file = path.join(folder, name);
    const outcome = await attempt(file, carryOut);
    await replaceFile(file.replace(/order$/, 'answer'), JSON.stringify(outcome));
    await rm(file, { force: true });
  }
}

async function attempt(file: string, carryOut: CarryOut): Promise<Answer> {
  try {
    const given: unknown = JSON.parse((await readRegularFile(file, largest)).toString('utf8'));
    const report = await carryOut(daemonOrder.parse(given));
    return { done: true, ...(report && { report }) };
  } catch (error) {
    if (!(error instanceof FlockError)) return { done: false, exit: 'data', message: messageOf(error) };
    const { exit, message, hint } = error;
    return { done: false, exit, message, ...(hint !== undefined && { hint }) };
  }
}

/** How long a running daemon may take to answer. Milliseconds. */
const patience = 30_000;

/**
 * Gives an order to the daemon that runs on a state folder, and waits until it is carried out.
 *
 * @returns what an order to post has led to
 * @throws {FlockError} what the daemon has against it; `tryLater` where it does not answer, `io` where it cannot be told
 */
export async function giveOrder(state: string, order: DaemonOrder): Promise<PostReport | undefined> {
  const folder = folderOf(state);
  // Later orders have later names.
  const name = `${Math.floor(performance.timeOrigin + performance.now())
    .toString(16)
    .padStart(12, '0')}${randomBytes(6).toString('hex')}`;
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    using answered = waitFor(folder, `${name}.answer`);
    await replaceFile(path.join(folder, `${name}.order`), JSON.stringify(order));
    await answered.there;
    return reportIn(await takeAnswer(path.join(folder, `${name}.answer`)));
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('io', `cannot tell flockd through ${folder}: ${reasonOf(cause)}`, {
      hint: 'run this as the one who runs flockd',
      cause,
    });
  }
}

async function takeAnswer(file: string): Promise<Answer> {
  const text = (await readRegularFile(file, largest)).toString('utf8');
  await rm(file, { force: true });
  return answer.parse(JSON.parse(text));
}

/** @throws {FlockError} what the daemon has against the order */
function reportIn({ done, exit, message, hint, report }: Answer): PostReport | undefined {
  if (done) return report;
  throw new FlockError(exit ?? 'data', message ?? 'flockd refused', hint === undefined ? {} : { hint });
}

interface Waiting extends Disposable {
  /** Resolves once the file is there. */
  there: Promise<void>;
}

function waitFor(folder: string, name: string): Waiting {
  const watcher = watch(folder);
  let timer: NodeJS.Timeout | undefined;
  const there = new Promise<void>((resolve, reject) => {
    watcher.on('change', (_, changed) => {
      if (changed === name) resolve();
    });
    watcher.on('error', reject);
    timer = setTimeout(() => {
      reject(
        new FlockError('tryLater', 'flockd runs but does not answer', {
          hint: 'the order stays; look at flockd status',
        }),
      );
    }, patience);
  });
  return {
    there,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
