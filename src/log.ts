import pino, { type DestinationStream, type LogFn, type LoggerOptions } from 'pino';
import pretty from 'pino-pretty';
import { atClock, cutTo, localTime, withClocks } from './text.ts';

/** What is known of an event, by the names of the log. */
export interface EventFields {
  event: string;
  bot?: string;
  /** Of the poem, counted from 1. */
  line?: number;
  why?: string;
  hint?: string | undefined;
  /** ISO 8601. */
  until?: string;
  [name: string]: unknown;
}

/** An event of the daemon: a line of its log. */
export interface DaemonEvent {
  level: 'info' | 'warn' | 'error';
  fields: EventFields;
  message: string;
}

/** Where events go. */
export type Logger = Record<DaemonEvent['level'], (fields: EventFields, message: string) => void>;

/** The events of the daemon. The log subscribes to them, and whatever else needs to know of them without reading the log. */
export class EventLog implements Logger {
  readonly #subscribers: ((event: DaemonEvent) => void)[] = [];
  readonly #said = new Map<unknown, string>();

  /** @param lines - gets every event before other subscribers do */
  constructor(lines?: Logger) {
    if (lines) this.subscribe(({ level, fields, message }) => lines[level](fields, message));
  }

  subscribe(hear: (event: DaemonEvent) => void): void {
    this.#subscribers.push(hear);
  }

  readonly info = this.#emitter('info');
  readonly warn = this.#emitter('warn');
  readonly error = this.#emitter('error');

  /** This log where there is news under a key, and otherwise one that keeps nothing. */
  once(key: unknown, news = ''): Logger {
    return this.isNews(key, news) ? this : silent;
  }

  /** Whether something else was said last under a key, or nothing; from now on this was. */
  isNews(key: unknown, news = ''): boolean {
    if (this.#said.get(key) === news) return false;
    this.#said.set(key, news);
    return true;
  }

  /** Whatever comes next under a key is news. */
  forget(key: unknown): void {
    this.#said.delete(key);
  }

  #emitter(level: DaemonEvent['level']) {
    return (fields: EventFields, message: string): void => {
      const event = { level, fields, message };
      for (const hear of this.#subscribers) hear(event);
    };
  }
}

const silent: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** What a log for people needs besides its lines. */
interface ForPeople {
  color: boolean;
  /** The zone of its times: IANA. */
  timezone: () => string;
  /** The text that a bot has just posted, once; never kept in a log that is not for people. */
  takeText?: (bot: string) => string | undefined;
  /** The width of the terminal, which texts are cut to. */
  columns?: () => number;
  /** The events that people see elsewhere. */
  hidden?: ReadonlySet<string>;
}

/**
 * The daemon's log, on standard output: readable lines on a terminal, otherwise one JSON object a line.
 * Every line has an `event`; texts of posts and secrets are never logged.
 */
export function openLog(
  stream: NodeJS.WritableStream & { isTTY: boolean },
  { journal = false, ...forPeople }: ForPeople & { journal?: boolean },
): EventLog {
  const options: LoggerOptions = {
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      log: (fields) =>
        Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, short(value)])),
    },
    hooks: {
      logMethod(args, method) {
        method.apply(this, args.map(short) as Parameters<LogFn>);
      },
    },
  };
  if (!stream.isTTY) {
    const destination = pino.destination({ fd: 1, sync: true });
    if (journal) return new EventLog(pino(options, forJournal(destination)));
    // A failed write (a closed pipe, a full disk) must not stop the posting.
    destination.on('error', () => undefined);
    return new EventLog(pino(options, destination));
  }
  const lines = pino(options, linesForPeople(stream, forPeople));
  const log = new EventLog();
  log.subscribe(({ level, fields, message }) => {
    if (forPeople.hidden?.has(fields.event) !== true) lines[level](fields, message);
  });
  return log;
}

/** What stands before the message: `[21:05:04] INFO: `. */
const heading = 17;
/** A text is not cut to less. */
const minColumns = 60;

const oneLine = (text: string): string => text.trim().replaceAll(/\n\s*/g, ' / ');

/**
 * Writes the JSON lines that it gets as people read them, with every time in one zone.
 *
 * @param withDate - whether each line begins with its date
 */
export function linesForPeople(
  destination: NodeJS.WritableStream,
  {
    color,
    timezone,
    takeText,
    columns = () => 120,
    withDate = false,
  }: Omit<ForPeople, 'hidden'> & { withDate?: boolean },
): ReturnType<typeof pretty> {
  const timeOf = (at: unknown): string => {
    const { date, time } = localTime(Date.parse(typeof at === 'string' ? at : ''), timezone(), {
      withSeconds: true,
    });
    return withDate ? `${date} ${time}` : time;
  };
  return pretty({
    sync: true,
    colorize: color,
    translateTime: false,
    customPrettifiers: { time: (at) => `[${timeOf(at)}]` },
    messageFormat: ({ bot, event, ...fields }, key) => {
      const message = withClocks(String(fields[key]), (instant) => atClock(instant, timezone()));
      const whose = typeof bot === 'string' ? `${bot}: ` : '';
      const text = event === 'posted' && typeof bot === 'string' ? takeText?.(bot) : undefined;
      const said = text === undefined ? `${whose}${message}` : `${whose}${message}: ${oneLine(text)}`;
      const clean = said.replaceAll(/\p{Cc}/gu, '\ufffd');
      return text === undefined ? clean : cutTo(clean, Math.max(minColumns, columns()) - heading);
    },
    hideObject: true,
    destination,
  });
}

/**
 * The maximum length of a text in a line, in characters. The systemd journal splits a line of more than 48 kB, and the parts
 * are no JSON; a line has a handful of texts.
 */
const maxText = 2000;

const short = (value: unknown): unknown =>
  typeof value === 'string' && value.length > maxText ? `${value.slice(0, maxText)}…` : value;

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
