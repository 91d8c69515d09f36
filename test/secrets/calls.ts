import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { bundle } from '../support/bundle.ts';
import { cleanEnvironment, type Environment, type Program } from '../support/programs.ts';

/** A call as the process of calls takes it. */
export interface ProcessCall {
  program: Program;
  args: string[];
  env: Record<string, string>;
  input: string;
}

/** What a call said, and its exit code; null where it took the whole process with it. */
export interface Said {
  code: number | null;
  stdout: string;
  stderr: string;
}

const script = path.join(import.meta.dirname, 'calls-process.ts');

/** What follows all that a call says, on both streams. */
export const markOf = (code: number): string => `\0ends with ${code}\n`;
const mark = /\0ends with (\d+)\n/;

/** Carries out calls of the two programs, one at a time, all in one process of a folder. */
export class Calls implements AsyncDisposable {
  readonly #cwd: string;
  readonly #env: Environment;
  #child: ChildProcess | undefined;

  constructor(cwd: string, env: Environment) {
    this.#cwd = cwd;
    this.#env = env;
  }

  async carryOut(call: ProcessCall): Promise<Said> {
    const child = (this.#child ??= await this.#start());
    const said = Promise.all([untilMark(child, 'stdout'), untilMark(child, 'stderr')]);
    child.send(call);
    const [out, err] = await said;
    return { code: out.code, stdout: out.text, stderr: err.text };
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(await bundle(script), {
      cwd: this.#cwd,
      env: cleanEnvironment(this.#env),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child.stdout?.setEncoding('utf8');
    child.stderr?.setEncoding('utf8');
    child.once('close', () => {
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
}

/** What a process says up to the next mark, or to its end. */
function untilMark(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
): Promise<{ text: string; code: number | null }> {
  return new Promise((resolve) => {
    const stream = child[name];
    let text = '';
    const done = (code: number | null): void => {
      stream?.off('data', more);
      child.off('close', ended);
      resolve({ text: text.replace(mark, ''), code });
    };
    const ended = (code: number | null): void => {
      done(code);
    };
    const more = (part: string): void => {
      text += part;
      const found = mark.exec(text);
      if (found) done(Number(found[1]));
    };
    stream?.on('data', more);
    child.once('close', ended);
  });
}
