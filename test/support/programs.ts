import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

export const scriptOf = (program: Program): string => path.join(root, 'dist', `${program}.js`);
export const terminalScript = path.join(root, 'test/e2e/terminal.py');

export type Program = 'keymaker' | 'flockd';
export type Environment = Record<string, string | undefined>;

export interface StartOptions {
  cwd: string;
  env?: Environment;
  /** In a real terminal that many characters wide. */
  columns?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** This process's environment without what the programs would read from it, and what the test sets. */
export function cleanEnvironment(set: Environment = {}): NodeJS.ProcessEnv {
  const ours =
    /^(CONSUMER_|KEYMAKER_|NODE_|NO_COLOR|FORCE_COLOR|CLICOLOR|COLUMNS|STATE_DIRECTORY|CREDENTIALS_DIRECTORY|NOTIFY_SOCKET|WATCHDOG_|LISTEN_|INVOCATION_ID)/;
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8', ...set };
}

/** Starts one of the two programs as its user would. */
export function start(program: Program, args: readonly string[], options: StartOptions): Running {
  const call = [process.execPath, scriptOf(program), ...args];
  const { columns } = options;
  return startCommand(
    columns === undefined ? call : ['python3', terminalScript, String(columns), ...call],
    options,
  );
}

/** Starts any command, to be watched in the same way. */
export function startCommand([command = '', ...args]: readonly string[], options: StartOptions): Running {
  const { cwd, env } = options;
  return new Running(spawn(command, args, { cwd, env: cleanEnvironment(env), stdio: 'pipe' }));
}

/** How long to wait for what comes within a second, unless the machine is very busy. Milliseconds. */
const patience = 300_000;

interface Expectation {
  met: () => boolean;
  /** Called once no more output can come. */
  ended: () => void;
}

/** None outlives the tests, not even where one of them failed. */
const underWay = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of underWay) child.kill('SIGKILL');
});

/** A program under way: what it has said, and promises of what it will say. */
export class Running {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output = { stdout: '', stderr: '' };
  readonly #expectations = new Set<Expectation>();
  #ended = false;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    underWay.add(child);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text;
        this.#check();
      });
    }
    // It may have gone before it read what it was told.
    child.stdin.on('error', () => undefined);
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        underWay.delete(child);
        this.#ended = true;
        this.#check();
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  /** Whole lines of standard output. */
  get lines(): string[] {
    return this.stdout.split(/\r?\n/).slice(0, -1);
  }

  /** What the log has said so far, where it speaks JSON. */
  get log(): LogLine[] {
    return this.lines.map((line) => JSON.parse(line) as LogLine);
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** One answer, as a line. */
  answer(line: string): void {
    this.write(`${line}\n`);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** The first output after `from` that matches, as soon as it is there; rejects when the program ends without it. */
  async matching(
    pattern: RegExp,
    { from = 0, stream = 'stdout' }: { from?: number; stream?: 'stdout' | 'stderr' } = {},
  ): Promise<RegExpExecArray & { end: number }> {
    let found: RegExpExecArray | null = null;
    await this.#expect(
      () => {
        found = new RegExp(pattern.source, pattern.flags.replace('g', '')).exec(
          this.#output[stream].slice(from),
        );
        return found !== null;
      },
      `${String(pattern)} on ${stream}`,
    );
    const match = found as unknown as RegExpExecArray;
    return Object.assign(match, { end: from + match.index + match[0].length });
  }

  /** The first whole line of standard output that matches. */
  async lineMatching(pattern: RegExp): Promise<RegExpExecArray> {
    return this.matching(new RegExp(`^(?:.*?)(?:${pattern.source})(?:.*)\\r?\\n`, 'm'));
  }

  /** The first line of the log that fits, as soon as it is there. */
  async logged(event: string, bot?: string, fits: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    let found: LogLine | undefined;
    await this.#expect(
      () => {
        found = this.log.find(
          (line) => line.event === event && (bot === undefined || line.bot === bot) && fits(line),
        );
        return found !== undefined;
      },
      `event ${event} of ${bot ?? 'any bot'}`,
    );
    if (!found) throw new Error('unreachable');
    return found;
  }

  #expect(met: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const expectation = {
        met: () => {
          if (!met()) return false;
          clearTimeout(timer);
          resolve();
          return true;
        },
        ended: () => {
          clearTimeout(timer);
          reject(this.#disappointment(`ended before ${what}`));
        },
      };
      const timer = setTimeout(() => {
        reject(this.#disappointment(`waited in vain for ${what}`));
      }, patience);
      this.#expectations.add(expectation);
      this.#check();
    });
  }

  #disappointment(what: string): Error {
    return new Error(`${what}\nstdout:\n${this.stdout}\nstderr:\n${this.stderr}`);
  }

  #check(): void {
    for (const expectation of this.#expectations) {
      if (expectation.met()) this.#expectations.delete(expectation);
      else if (this.#ended) expectation.ended();
    }
  }
}

export interface LogLine {
  event: string;
  bot?: string;
  msg: string;
  level: number;
  line?: number;
  hint?: string;
  reason?: string;
  why?: string;
  by?: string;
}

/** Whether a process is still there. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
