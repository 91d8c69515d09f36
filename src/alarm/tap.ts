import type { Logger } from '../log.ts';

/**
 * A log that somebody listens to.
 *
 * @param heard - told of every line, once it is written
 */
export function tapped(log: Logger, heard: (fields: unknown, message: unknown) => void): Logger {
  const tap = log.child({});
  for (const level of ['info', 'warn', 'error'] as const) {
    const write = tap[level].bind(tap);
    tap[level] = (fields: unknown, message?: string): void => {
      write(fields, message);
      heard(fields, message);
    };
  }
  return tap;
}
