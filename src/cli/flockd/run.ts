import * as z from 'zod';
import { Alarms } from '../../alarms/alarms.ts';
import { apiUrl, serviceEnvironment, wantsColor } from '../../config/environment.ts';
import { type Bot, type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext, type Places } from '../../context.ts';
import { Claims } from '../../daemon/claims.ts';
import { ControlServer, type Execute, receiveOrders } from '../../daemon/control.ts';
import { Daemon } from '../../daemon/daemon.ts';
import { lockState } from '../../daemon/lock.ts';
import { releaseFlock, stopFlock, watchStopSwitch } from '../../daemon/stop-switch.ts';
import { countOf, ServiceManager } from '../../daemon/systemd.ts';
import { type Exit, FlockError, messageOf } from '../../errors.ts';
import { type Flock, loadFlock, maxUnknown, namesIn, unknownBots, withoutRenamed } from '../../flock/load.ts';
import { afterRestart } from '../../flock/status.ts';
import { watchKeys } from '../../keys/store.ts';
import { Journal } from '../../ledger/journal.ts';
import { logChanges } from '../../ledger/log-events.ts';
import type { BotState } from '../../ledger/state.ts';
import { type EventLog, openLog } from '../../log.ts';
import { passedOverShown, readPoem, writtenAt } from '../../poems/find.ts';
import { reportOf } from '../../posting/commands.ts';
import { folderWatcher, moreWatches, type WatchFolder } from '../../watch.ts';
import { Monitor } from '../../web/dashboard/monitor.ts';
import { SnapshotCache } from '../../web/dashboard/snapshot.ts';
import { parseHostName, parseListenAddress } from '../../web/server.ts';
import { command, hintAs, placeFlags, toggle, version, withInvocationFlags } from '../command.ts';
import { openLive } from '../live-view.ts';
import { stopSignal, type Terminal } from '../terminal.ts';
import { mustHaveLastWord } from './ledger-place.ts';

const group = 'Web page';

const schema = z.object({
  listen: z.string().optional().meta({
    description: 'serve a page, /healthz, /readyz and /metrics at 127.0.0.1:PORT, unix:PATH or systemd',
    placeholder: 'ADDRESS',
    group,
  }),
  host: z.array(z.string()).default([]).meta({
    description: 'a host name of a reverse proxy in front of it; may be repeated',
    placeholder: 'NAME',
    group,
  }),
  'allow-control': toggle('allow visitors of the page to pause, resume, resolve and post').meta({ group }),
  ...placeFlags,
});

/** @throws {FlockError} `usage` for an invalid address or name, and for flags without `--listen` */
function monitorOptions({ listen, host, 'allow-control': allowControl }: z.infer<typeof schema>) {
  if (listen === undefined && (host.length > 0 || allowControl)) {
    const flag = allowControl ? '--allow-control' : '--host';
    const hint = 'add --listen 127.0.0.1:8787';
    throw new FlockError('usage', `${flag} means nothing without --listen`, { hint });
  }
  const address = listen === undefined ? undefined : parseListenAddress(listen);
  return { listen: address, names: host.map(parseHostName), allowControl };
}

