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
  /** The base of the X API; nobody is asked where there is none. */
  api?: string;
  /** Posts under way at once. */
  sockets?: number;
  env?: NodeJS.ProcessEnv;
  /** For Node itself. */
  flags?: readonly string[];
  /** For `flockd run`. */
  args?: readonly string[];
  /** The file that goes into it first, and says on SIGUSR2 what it holds. */
  probe?: string;
  /** Where its log goes, where that is not to be kept. */
  log?: string;
}

/** Megabytes; of each space of the heap, what is in it and what it takes. */
const left = z.object({
  rss: z.number(),
  heap: z.number(),
  spaces: z.array(z.tuple([z.string(), z.number(), z.number()])),
});

/** How often it is looked whether it has come to rest, and how much of that a process at rest may use. Milliseconds. */
const slice = 20;
const restful = 2;
/** How many such looks on end make a rest. */
const looks = 30;

/** The real flockd as a process, and something that listens in systemd's place. */
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

  /** Resolves with the time from the start until systemd was told something. Milliseconds. */
  async said(what: RegExp): Promise<number> {
    for (;;) {
      const found = this.#heard.find(({ text }) => what.test(text));
      if (found) return found.at;
      await this.#mustRun(String(what));
      await this.#news();
    }
  }

  /** What it told systemd before it was ready. */
  get statuses(): string[] {
    const all = this.#heard.map(({ text }) => text).join('\n');
    return (all.split('READY=1')[0] ?? '').match(/STATUS=[^\n]+/g) ?? [];
  }

  /** Resolves with the time from the start until it had nothing more to do. Milliseconds. */
  async rest(): Promise<number> {
    await this.said(/READY=1/);
    let busyUntil = performance.now();
    let used = this.cpu;
    for (let quiet = 0; quiet < looks; quiet++) {
      await sleep(slice);
      const now = this.cpu;
      if (now - used > restful) {
        busyUntil = performance.now();
        quiet = 0;
      }
      used = now;
    }
    return busyUntil - this.#started;
  }

  /** The most it had in memory, and what it has after its garbage was collected. Megabytes. */
  async memory(): Promise<{ peak: number; left: z.infer<typeof left> }> {
    const { peak } = memoryOf(this.pid);
    return { peak, left: left.parse(await this.probed()) };
  }

  /** What its probe says. */
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

  /** Ends it as a person would. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exit;
  }

  /** Ends it at once. */
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
