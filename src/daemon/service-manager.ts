import { execFile } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { plainEnvironment, type ServiceEnvironment } from '../config/environment.ts';
import { rootIn } from './unit.ts';

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