export const run = command({
  summary: 'Run the daemon until it is told to stop',
  schema,
  examples: [
    ['flockd run --root /srv/flock', 'post the poems of that flock'],
    ['flockd run --listen 127.0.0.1:8787', 'and show it on a page at http://127.0.0.1:8787'],
  ],
  async run(args, terminal) {
    await using monitor = new Monitor(monitorOptions(args));
    await using context = openContext(args);
    const { paths, keys } = context;
    const service = serviceEnvironment();
    await using live = openLive();
    const log = openLog(live.log, {
      color: wantsColor(process.stdout.isTTY),
      journal: service.journal,
      ...live.forLog,
    });
    const manager = new ServiceManager(service);
    const reloads = new Reloads();
    heedSignals(log, reloads, terminal);
    // The watch begins before the flock is read, so that no change is missed.
    const watchFolder = folderWatcher((reason) => {
      const message = `no inotify watches are left (${reason}): looks for changed keys every second`;
      log.warn({ event: 'unwatched', reason, hint: moreWatches }, message);
    });
    using _keys = { [Symbol.dispose]: watchKeys(keys.folder, reloads.quietly, watchFolder) };
    await context.load();
    manager.status('reads the flock');
    const read = await readFlock(context, log);
    if (read.bots.length === 0) throw noBotToRun(context, read, args);
    live.showTimesIn(read.flockBudget.timezone);
    await mustHaveLastWord(paths, args);
    await using lock = await lockState(paths.state);
    await using claims = await Claims.open({ paths, api: apiUrl(), freed: reloads.quietly });
    const { flock } = await claims.take(read);
    // A person gets the error. A service waits until the accounts are free, because systemd would not start it again for ever.
    if (flock.bots.length === 0 && !service.isListening) throw noBotToRun(context, flock, args);
    manager.status(`has read ${countOf(flock.bots.length)}, and reads the ledger`);
    await using ledger = await Journal.open(paths.state, lock);
    ledger.subscribe(logChanges(log));
    ledger.subscribe(monitor.count);
    const parts = { claims, context, ledger, live, log, manager, monitor, reloads, watchFolder };
    const closed = new Promise<NodeJS.Signals>((resolve) => {
      terminal.onClosed(() => {
        resolve('SIGHUP');
      });
    });
    return await serve(flock, {
      ...parts,
      places: args,
      stopped: Promise.race([stopSignal(terminal), closed]),
    });
  },
});

/** A flock, and its settings for alarms. */
type AlarmedFlock = Flock & Pick<FlockFile, 'alarms'>;

/**
 * @param before - the bots that run already
 * @throws {FlockError} if flock.json or the keys folder cannot be read
 */
async function readFlock(
  { paths, keys }: Context,
  log: EventLog,
  before: readonly Bot[] = [],
): Promise<AlarmedFlock> {
  const flockFile = await readFlockFile(paths.flockFile);
  const flock = await loadFlock(paths.root, keys, flockFile, before);
  warnOfUnknown(flockFile, flock, log);
  warnOfUnopened(flock.bots, before, log);
  return { ...flock, alarms: flockFile.alarms };
}

function warnOfUnknown({ named }: FlockFile, flock: Flock, log: EventLog): void {
  const unknown = unknownBots(named, namesIn(flock));
  for (const { bot, hint = 'it has no key bundle' } of unknown.slice(0, maxUnknown)) {
    log.warn({ event: 'unknown-bot', bot, hint }, `is in flock.json but not in the flock; ${hint}`);
  }
  const more = unknown.length - maxUnknown;
  if (more > 0)
    log.warn({ event: 'unknown-bots', more }, `${more} more are in flock.json but not in the flock`);
}

/** The maximum number of bots without a key that are logged one by one. */
const maxKeyless = 20;

/** Logs the bots that have a poem and no key, each once. */
function logKeyless({ keyless }: Flock, log: EventLog, places: Places): void {
  const news = keyless.filter(({ name }) => log.isNews(`keyless ${name}`));
  for (const { name: bot } of news.slice(0, maxKeyless)) {
    const hint = withInvocationFlags(places)(`make-keys ./poems --bot=${bot}`);
    log.info({ event: 'keyless', bot, hint }, `has a poem and no key yet; ${hint}`);
  }
  const more = news.length - maxKeyless;
  if (more > 0) log.info({ event: 'keyless-bots', more }, `${more} more bots have a poem and no key yet`);
}

/** Logs the files in the poems folder that no bot reads, each once. */
function logPassedOver({ passedOver }: Flock, log: EventLog): void {
  for (const { file, kind, why, hint } of passedOverShown(passedOver)) {
    const news = log.once(`passed-over ${file}`, why);
    const fields = { event: 'passed-over', file, why, hint };
    if (kind === 'ignored') news.info(fields, `${file}: ${why}`);
    else news.warn(fields, `${file}: ${why}; ${hint}`);
  }
}

/** Logs the bots that can post now, but not after a restart. */
function warnOfUnopened(bots: readonly Bot[], before: readonly Bot[], log: EventLog): void {
  const known = new Set(before.filter(({ unopened }) => unopened).map(({ name }) => name));
  for (const { name: bot, unopened } of bots) {
    if (!unopened || known.has(bot)) continue;
    const { why, hint } = afterRestart(unopened);
    log.warn({ event: 'unopened', bot, why, hint }, `${why}; ${hint}`);
  }
}

