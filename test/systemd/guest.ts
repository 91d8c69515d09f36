import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { cleanEnvironment } from '../support/programs.ts';

const guest = path.join(import.meta.dirname, 'guest');

/** The guest gets the Node that runs this test. */
const env = (): NodeJS.ProcessEnv =>
  cleanEnvironment({ PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}` });

const check = spawnSync(guest, ['--check'], { encoding: 'utf8', env: env() });

/** Why a real systemd cannot be booted here, or false where it can. */
export const noGuest: string | false =
  check.status !== 0 && (check.error?.message ?? check.stderr).trim().replace(/^guest: /, '');

export interface GuestOptions {
  args?: readonly string[];
  /** Seconds until the guest is ended; half an hour where it is not said. */
  timeout?: number;
  /** Small disks: the folder and its size, as in `{ '/var/lib/flockd': '1M' }`. */
  tmpfs?: Readonly<Record<string, string>>;
  /** Whether Debian packages can be installed. */
  packages?: boolean;
  /** Where the guest's own temporary folder is made. */
  tmpdir?: string;
  /** Ends the harness with SIGKILL. */
  signal?: AbortSignal;
  onOutput?: (output: string) => void;
}

export interface GuestResult {
  /** The script's own, 124 after a timeout, 125 without a verdict; null if the harness was killed. */
  code: number | null;
  output: string;
}

/** Runs a bash script as root inside a freshly booted systemd, in the project's folder. */
export function runInGuest(script: string, options: GuestOptions = {}): Promise<GuestResult> {
  const { args = [], timeout = 1800, tmpfs = {}, packages = false, tmpdir, signal, onOutput } = options;
  const disks = Object.entries(tmpfs).flatMap(([folder, size]) => ['--tmpfs', `${folder}=${size}`]);
  const child = spawn(
    guest,
    ['--timeout', String(timeout), ...disks, ...(packages ? ['--packages'] : []), '-', ...args],
    {
      env: { ...env(), ...(tmpdir !== undefined && { TMPDIR: tmpdir }) },
      killSignal: 'SIGKILL',
      signal,
    },
  );
  let output = '';
  const collect = (text: string): void => {
    output += text;
    onOutput?.(output);
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);
  child.stdin.end(script);
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      if (error.name !== 'AbortError') reject(error);
    });
    // Not before whatever the harness has left to clean up is gone, as that holds its stderr.
    child.on('close', (code) => resolve({ code, output }));
  });
}
