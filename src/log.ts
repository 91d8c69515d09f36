import pino, { type DestinationStream, type LogFn, type Logger, type LoggerOptions } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/**
 * The daemon's log, on standard output: readable lines on a terminal, otherwise one JSON object a line.
 * Every line has an `event`; texts of posts and secrets are never logged.
 */
export function openLog(
  stream: NodeJS.WritableStream & { isTTY: boolean },
  { color, journal = false }: { color: boolean; journal?: boolean },
): Logger {
  const options: LoggerOptions = {
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: (fields) => mapValues(fields, short) },
    hooks: {
      logMethod(args, method) {
        method.apply(this, args.map(short) as Parameters<LogFn>);
      },
    },
  };
  if (!stream.isTTY) {
    const destination = pino.destination({ fd: 1, sync: true });
    if (journal) return pino(options, forJournal(destination));
    // A failed write (a closed pipe, a full disk) must not stop the posting.
    destination.on('error', () => undefined);
    return pino(options, destination);
  }
  return pino(
    options,
    pretty({
      sync: true,
      colorize: color,
      translateTime: 'SYS:HH:MM:ss',
      messageFormat: '{if bot}{bot}: {end}{msg}',
      hideObject: true,
      destination: stream,
    }),
  );
}

/**
 * The maximum length of a text in a line, in characters. The systemd journal splits a line of more than 48 kB, and the parts
 * are no JSON; a line has a handful of texts.
 */
const maxText = 2000;

const short = (value: unknown): unknown =>
  typeof value === 'string' && value.length > maxText ? `${value.slice(0, maxText)}…` : value;

const mapValues = (object: object, change: (value: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));

/** pino's levels as the journal's priorities. @see sd-daemon(3) */
const priorities = [
  [60, 2],
  [50, 3],
  [40, 4],
  [30, 6],
] as const;
const debug = 7;

/** Begins each line with its priority, so that `journalctl -p err` works. */
function forJournal(destination: {
  write: (line: string) => unknown;
}): DestinationStream & { lastLevel: number } {
  return {
    // With this symbol, pino sets `lastLevel` before each write.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 30,
    write(line: string) {
      const [, priority] = priorities.find(([level]) => this.lastLevel >= level) ?? [0, debug];
      destination.write(`<${priority}>${line}`);
    },
  };
}

/**
 * A log with an observer.
 *
 * @param onLine - called with every line, once it is written
 */
export function tapped(log: Logger, onLine: (fields: unknown, message: unknown) => void): Logger {
  const tap = log.child({});
  for (const level of ['info', 'warn', 'error'] as const) {
    const write = tap[level].bind(tap);
    tap[level] = (fields: unknown, message?: string): void => {
      write(fields, message);
      onLine(fields, message);
    };
  }
  return tap;
}
