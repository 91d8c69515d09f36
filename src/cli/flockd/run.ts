import * as z from 'zod';
import { Alarms } from '../../alarm/alarms.ts';
import { openContext, type Context } from '../../context.ts';
import { Daemon } from '../../daemon/daemon.ts';
import { lockState } from '../../daemon/lock.ts';
import { watchStopSwitch } from '../../daemon/stop-switch.ts';
import { takeOrders } from '../../daemon/orders.ts';
import { openServiceManager, type ServiceManager } from '../../daemon/service-manager.ts';
import { watchdog } from '../../daemon/watchdog.ts';
import { FlockError, messageOf, type Exit } from '../../errors.ts';
import { readFlockFile, type FlockFile } from '../../flock/flock-file.ts';
import { loadFlock, type Flock } from '../../flock/load-flock.ts';
import { nearest } from '../../flock/nearest.ts';
import { watchKeys } from '../../keys/watch-keys.ts';
import { openLog, type Logger } from '../../log.ts';
import { couldBeSecret, shown } from '../../quoted.ts';
import { readPoem } from '../../poems/read-poems.ts';
import { Journal } from '../../posting/journal.ts';
import type { Ledger } from '../../posting/ledger.ts';
import { logged } from '../../posting/logged-ledger.ts';
import { reportOf } from '../../posting/post-report.ts';
import { serviceEnvironment, wantsColor } from '../../settings.ts';
import { Monitor } from '../../monitor/monitor.ts';
import { callsAs, hintAs, type GivenPlaces } from '../calls-as.ts';
import { command, placeFlags, placeSchema } from '../command.ts';
import { monitorFlags, monitorOptions, monitorSchema } from '../monitor-flags.ts';
import { version } from '../version.ts';
import { Live } from './live.ts';

const concurrency = 64;

interface Parts {
  alarms: Alarms;
  ledger: Ledger;
  live: Live;
  log: Logger;
  manager: ServiceManager;
  monitor: Monitor;
  /** Where the person said that the flock is. */
  places: GivenPlaces;
}

export const run = command({
  flags: { ...monitorFlags, ...placeFlags },
  examples: [
    ['flockd run --root /srv/flock', 'post the poems of that flock'],
    ['flockd run --listen 127.0.0.1:8787', 'and show it on a page at http://127.0.0.1:8787'],
  ],
  schema: z.object({ ...monitorSchema, ...placeSchema }),
  async run(args) {
    await using monitor = new Monitor(monitorOptions(args));
    await using context = openContext(args);
    const service = serviceEnvironment();
    const color = wantsColor(process.stdout.isTTY);
    await using live = new Live();
    const plainLog = openLog(live.log, { color, journal: service.journal });
    await using alarms = new Alarms({ ...context, log: plainLog, root: context.paths.root });
    const { log } = alarms;
    const manager = openServiceManager(service);
    // Node would open a debugger to anybody on this machine.
    process.on('SIGUSR1', () => {
      log.info({ event: 'signal' }, 'SIGUSR1 means nothing here');
    });
    manager.status('reads the flock');
    const flock = await readFlock(context, log);
    if (flock.bots.length === 0) throw nobodyToRun(context, flock, args);
    await using _lock = await lockState(context.paths.state);
    manager.status('reads the ledger');
    await using ledger = monitor.meter(logged(await Journal.open(context.paths.state), log));
    const parts = { alarms, ledger, live, log, manager, monitor, places: args };
    return await runUntilStopped(context, flock, parts);
  },
});

