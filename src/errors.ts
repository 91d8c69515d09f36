/*
 * The errors that this program reports to a person, and their exit codes.
 */

/** The exit codes of both programs. @see sysexits.h (BSD) for 64 to 78; 130 is the shell's 128 + SIGINT. */
export const exitCodes = {
  done: 0,
  partly: 1,
  usage: 64,
  data: 65,
  unavailable: 69,
  cannotCreate: 73,
  io: 74,
  tryLater: 75,
  permission: 77,
  config: 78,
  interrupted: 130,
} as const;

export type Exit = keyof typeof exitCodes;

interface FlockErrorOptions {
  /** What the person can do, without the word `hint:`. */
  hint?: string | undefined;
  cause?: unknown;
}

/**
 * A failure that a person can act on: one line that says what happened to which bot or file, the repair (`hint`), and the
 * program's exit code. Anything else that is thrown is a bug.
 */
export class FlockError extends Error {
  override readonly name = 'FlockError';
  readonly exit: Exit;
  readonly hint: string | undefined;

  constructor(exit: Exit, message: string, options: FlockErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exit = exit;
    this.hint = options.hint;
  }
}

/** The function's result, or the FlockError that it throws. */
export function attempt<Result>(make: () => Result): Result | FlockError {
  try {
    return make();
  } catch (error) {
    if (error instanceof FlockError) return error;
    throw error;
  }
}

/** The same as {@link attempt} for a promise. */
export const attemptAsync = <Result>(promise: Promise<Result>): Promise<Result | FlockError> =>
  promise.catch((error: unknown) => {
    if (error instanceof FlockError) return error;
    throw error;
  });

/** The code of a failed system call (`ENOENT`), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * The error for a bug that stops only a part of the program. A FlockError is returned as it is.
 *
 * @param about - the part that stops, such as a bot's name
 */
export function bugIn(about: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  return new FlockError('data', `${about}: this is a bug: ${messageOf(cause)}`, {
    hint: 'please report it with the settings and the poem of that bot',
    cause,
  });
}

/** The message of anything that was thrown, in one line. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, ' ');
}
