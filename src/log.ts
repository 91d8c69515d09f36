import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/**
 * The log of the daemon, on standard output: readable lines on a terminal, one JSON object a line everywhere else.
 * Every line has an `event`; texts and secrets are never logged.
 */
export function openLog(stream: NodeJS.WriteStream, { color }: { color: boolean }): Logger {
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (!stream.isTTY) {
    const destination = pino.destination({ fd: 1, sync: true });
    // A log that nobody can write any more, a closed pipe or a full disk, stops no poem.
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
