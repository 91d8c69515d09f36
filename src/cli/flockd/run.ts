import { z } from 'zod';
import { openContext, type Context } from '../../context.ts';
import { Daemon } from '../../daemon/daemon.ts';
import { lockState } from '../../daemon/lock.ts';
import { takeOrders } from '../../daemon/orders.ts';
import { openServiceManager, type ServiceManager } from '../../daemon/service-manager.ts';
import { watchdog } from '../../daemon/watchdog.ts';
import { FlockError, messageOf, type Exit } from '../../errors.ts';
import { readFlockFile } from '../../flock/flock-file.ts';
import { loadFlock, type Flock } from '../../flock/load-flock.ts';
import { nearest } from '../../flock/nearest.ts';
import { watchKeys } from '../../keys/watch-keys.ts';
import { openLog, type Logger } from '../../log.ts';
import { readPoem } from '../../poems/read-poems.ts';
import { Journal } from '../../posting/journal.ts';
import type { Ledger } from '../../posting/ledger.ts';
import { logged } from '../../posting/logged-ledger.ts';
import { noColor, serviceEnvironment } from '../../settings.ts';
import { command, placeFlags, placeSchema } from '../command.ts';

const concurrency = 64;

interface Parts {
  ledger: Ledger;
  log: Logger;
  manager: ServiceManager;
}

export const run = command({
  flags: placeFlags,
  examples: [['flockd run --root /srv/flock', 'post the poems of that flock']],
  schema: z.object({ ...placeSchema }),
  async run(args) {
    await using context = openContext(args);
    const service = serviceEnvironment();
    const log = openLog(process.stdout, { color: !noColor(), journal: service.journal });
    const manager = openServiceManager(service);
    // Node would open a debugger to anybody on this machine.
    process.on('SIGUSR1', () => {
      log.info({ event: 'signal' }, 'SIGUSR1 means nothing here');
    });
    manager.status('reads the flock');
    const flock = await readFlock(context, log);
    if (flock.bots.length === 0) throw nobodyToRun(context, flock);
    await using _lock = await lockState(context.paths.state);
    manager.status('reads the ledger');
    await using ledger = logged(await Journal.open(context.paths.state), log);
    return await runUntilStopped(context, flock, { ledger, log, manager });
  },
});

async function runUntilStopped(context: Context, flock: Flock, parts: Parts): Promise<Exit> {
  const { ledger, log, manager } = parts;
  const { clock, openX, deadline, keys, paths } = context;
  let failed: (cause: unknown) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => (failed = reject));
  const stopped = stopSignal();
  const daemon = new Daemon({ ledger, log, clock, openX, deadline, readPoem, concurrency, failed });
  const reload = (mayBeEmpty: boolean): Promise<void> => takeUpChanges(context, daemon, parts, mayBeEmpty);
  // A bundle that is taken away rests its bot, be it the last.
  const quietly = (): void => void reload(true).catch(() => undefined);
  const endings: (() => void)[] = [];
  try {
    log.info({ event: 'started', bots: flock.bots.length }, `runs ${countOf(flock.bots.length)}`);
    daemon.takeUp(flock);
    endings.push(watchKeys(keys.folder, quietly));
    // Away from a terminal it is the wish to read everything again; on one it is the terminal's end.
    if (!process.stdout.isTTY) process.on('SIGHUP', quietly);
    endings.push(
      await takeOrders(paths.state, (order) =>
        order.order === 'reload' ? reload(false) : daemon.carryOut(order),
      ),
    );
    endings.push(tellManager(daemon, paths.state, manager));
    const signal = await Promise.race([stopped, failure]);
    log.info({ event: 'stopping', signal }, `stops (${signal}): finishes what is under way`);
    return 'done';
  } finally {
    for (const end of endings) end();
    await drain(daemon, manager);
    log.info({ event: 'stopped' }, 'has stopped');
  }
}

/** How often `systemctl status` is told how the flock stands. Milliseconds. */
const statusEvery = 10_000;

