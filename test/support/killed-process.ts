import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

type Call = (...args: unknown[]) => Promise<unknown>;

/**
 * In a process that is to be killed: counts its calls of the world outside, and kills it at one of them with SIGKILL. Each
 * call is a line of standard output. `at` is `HOW N`: HOW says whether it dies `before` the N-th call, `after` it, or `half` way
 * through what that writes.
 */
export class KillPoint {
  readonly #how: string | undefined;
  readonly #last: string | undefined;
  #calls = 0;

  constructor(at: string) {
    [this.#how, this.#last] = at.split(' ');
  }

  /** Makes a call, or dies. `half` makes half of it. */
  async call<T>(name: string, act: () => T, half?: () => Promise<unknown>): Promise<Awaited<T>> {
    const isLast = String(++this.#calls) === this.#last;
    process.stdout.write(`${this.#calls} ${name}\n`);
    if (isLast && this.#how === 'before') die();
    if (isLast && this.#how === 'half' && half) {
      await half();
      die();
    }
    const result = await act();
    if (isLast) die();
    return result;
  }

  /** Counts the calls of open files and of `node:fs/promises` that have these names. `open` counts only for `flags`. */
  async watchDisk(ofFiles: readonly string[], flags: readonly string[] = []): Promise<void> {
    const probe = await fs.open(process.execPath, 'r');
    const handles = Object.getPrototypeOf(probe) as Record<string, Call>;
    await probe.close();
    for (const name of ofFiles) {
      const act = handles[name];
      if (act) handles[name] = this.#counted(name, act);
    }
    const open = fs.open as Call;
    const countedOpen = this.#counted('open', open);
    Object.assign(fs, {
      open: (...args: unknown[]) => (flags.includes(String(args[1])) ? countedOpen : open)(...args),
      rename: this.#counted('rename', fs.rename as Call),
      rm: this.#counted('rm', fs.rm as Call),
    });
    syncBuiltinESMExports();
  }

  #counted(name: string, act: Call): Call {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the function below has a `this` of its own: the open file
    const point = this;
    return function (this: unknown, ...args) {
      const half = (): Promise<unknown> => {
        const bytes = Buffer.from(args[0] as string | Uint8Array);
        return act.call(this, bytes.subarray(0, bytes.length / 2));
      };
      return point.call(name, () => act.apply(this, args), name.startsWith('write') ? half : undefined);
    };
  }
}

const die = (): void => void process.kill(process.pid, 'SIGKILL');

/** Runs a script with a {@link KillPoint} to its end. @returns the names of its calls */
export function runKilled(
  script: string,
  args: readonly string[],
): { calls: string[]; signal: string | null } {
  const { stdout, stderr, signal } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return { calls: stdout.split('\n').flatMap((line) => line.split(' ')[1] ?? []), signal };
}