/** The error if no bot of a flock can post. */
function noBotToRun({ paths }: Context, { invalidBots }: Flock, places: Places): FlockError {
  const [first] = invalidBots;
  if (!first) {
    return new FlockError('config', `no key bundles in ${paths.keys}`, {
      hint: `make some first: ${withInvocationFlags(places)('make-keys ./poems')}`,
    });
  }
  const { exit, message, hint } = first.error;
  const others = invalidBots.length > 1 ? ` (and ${countOf(invalidBots.length - 1)} more)` : '';
  const isSame = invalidBots.every(({ error }) => error.exit === exit);
  return new FlockError(isSame ? exit : 'data', `no bot can post: ${message}${others}`, hintAs(places, hint));
}

/** The parts of a running flockd. */
interface Parts {
  claims: Claims;
  context: Context;
  ledger: Journal;
  live: ReturnType<typeof openLive>;
  log: EventLog;
  manager: ServiceManager;
  monitor: Monitor;
  /** The folders and files that the command line names. */
  places: Places;
  reloads: Reloads;
  /** Resolves with the signal that stops it. */
  stopped: Promise<NodeJS.Signals>;
  watchFolder: WatchFolder;
}

/** Runs a flock until a signal stops it. The part that is opened last is closed first. */
async function serve(first: AlarmedFlock, parts: Parts): Promise<Exit> {
  const { context, ledger, live, log, manager, monitor, places, reloads } = parts;
  const { clock, paths } = context;
  const stateOf = (bot: string): BotState | undefined => ledger.state(bot);
  let failed: (cause: unknown) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => (failed = reject));
  using stopSwitch = watchStopSwitch(paths.state, (isStopped) => {
    if (isStopped) log.warn({ event: 'flock-stopped' }, 'the flock is paused, and posts nothing');
    else log.info({ event: 'flock-released' }, 'the flock goes on');
    daemon.wakeAll();
    snapshots.changed();
  });
  const { isStopped } = stopSwitch;
  const snapshots = new SnapshotCache({ ...context, ledger, log, isStopped, version: version() });
  ledger.subscribe(snapshots.changed);
  await using alarms = new Alarms({ ...context, log, root: paths.root, stateOf, isStopped });
  const onIdle = (hasFailed: boolean): void => alarms.onIdle(hasFailed);
  const brake = (why: string): Promise<void> => stopFlock(paths.state, why);
  const posting = { ...context, ledger, log, readPoem, writtenAt, sends: live.sends };
  const daemon = new Daemon({ ...posting, failed, isStopped, brake, onIdle });
  const execute: Execute = (command) => executeCommand(command, daemon, parts);
  // It sends its last answers when the daemon has stopped.
  await using control = new ControlServer(execute, log);
  await using _drained = {
    async [Symbol.asyncDispose]() {
      await manager.drain(daemon);
      log.info({ event: 'stopped' }, 'has stopped');
    },
  };
  log.info({ event: 'started', bots: first.bots.length }, `runs ${countOf(first.bots.length)}`);
  // Before anybody posts: an address that is taken is no reason to post and stop again.
  const keyChanged = (bot: string): Promise<number | undefined> => context.keys.changedAt(bot);
  const shown = { snapshots, ledger, daemon, alarms, keyChanged, clock, log };
  await monitor.open({ ...shown, state: paths.state, version: version() });
  using _shown = { [Symbol.dispose]: () => void monitor[Symbol.asyncDispose]() };

  /** Updates all parts with the flock. The daemon comes last, since it posts at once. */
  const update = (read: AlarmedFlock): void => {
    const flock = { ...read, ...withoutRenamed(read, ledger.states()) };
    live.showTimesIn(flock.flockBudget.timezone);
    logKeyless(flock, log, places);
    logPassedOver(flock, log);
    alarms.update(flock);
    snapshots.update(flock);
    monitor.reloaded(clock.now());
    daemon.update(flock);
  };
  update(first);
  live.watch({ snapshots, clock });
  reloads.begin((mayBeEmpty) => reload(daemon, parts, { mayBeEmpty, update }));
  await control.listen(paths.state);
  using _orders = {
    [Symbol.dispose]: await receiveOrders(paths.state, execute, log, parts.watchFolder),
  };
  using _supervised = manager.supervise(daemon, paths.state);
  const signal = await Promise.race([parts.stopped, failure]);
  reloads.end();
  control.end();
  log.info({ event: 'stopping', signal }, `stops (${signal}): finishes what is under way`);
  return 'done';
}