/** Says that the flock runs, and goes on saying so while it does. @returns the way to stop */
function tellManager(daemon: Daemon, folder: string, manager: ServiceManager): () => void {
  const { watchdog: every } = manager;
  manager.ready(statusOf(daemon.glance()));
  const timer = setInterval(() => {
    manager.status(statusOf(daemon.glance()));
  }, statusEvery);
  const isProgressing = (): boolean => daemon.overdue() < (every ?? Infinity) / 2;
  const alive = (): void => {
    manager.alive();
  };
  const stop = every === undefined ? undefined : watchdog({ every, folder, isProgressing, alive });
  return () => {
    clearInterval(timer);
    stop?.();
  };
}

function statusOf({ bots, next, busy }: ReturnType<Daemon['glance']>): string {
  const when = next === undefined ? 'no slot ahead' : `next slot ${new Date(next).toISOString()}`;
  return `${countOf(bots)}, ${when}${busy > 0 ? `, ${busy} busy` : ''}`;
}

/** How much longer each time, while posts under way come to their end. Milliseconds. */
const more = 5_000;

/** Ends the daemon, and tells the manager that it takes as long as it does. */
async function drain(daemon: Daemon, manager: ServiceManager): Promise<void> {
  manager.stopping('finishes what is under way');
  const extend = (): void => {
    manager.extend(2 * more);
  };
  extend();
  const timer = setInterval(extend, more);
  await daemon.stop();
  clearInterval(timer);
}

/**
 * Reads everything again. What cannot be read changes nothing.
 *
 * @throws {FlockError} what is wrong, after it was logged
 */
async function takeUpChanges(
  context: Context,
  daemon: Daemon,
  { log, manager }: Parts,
  mayBeEmpty: boolean,
): Promise<void> {
  manager.reloading();
  try {
    const flock = await readFlock(context, log);
    if (flock.bots.length === 0 && !mayBeEmpty) throw nobodyToRun(context, flock);
    daemon.takeUp(flock);
    log.info({ event: 'reloaded', bots: daemon.glance().bots }, 'has read its files again');
  } catch (error) {
    const reason = messageOf(error);
    log.error({ event: 'reload-failed', reason }, `cannot read the flock (${reason}); goes on as it was`);
    throw error;
  } finally {
    manager.ready(statusOf(daemon.glance()));
  }
}

async function readFlock({ paths, keys }: Context, log: Logger): Promise<Flock> {
  const flockFile = await readFlockFile(paths.flockFile);
  const flock = await loadFlock(paths.root, keys, flockFile);
  const known = [...flock.bots.map(({ name }) => name), ...flock.misfits.map(({ bot }) => bot)];
  for (const bot of flockFile.named.filter((name) => !(known as string[]).includes(name))) {
    const meant = nearest(bot, known);
    const hint = meant === undefined ? 'it has no key bundle' : `did you mean ${meant}?`;
    log.warn({ event: 'unknown-bot', bot, hint }, `is in flock.json but not in the flock; ${hint}`);
  }
  if (flockFile.hasBudget) log.warn({ event: 'budget-ignored' }, 'the budget in flock.json is not kept yet');
  return flock;
}

/** Resolves with the first signal that asks the daemon to stop. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
    if (process.stdout.isTTY) process.once('SIGHUP', resolve);
  });
}

function nobodyToRun({ paths }: Context, { misfits }: Flock): FlockError {
  const [first] = misfits;
  if (!first) {
    return new FlockError('config', `no key bundles in ${paths.keys}`, {
      hint: 'make some first: keymaker make-keys ./poems',
    });
  }
  const others = misfits.length > 1 ? ` (and ${countOf(misfits.length - 1)} more)` : '';
  const { hint } = first.error;
  const isSame = misfits.every(({ error }) => error.exit === first.error.exit);
  return new FlockError(
    isSame ? first.error.exit : 'data',
    `no bot can post: ${first.error.message}${others}`,
    hint === undefined ? {} : { hint },
  );
}

const countOf = (bots: number): string => (bots === 1 ? '1 bot' : `${bots} bots`);
