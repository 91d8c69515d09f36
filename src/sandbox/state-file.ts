import path from 'node:path';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, sweepTemporaries } from '../fs.ts';
import { emptyState, type SandboxState, stateSchema } from './state.ts';

/** The most a state file may hold. Bytes. */
const largest = 512 * 1024 * 1024;

/** Reads a stored sandbox; a file that is not there is an empty one, a damaged one is left as it is. */
export async function readState(file: string): Promise<SandboxState> {
  let text: string;
  try {
    text = (await readRegularFile(file, largest)).toString('utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return emptyState();
    throw new FlockError('io', `cannot read the sandbox's state ${file}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const state = stateSchema.safeParse(parse(text));
  if (state.success) return state.data;
  throw new FlockError('data', `the sandbox's state ${file} is damaged: ${firstIssue(state.error)}`, {
    hint: 'move the file away to begin with an empty sandbox',
    cause: state.error,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue || issue.path.length === 0) return 'it is not the JSON of a sandbox';
  return `${issue.path.join('.')}: ${issue.message}`;
}

/** The state holds secrets, so the file is its owner's alone. */
async function writeState(file: string, state: SandboxState): Promise<void> {
  try {
    await sweepTemporaries(path.dirname(file), path.basename(file));
    await replaceFile(file, `${JSON.stringify(state)}\n`);
  } catch (error) {
    const message = `cannot write the sandbox's state ${file}: ${reasonOf(error)}`;
    throw new FlockError('cannotCreate', message, { cause: error });
  }
}

/** How long changes are gathered before they are written. Milliseconds. */
const patience = 500;

/** Keeps a state file up to date with a world that changes. */
export class StateKeeper {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #read: () => SandboxState;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param read gives the state as it is at the time of writing */
  constructor(file: string, clock: Clock, read: () => SandboxState) {
    this.#file = file;
    this.#clock = clock;
    this.#read = read;
  }

  /** Says that something changed; it is written soon. */
  touch(): void {
    this.#cancel ??= this.#clock.at(this.#clock.now() + patience, () => {
      this.#cancel = undefined;
      // A failure is reported by close(), which writes once more.
      this.#write().catch(() => undefined);
    });
  }

  /** Writes the state a last time and resolves when it is stored. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#write();
  }

  /** One write at a time, so that an older state never lands on a newer one. */
  #write(): Promise<void> {
    const write = (): Promise<void> => writeState(this.#file, this.#read());
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }
}
