import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../clock.ts';
import { plainEnvironment } from '../config/environment.ts';
import { systemCode } from '../errors.ts';
import type { Trouble } from './retry.ts';

/** Why a command could not be started, from what was thrown. */
function notStarted(error: unknown): Trouble {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
  if (code === 'EACCES' || code === 'EPERM') return forbidden;
  return { why: `it cannot be started (${code ?? 'unknown'})`, passes: false };
}

const missing: Trouble = { why: 'there is no such command', passes: false };

const forbidden: Trouble = {
  why: 'flockd may not run it',
  hint: 'chmod +x it; under systemd, ExecPaths= in a drop-in must name it and what it runs',
  passes: false,
};

/** Why a command could not be started now, as far as that can be told without starting it. */
export async function whyNotRunnable(program: string, cwd: string): Promise<Trouble | undefined> {
  const folders = (plainEnvironment()['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  const places = program.includes('/')
    ? [path.resolve(cwd, program)]
    : folders.map((folder) => path.join(folder, program));
  let trouble = missing;
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      return undefined;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') trouble = notStarted(error);
    }
  }
  return trouble;
}

interface CommandOptions {
  cwd: string;
  clock: Clock;
  /** Milliseconds. */
  timeout: number;
  /** Ends it before its time. */
  signal: AbortSignal;
  /** Where what it prints goes: nowhere, or to our standard error. */
  output: 'nowhere' | 'stderr';
}

/**
 * Runs a command to its end, without a shell, with a line on its standard input. It leads a process group of its own, of
 * which nothing is left afterwards, whether it ended or was killed. Never throws.
 */
export async function runCommand(
  command: readonly string[],
  line: string,
  { cwd, clock, timeout, signal, output }: CommandOptions,
): Promise<Trouble | undefined> {
  if (signal.aborted) return stopped;
  let child: ChildProcess;
  try {
    child = start(command, cwd, output);
  } catch (error) {
    return notStarted(error);
  }
  let killed: Trouble | undefined;
  const kill = (why: Trouble): void => {
    killed ??= why;
    killGroup(child);
  };
  const abort = (): void => kill(stopped);
  signal.addEventListener('abort', abort, { once: true });
  const late = { why: `it did not end within ${timeout / 1000} s and was killed`, passes: false };
  const cancel = clock.at(clock.now() + timeout, () => kill(late));
  try {
    const ended = endOf(child);
    // It need not read what it is told.
    child.stdin?.on('error', () => undefined).end(`${line}\n`);
    const trouble = await ended;
    return killed ?? trouble;
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
    killGroup(child);
  }
}

const stopped: Trouble = { why: 'flockd stopped before it ended', passes: false };

const stderr = 2;

/** @throws {Error} where the system has something against it at once */
function start([program = '', ...args]: readonly string[], cwd: string, output: string): ChildProcess {
  const print = output === 'stderr' ? stderr : 'ignore';
  return spawn(program, args, { cwd, env: environment(), detached: true, stdio: ['pipe', print, print] });
}

function environment(): Record<string, string> {
  // No secret, and no way to speak to systemd in our name.
  const { NOTIFY_SOCKET: _, ...rest } = plainEnvironment();
  // bash would take its standard input, a socket, for a login over the network, and read ~/.bashrc first.
  return { ...rest, SHLVL: '1' };
}

function endOf(child: ChildProcess): Promise<Trouble | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(notStarted(error)));
    child.once('exit', (code, by) => {
      const why = code === null ? `it was ended by ${by ?? 'a signal'}` : `it ended with ${code}`;
      resolve(code === 0 ? undefined : { why, passes: false });
    });
  });
}

/** Ends a command and everything it has started that has not taken itself out of its group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}
