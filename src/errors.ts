/**
 * The exit codes of both programs, by what they mean.
 *
 * @see sysexits.h (BSD) for 64 to 78; 130 is the shell's 128 + SIGINT.
 */
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

export interface FlockErrorOptions {
  /** What the person can do about it, without the word `hint:`. */
  hint?: string;
  cause?: unknown;
}

/**
 * A failure a person can act on: one line that says what happened to which bot or file, the repair,
 * and the exit code it ends the program with. Anything else that is thrown is a bug.
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

/** The code Node gives a system call's error (`ENOENT`), or undefined where it has none. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** How a bug is told that stops one thing alone, where the program goes on. @param about - what it is about */
export function bugIn(about: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  return new FlockError('data', `${about}: this is a bug: ${messageOf(cause)}`, {
    hint: 'please report it with the settings and the poem of that bot',
    cause,
  });
}

/** What went wrong, in one line, whatever was thrown. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, ' ');
}