async function runUntilStopped(context: Context, flock: AlarmedFlock, parts: Parts): Promise<Exit> {
  const { alarms, ledger, live, log, manager, monitor } = parts;
  const { clock, openX, deadline, keys, paths } = context;
  let failed: (cause: unknown) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => (failed = reject));
  const stopped = stopSignal();
  using stopSwitch = watchStopSwitch(paths.state, (stopped) => {
    if (stopped) log.warn({ event: 'flock-stopped' }, 'the flock is stopped, and posts nothing');
    else log.info({ event: 'flock-released' }, 'the flock goes on');
    daemon.stir();
  });
  const { isStopped } = stopSwitch;
  const daemon = new Daemon({
    ledger,
    log,
    clock,
    openX,
    deadline,
    readPoem,
    concurrency,
    failed,
    isStopped,
    rested: (failed) => alarms.rested(failed),
  });
  const reload = (mayBeEmpty: boolean): Promise<void> => takeUpChanges(context, daemon, parts, mayBeEmpty);
  // A bundle that is taken away rests its bot, be it the last.
  const quietly = (): void => void reload(true).catch(() => undefined);
  const endings: (() => void)[] = [];
  try {
    log.info({ event: 'started', bots: flock.bots.length }, `runs ${countOf(flock.bots.length)}`);
    alarms.watch({ stateOf: (bot) => ledger.state(bot), isStopped });
    alarms.takeUp(flock);
    live.watch({ ledger, clock, isStopped });
    live.takeUp(flock);
    daemon.takeUp(flock);
    monitor.takeUp(flock, clock.now());
    endings.push(watchKeys(keys.folder, quietly));
    // Away from a terminal it is the wish to read everything again; on one it is the terminal's end.
    if (!process.stdout.isTTY) process.on('SIGHUP', quietly);
    endings.push(
      await takeOrders(paths.state, async (order) => {
        await (order.order === 'reload' ? reload(false) : daemon.carryOut(order));
        return order.order === 'post' ? reportOf(ledger.state(order.bot)) : undefined;
      }),
    );
    endings.push(() => void monitor[Symbol.asyncDispose]());
    await monitor.open({ ledger, daemon, clock, log, isStopped, state: paths.state, version: version() });
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
  { alarms, live, log, manager, monitor, places }: Parts,
  mayBeEmpty: boolean,
): Promise<void> {
  manager.reloading();
  try {
    const flock = await readFlock(context, log);
    if (flock.bots.length === 0 && !mayBeEmpty) throw nobodyToRun(context, flock, places);
    alarms.takeUp(flock);
    live.takeUp(flock);
    daemon.takeUp(flock);
    monitor.takeUp(flock, context.clock.now());
    log.info({ event: 'reloaded', bots: daemon.glance().bots }, 'has read its files again');
  } catch (error) {
    const reason = messageOf(error);
    monitor.keepOn();
    log.error({ event: 'reload-failed', reason }, `cannot read the flock (${reason}); goes on as it was`);
    throw error;
  } finally {
    manager.ready(statusOf(daemon.glance()));
  }
}

/** A flock, and who hears of its alarms. */
type AlarmedFlock = Flock & Pick<FlockFile, 'alarms'>;

async function readFlock({ paths, keys }: Context, log: Logger): Promise<AlarmedFlock> {
  const flockFile = await readFlockFile(paths.flockFile);
  const flock = await loadFlock(paths.root, keys, flockFile);
  const known = [...flock.bots.map(({ name }) => name), ...flock.misfits.map(({ bot }) => bot)];
  for (const bot of flockFile.named.filter((name) => !(known as string[]).includes(name))) {
    const hint = hintFor(bot, known);
    log.warn(
      { event: 'unknown-bot', bot: shown(bot), hint },
      `is in flock.json but not in the flock; ${hint}`,
    );
  }
  return { ...flock, alarms: flockFile.alarms };
}

function hintFor(unknown: string, known: readonly string[]): string {
  if (couldBeSecret(unknown)) return 'look under "bots": a name that could be a secret is not shown';
  const meant = nearest(unknown, known);
  return meant === undefined ? 'it has no key bundle' : `did you mean ${meant}?`;
}

/** Resolves with the first signal that asks the daemon to stop. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
    if (process.stdout.isTTY) process.once('SIGHUP', resolve);
  });
}

function nobodyToRun({ paths }: Context, { misfits }: Flock, places: GivenPlaces): FlockError {
  const [first] = misfits;
  if (!first) {
    return new FlockError('config', `no key bundles in ${paths.keys}`, {
      hint: `make some first: ${callsAs(places)('make-keys ./poems')}`,
    });
  }
  const others = misfits.length > 1 ? ` (and ${countOf(misfits.length - 1)} more)` : '';
  const { hint } = first.error;
  const isSame = misfits.every(({ error }) => error.exit === first.error.exit);
  return new FlockError(
    isSame ? first.error.exit : 'data',
    `no bot can post: ${first.error.message}${others}`,
    hint === undefined ? {} : { hint: hintAs(places, hint) },
  );
}

const countOf = (bots: number): string => (bots === 1 ? '1 bot' : `${bots} bots`);
