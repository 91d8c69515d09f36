import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { z } from 'zod';
import { joining } from '../bundle.js';

export const root = path.resolve(import.meta.dirname, '../..');
const here = import.meta.dirname;

export interface HelperOptions {
  env?: NodeJS.ProcessEnv;
  /** Flags for Node. */
  flags?: readonly string[];
  /** Arguments for the helper. */
  args?: readonly string[];
}

/** The temporary folder and the processes of a run. Disposal removes the folder and kills the processes. */
export class Stage implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  readonly #children = new Set<ChildProcess>();
  readonly #compiled = new Map<string, Promise<string>>();

  file(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** Starts a process, which is killed on disposal. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn(command, args, { ...options, env: cleanEnvironment(options.env) });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs a command to its end. @returns its standard output @throws {Error} if it fails */
  async run(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
    const child = this.spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const said = { stdout: '', stderr: '' };
    child.stdout?.on('data', (text: Buffer) => (said.stdout += text.toString()));
    child.stderr?.on('data', (text: Buffer) => (said.stderr += text.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    // 1 is the exit code of a report that found faults of the flock.
    if (code !== 0 && code !== 1)
      throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${said.stderr.slice(-2000)}`);
    return said.stdout;
  }

  /** Bundles a program and its imports into one file, so that no loader slows it down. @returns that file */
  compile(source: string): Promise<string> {
    const known = this.#compiled.get(source) ?? this.#compile(source);
    this.#compiled.set(source, known);
    return known;
  }

  async #compile(source: string): Promise<string> {
    const outfile = this.file(`${path.parse(source).name}.mjs`);
    await build({ ...joining, entryPoints: [path.resolve(here, source)], outfile });
    return outfile;
  }

  /** Starts a helper of the benchmark, in TypeScript or Python. */
  async helper(source: string, { env = {}, flags = [], args = [] }: HelperOptions = {}): Promise<Helper> {
    const call = source.endsWith('.py')
      ? ['/usr/bin/python3', path.join(here, source)]
      : [process.execPath, ...flags, await this.compile(source)];
    const [command = '', ...rest] = [...call, ...args];
    const stdio: SpawnOptions['stdio'] = ['pipe', 'pipe', 'inherit'];
    return new Helper(source, this.spawn(command, rest, { stdio, env, cwd: this.folder }));
  }

  /** Disposes this when the process exits, also by a signal. */
  closeAtExit(): void {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      process.once(signal, () => process.exit(code));
    }
    process.once('exit', () => {
      this[Symbol.dispose]();
    });
  }

  /** Synchronous, because it also runs while the process exits. */
  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    // Node's own rm takes ten times as long for 200,000 files.
    spawnSync('rm', ['-rf', this.folder]);
  }
}

/** This process's environment without variables that the programs read. */
function cleanEnvironment(set: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const ours =
    /^(CONSUMER_|KEYMAKER_|FLOCKD_|NODE_|NO_COLOR|FORCE_COLOR|STATE_DIRECTORY|CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|WATCHDOG_|LISTEN_|INVOCATION_ID|npm_)/;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name))), ...set };
}

const failure = z.object({ error: z.string() });

/** A process that answers questions in their order. */
export class Helper {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (line: string) => void; reject: (reason: Error) => void }[] = [];
  readonly #ended: Promise<void>;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    if (!child.stdout || !child.stdin) throw new Error(`${name}: started without its pipes`);
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line));
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${name} has ended`));
        resolve();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws {Error} with the message of the helper's error */
  async ask<T>(question: object, answer: z.ZodType<T>): Promise<T> {
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
    const said: unknown = JSON.parse(line);
    const failed = failure.safeParse(said);
    if (failed.success) throw new Error(`${this.#name}: ${failed.data.error}`);
    return answer.parse(said);
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}