/** Executes a command. @throws {FlockError} if it cannot */
async function executeCommand(
  command: Parameters<Execute>[0],
  daemon: Daemon,
  { context: { keys, paths }, ledger, reloads }: Parts,
): ReturnType<Execute> {
  switch (command.order) {
    case 'recipients':
      return { recipients: await keys.recipients() };
    case 'reload':
      await reloads.ask({ mayBeEmpty: false });
      return undefined;
    case 'stop':
      await stopFlock(paths.state, 'stopped by a command');
      return undefined;
    case 'release':
      await releaseFlock(paths.state);
      return undefined;
    case 'post':
      await daemon.execute(command);
      return { report: reportOf(ledger.state(command.bot)) };
    case 'pause':
    case 'resume':
    case 'resolve':
    case 'rename':
      await daemon.execute(command);
      return undefined;
  }
}

interface ReloadOptions {
  /** Whether a flock is accepted of which no bot can post. */
  mayBeEmpty: boolean;
  update: (flock: AlarmedFlock) => void;
}

/**
 * Reads the flock again. If that fails, nothing changes.
 *
 * @throws {FlockError} why it failed, after it was logged
 */
async function reload(
  daemon: Daemon,
  { claims, context, ledger, log, manager, monitor, places }: Parts,
  { mayBeEmpty, update }: ReloadOptions,
): Promise<void> {
  manager.reloading();
  try {
    const { flock, takenOver } = await claims.take(await readFlock(context, log, daemon.bots));
    if (flock.bots.length === 0 && !mayBeEmpty) throw noBotToRun(context, flock, places);
    const at = context.clock.now();
    // Another flockd with another ledger has posted for these bots, so each looks at its timeline before it posts.
    const begun = takenOver.filter((bot) => ledger.state(bot));
    if (begun.length > 0)
      await ledger.record(...begun.map((bot) => ({ event: 'restored' as const, bot, at })));
    update(flock);
    log.info({ event: 'reloaded', bots: daemon.stats().bots }, 'has read its files again');
  } catch (error) {
    const reason = messageOf(error);
    monitor.reloadFailed();
    log.error({ event: 'reload-failed', reason }, `cannot read the flock (${reason}); goes on as it was`);
    throw error;
  } finally {
    manager.ready(daemon);
  }
}

/**
 * The reloads of the flock's files, one at a time, so that an older reading never comes last. Requests that come during a reload
 * share the next one. Requests before {@link begin} wait for it.
 */
export class Reloads {
  readonly #next = new Map<boolean, Promise<void>>();
  #last: Promise<void>;
  #read: (mayBeEmpty: boolean) => Promise<void> = () => Promise.resolve();
  #begin: () => void = () => undefined;

  constructor() {
    this.#last = new Promise((resolve) => (this.#begin = resolve));
  }

  /** @param read - reads the files; its parameter tells whether a flock is accepted of which no bot can post */
  begin(read: (mayBeEmpty: boolean) => Promise<void>): void {
    this.#read = read;
    this.#begin();
  }

  /** Reloads. @throws {FlockError} why it failed; then nothing has changed */
  ask({ mayBeEmpty }: { mayBeEmpty: boolean }): Promise<void> {
    const asked = this.#next.get(mayBeEmpty);
    if (asked) return asked;
    const next = this.#last.then(() => {
      this.#next.delete(mayBeEmpty);
      return this.#read(mayBeEmpty);
    });
    this.#next.set(mayBeEmpty, next);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** Reloads, even if no bot is left. The log says why it failed. */
  readonly quietly = (): void => void this.ask({ mayBeEmpty: true }).catch(() => undefined);

  /** Later requests change nothing. */
  end(): void {
    this.#read = () => Promise.resolve();
  }
}

function heedSignals(log: EventLog, reloads: Reloads, { mayClose }: Terminal): void {
  // SIGHUP means to reload, except on a terminal, where it means that the terminal is closed.
  if (!mayClose) process.on('SIGHUP', reloads.quietly);
  // By default, Node opens a debugger to every user of this machine.
  process.on('SIGUSR1', () => {
    log.info({ event: 'signal' }, 'SIGUSR1 means nothing here');
  });
}
