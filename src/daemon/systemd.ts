import { execFile } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { plainEnvironment, type ServiceEnvironment } from '../config/environment.ts';
import { iso } from '../text.ts';
import type { Daemon } from './daemon.ts';

/** Where things are on the server. Absolute paths. */
interface UnitPlaces {
  node: string;
  /** flockd's own script, and the folder it and what it needs are in. */
  flockd: string;
  program: string;
  /** scripts/notify-fd. */
  notifyFd: string;
  /** The flock's folder. */
  root: string;
  user: string;
}

/**
 * The unit of flockd, for systemd 252 and newer. It may read its own program and its flock, write its state, and reach the
 * network; nothing else. `systemd-analyze security` says 1.1.
 */
export function unitText({ node, flockd, program, notifyFd, root, user }: UnitPlaces): string {
  const run = `${quoted(node)} ${quoted(flockd)}`;
  return `# Written by: flockd unit
[Unit]
Description=Posts the lines of a flock of poems
Documentation=man:flockd(1)
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target
StartLimitIntervalSec=600
StartLimitBurst=20

[Service]
Type=notify
NotifyAccess=main
ExecStart=/usr/bin/perl ${quoted(notifyFd)} ${run} run --root ${quoted(root)}
ExecReload=${run} reload --root ${quoted(root)}
User=${user}
Group=${user}
StateDirectory=flockd
StateDirectoryMode=0700
WorkingDirectory=${root}
UMask=0077

Restart=always
RestartSec=5
# What a person must mend first: usage, bad keys, a folder that cannot be made, modes of secrets, configuration.
RestartPreventExitStatus=64 65 73 77 78
TimeoutStartSec=60
TimeoutStopSec=30
WatchdogSec=60
WatchdogSignal=SIGKILL
# A core dump would hold the secrets.
LimitCORE=0
LimitNOFILE=65536
OOMPolicy=stop

${hardening}
NoExecPaths=/
ExecPaths=/usr/bin/perl /usr/bin/flock ${quoted(node)} /usr/lib /lib /lib64 -${quoted(program)}

[Install]
WantedBy=multi-user.target
`;
}

/** What takes from the service whatever it does not need. @see systemd.exec(5) */
const hardening = `CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProcSubset=pid
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateIPC=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
KeyringMode=private
DevicePolicy=closed
SystemCallArchitectures=native
SystemCallFilter=@system-service @pkey
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
InaccessiblePaths=-/boot -/root -/home -/srv -/media -/mnt -/var/log`;

/** As systemd reads a word of a command line. */
const quoted = (word: string): string =>
  /^[\w./@:+-]+$/.test(word)
    ? word
    : `"${word.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** The flock's folder in the text of a unit, or undefined where it names none. */
function rootIn(unit: string): string | undefined {
  const [, inQuotes, plain] = /^ExecStart=.* --root (?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(unit) ?? [];
  return inQuotes?.replaceAll(/\\(.)/g, '$1').replaceAll(/([%$])\1/g, '$1') ?? plain;
}

/** What a daemon tells systemd. Nothing here throws: a manager that does not listen stops no poem. */
export interface ServiceManager {
  /** How often it wants to hear that all is well, or undefined where it does not. Milliseconds. */
  watchdog: number | undefined;
  ready(status: string): void;
  /** One line for `systemctl status`. */
  status(status: string): void;
  reloading(): void;
  stopping(status: string): void;
  /** All is well. */
  alive(): void;
  /** What is under way may take this much longer than it was given. Milliseconds. */
  extend(time: number): void;
}

/**
 * @see sd_notify(3). Messages go through a socket that was opened before us, or, where there is none, through
 * systemd-notify(1), whose word counts only in units with NotifyAccess=all.
 */
export function openServiceManager({ notifyFd, isListening, watchdog }: ServiceEnvironment): ServiceManager {
  const notify = (...lines: string[]): void => {
    if (notifyFd !== undefined) write(notifyFd, lines);
    else if (isListening) execFile('systemd-notify', lines, { env: plainEnvironment() }, () => undefined);
  };
  const statusLine = (text: string): string => `STATUS=${text.replaceAll(/\s+/g, ' ')}`;
  return {
    watchdog: isListening || notifyFd !== undefined ? watchdog : undefined,
    ready(status) {
      notify('READY=1', statusLine(status));
    },
    status(status) {
      notify(statusLine(status));
    },
    reloading() {
      notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
    },
    stopping(status) {
      notify('STOPPING=1', statusLine(status));
    },
    alive() {
      notify('WATCHDOG=1');
    },
    extend(time) {
      notify(`EXTEND_TIMEOUT_USEC=${Math.round(time * 1000)}`);
    },
  };
}

function write(fd: number, lines: readonly string[]): void {
  try {
    writeSync(fd, lines.join('\n'));
  } catch {
    // It restarts, or its queue is full: the next message will tell.
  }
}

/** Where systemd finds the units of a machine; the first that has one counts. */
const unitFolders = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
];

/** Whether flockd is installed as a service of this machine that runs the flock in a folder. */
export function isService(root: string, folders: readonly string[] = unitFolders): boolean {
  for (const folder of folders) {
    const text = readIfThere(path.join(folder, 'flockd.service'));
    if (text === undefined) continue;
    const named = rootIn(text);
    return named !== undefined && path.resolve(named) === path.resolve(root);
  }
  return false;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

interface WatchdogOptions {
  /** How often the manager wants to hear. Milliseconds. */
  every: number;
  /** A folder whose files the daemon must be able to reach. */
  folder: string;
  /** Whether the scheduler gets on. */
  isProgressing: () => boolean;
  alive: () => void;
}

/**
 * Tells the manager that all is well only while it is: a timer alone would tick on with a scheduler that stands still, or
 * with every thread that reads files held up.
 *
 * @returns the way to stop
 */
export function watchdog({ every, folder, isProgressing, alive }: WatchdogOptions): () => void {
  let looking = false;
  const look = (): void => {
    if (looking || !isProgressing()) return;
    looking = true;
    const looked = (): void => {
      looking = false;
      if (isProgressing()) alive();
    };
    stat(folder).then(looked, looked);
  };
  const timer = setInterval(look, every / 3);
  look();
  return () => {
    clearInterval(timer);
  };
}

/** How often `systemctl status` is told how the flock stands. Milliseconds. */
const statusEvery = 10_000;

/**
 * Says that the flock runs, and goes on saying so while it does.
 *
 * @param folder - of the state
 * @returns the way to stop
 */
export function tellManager(daemon: Daemon, folder: string, manager: ServiceManager): () => void {
  const { watchdog: every } = manager;
  manager.ready(statusOf(daemon));
  const timer = setInterval(() => {
    manager.status(statusOf(daemon));
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

/** The daemon in a line. */
export function statusOf(daemon: Daemon): string {
  const { bots, next, busy } = daemon.glance();
  const when = next === undefined ? 'no slot ahead' : `next slot ${iso(next)}`;
  return `${countOf(bots)}, ${when}${busy > 0 ? `, ${busy} busy` : ''}`;
}

/** How much longer each time, while posts under way come to their end. Milliseconds. */
const more = 5_000;

/** Ends the daemon, and tells the manager that it takes as long as it does. */
export async function drain(daemon: Daemon, manager: ServiceManager): Promise<void> {
  manager.stopping('finishes what is under way');
  const extend = (): void => {
    manager.extend(2 * more);
  };
  extend();
  const timer = setInterval(extend, more);
  await daemon.stop();
  clearInterval(timer);
}

export const countOf = (bots: number): string => (bots === 1 ? '1 bot' : `${bots} bots`);
