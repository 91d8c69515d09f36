import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { root as repository, type Stage } from './stage.ts';
import { cpuOf, memoryOf } from './usage.ts';

export const script = (program: 'keymaker' | 'flockd'): string =>
  path.join(repository, 'dist', `${program}.js`);

export interface FlockdOptions {
  root: string;
  state: string;
  /** The base URL of the X API; by default no server answers. */
  api?: string;
  /** The maximum of simultaneous posts. */
  sockets?: number;
  env?: NodeJS.ProcessEnv;
  /** Flags for Node. */
  flags?: readonly string[];
  /** Arguments for `flockd run`. */
  args?: readonly string[];
  /** The file that is loaded first and reports memory on SIGUSR2. */
  probe?: string;
  /** The file for the log; by default one in the stage's folder. */
  log?: string;
}

/** Memory in megabytes. For each space of the heap: its name, the used and the reserved memory. */
const left = z.object({
  rss: z.number(),
  heap: z.number(),
  spaces: z.array(z.tuple([z.string(), z.number(), z.number()])),
});

/** The process is at rest if it uses at most `maxIdleCpu` in each of `idleSlices` consecutive slices. Milliseconds. */
const slice = 20;
const maxIdleCpu = 2;
const idleSlices = 30;

/** Runs the built flockd as a process, and reads its notifications in place of systemd. */
export class Flockd {
  readonly #child: ChildProcess;
  readonly #started: number;
  readonly #heard: { text: string; at: number }[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #exit: Promise<string>;

  constructor(
    stage: Stage,
    { root, state, api = 'http://127.0.0.1:1', sockets, env, flags = [], ...options }: FlockdOptions,
  ) {
    const { args = [], probe = path.join(import.meta.dirname, 'probe.js') } = options;
    const log = openSync(options.log ?? stage.file('flockd.log'), 'w');
    const call = [script('flockd'), 'run', '--root', root, ...args];
    this.#started = performance.now();
    this.#child = stage.spawn(process.execPath, ['--expose-gc', '--import', probe, ...flags, ...call], {
      stdio: ['pipe', log, log, 'pipe'],
      cwd: stage.folder,
      env: {
        STATE_DIRECTORY: state,
        KEYMAKER_API_URL: api,
        FLOCKD_NOTIFY_FD: '3',
        ...(sockets !== undefined && { FLOCKD_SOCKETS: String(sockets) }),
        ...env,
      },
    });
    closeSync(log);
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        resolve(signal ?? String(code));
        this.#tell();
      });
    });
    this.#child.stdio[3]?.on('data', (text: Buffer) => {
      this.#heard.push({ text: text.toString(), at: performance.now() - this.#started });
      this.#tell();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Processor time used so far. Milliseconds. */
  get cpu(): number {
    return cpuOf(this.pid);
  }

  /** Waits for a notification. @returns the time from the start until it came. Milliseconds */
  async said(what: RegExp): Promise<number> {
    for (;;) {
      const found = this.#heard.find(({ text }) => what.test(text));
      if (found) return found.at;
      await this.#mustRun(String(what));
      await this.#news();
    }
  }

  /** The statuses that it reported before it was ready. */
  get statuses(): string[] {
    const all = this.#heard.map(({ text }) => text).join('\n');
    return (all.split('READY=1')[0] ?? '').match(/STATUS=[^\n]+/g) ?? [];
  }

  /** Waits until the process is at rest. @returns the time from the start until then. Milliseconds */
  async rest(): Promise<number> {
    await this.said(/READY=1/);
    let busyUntil = performance.now();
    let used = this.cpu;
    for (let quiet = 0; quiet < idleSlices; quiet++) {
      await sleep(slice);
      const now = this.cpu;
      if (now - used > maxIdleCpu) {
        busyUntil = performance.now();
        quiet = 0;
      }
      used = now;
    }
    return busyUntil - this.#started;
  }

  /** The maximum memory so far, and the memory after a garbage collection. Megabytes. */
  async memory(): Promise<{ peak: number; left: z.infer<typeof left> }> {
    const { peak } = memoryOf(this.pid);
    return { peak, left: left.parse(await this.probed()) };
  }

  /** The report of its probe. */
  async probed(): Promise<unknown> {
    const before = this.#heard.length;
    this.#child.kill('SIGUSR2');
    for (;;) {
      const text = this.#heard
        .slice(before)
        .map((heard) => heard.text)
        .join('');
      const found = /MEMORY=(\{.*?\})/.exec(text)?.[1];
      if (found !== undefined) return JSON.parse(found);
      await this.#mustRun('what it holds');
      await this.#news();
    }
  }

  /** Ends it with SIGTERM. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exit;
  }

  /** Ends it with SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  async #mustRun(what: string): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      throw new Error(`flockd ended (${await this.#exit}) before it said ${what}`);
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const heard = (): void => {
        this.#listeners.delete(heard);
        resolve();
      };
      this.#listeners.add(heard);
    });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
