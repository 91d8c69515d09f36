import { execFile } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { plainEnvironment, type serviceEnvironment } from '../config/environment.ts';
import { atClock, iso } from '../text.ts';
import type { Daemon } from './daemon.ts';

/** The paths on the server, all absolute. */
interface UnitPlaces {
  node: string;
  /** flockd's script, and the folder of the program. */
  flockd: string;
  program: string;
  /** scripts/notify-fd. */
  notifyFd: string;
  /** The flock's folder. */
  root: string;
  user: string;
}

/**
 * The unit of flockd, for systemd 252 and newer. The service may read its program and its flock, write its state, and reach the
 * network, and nothing else. `systemd-analyze security` rates it 1.1.
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

/** Removes all privileges that the service does not need. @see systemd.exec(5) */
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

/** A word of a command line, quoted for systemd. */
const quoted = (word: string): string =>
  /^[\w./@:+-]+$/.test(word)
    ? word
    : `"${word.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** The folders in which systemd looks for units, in order of precedence. */
const unitFolders = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
];

/** Whether flockd is installed on this machine as a service that runs the flock in a folder. */
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

/** The flock's folder in the text of a unit, or undefined if it names none. */
function rootIn(unit: string): string | undefined {
  const [, inQuotes, plain] = /^ExecStart=.* --root (?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(unit) ?? [];
  return inQuotes?.replaceAll(/\\(.)/g, '$1').replaceAll(/([%$])\1/g, '$1') ?? plain;
}

/** The interval between two statuses for `systemctl status`. Milliseconds. */
const statusInterval = 10_000;

/** The time by which the stop is extended again and again while posts under way are finished. Milliseconds. */
const extension = 5_000;

/**
 * systemd, as the daemon's supervisor. Without systemd it does nothing, and it never throws: a supervisor that does not answer
 * must not stop a post.
 *
 * Notifications go through a socket that was opened before this process, or without one through systemd-notify(1), which counts
 * only in units with NotifyAccess=all.
 *
 * @see sd_notify(3)
 */
export class ServiceManager {
  readonly #environment: ReturnType<typeof serviceEnvironment>;

  constructor(environment: ReturnType<typeof serviceEnvironment>) {
    this.#environment = environment;
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    this.#notify(statusLine(text));
  }

  reloading(): void {
    this.#notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** The daemon has started, or has reloaded its files. */
  ready(daemon: Daemon): void {
    this.#notify('READY=1', statusLine(statusOf(daemon)));
  }

  /**
   * Reports that the daemon is ready, and from then on its status and that it is alive.
   *
   * @param folder - of the state
   */
  supervise(daemon: Daemon, folder: string): Disposable {
    this.ready(daemon);
    const timer = setInterval(() => this.status(statusOf(daemon)), statusInterval);
    const { isListening, notifyFd, watchdog: every } = this.#environment;
    const isWatched = every !== undefined && (isListening || notifyFd !== undefined);
    const stop = isWatched
      ? watchdog({
          every,
          folder,
          isProgressing: () => daemon.overdue() < every / 2,
          alive: () => this.#notify('WATCHDOG=1'),
        })
      : undefined;
    return {
      [Symbol.dispose]() {
        clearInterval(timer);
        stop?.();
      },
    };
  }

  /** Stops the daemon, with as much time as the posts under way take. */
  async drain(daemon: Daemon): Promise<void> {
    this.#notify('STOPPING=1', statusLine('finishes what is under way'));
    const extend = (): void => this.#notify(`EXTEND_TIMEOUT_USEC=${2 * extension * 1000}`);
    extend();
    const timer = setInterval(extend, extension);
    await daemon.stop();
    clearInterval(timer);
  }

  #notify(...lines: string[]): void {
    const { notifyFd, isListening } = this.#environment;
    if (notifyFd !== undefined) write(notifyFd, lines);
    else if (isListening) execFile('systemd-notify', lines, { env: plainEnvironment() }, () => undefined);
  }
}

function write(fd: number, lines: readonly string[]): void {
  try {
    writeSync(fd, lines.join('\n'));
  } catch {
    // systemd restarts, or its queue is full. The next notification follows soon.
  }
}

const statusLine = (text: string): string => `STATUS=${text.replaceAll(/\s+/g, ' ')}`;

/** The daemon in one line. */
function statusOf(daemon: Daemon): string {
  const { bots, next, busy, timezone } = daemon.stats();
  const when = next === undefined ? 'no slot ahead' : `next slot ${atClock(iso(next), timezone)}`;
  return `${countOf(bots)}, ${when}${busy > 0 ? `, ${busy} busy` : ''}`;
}

export const countOf = (bots: number): string => (bots === 1 ? '1 bot' : `${bots} bots`);

interface WatchdogOptions {
  /** The watchdog's timeout. Milliseconds. */
  every: number;
  /** A folder that the daemon must be able to reach. */
  folder: string;
  /** Whether the scheduler makes progress. */
  isProgressing: () => boolean;
  alive: () => void;
}

/**
 * Calls `alive` only while the scheduler makes progress and the folder can be reached. A timer alone would go on with a scheduler
 * that stands still, or with all threads that read files blocked.
 *
 * @returns stops it
 */
export function watchdog({ every, folder, isProgressing, alive }: WatchdogOptions): () => void {
  let checking = false;
  const check = (): void => {
    if (checking || !isProgressing()) return;
    checking = true;
    const checked = (): void => {
      checking = false;
      if (isProgressing()) alive();
    };
    stat(folder).then(checked, checked);
  };
  const timer = setInterval(check, every / 3);
  check();
  return () => clearInterval(timer);
}
