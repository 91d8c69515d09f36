import { write } from 'node:fs';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { wrapAnsi } from 'fast-wrap-ansi';
import pc from 'picocolors';
import type { Clock } from '../clock.ts';
import { apiUrl, isDumbTerminal, wantsColor } from '../config/environment.ts';
import { LiveStatus, readBotFiles } from '../daemon/read-status.ts';
import { systemCode } from '../errors.ts';
import type { Flock } from '../flock/load.ts';
import { type BotStatus, needsSomebody, postPages, type Status } from '../flock/status.ts';
import type { Ledger } from '../ledger/journal.ts';
import { columnsOf, widthOf, wrapped } from '../text.ts';
import { flockWords, keylessTrouble, statusTable, troublesOf } from './tables.ts';

/*
 * The last lines of a terminal, drawn anew again and again, while a log goes by above them. Each change is one write, between
 * the signs that let a terminal show it at once (synchronized output), so that nothing flickers. Nobody waits for the
 * terminal: while it is slow or stopped (Ctrl-S) there are fewer frames.
 */

const begin = '\u001b[?2026h';
const end = '\u001b[?2026l';
/** A line that is too wide is cut by the terminal, and does not become two. */
const noWrap = '\u001b[?7l';
const wrap = '\u001b[?7h';
const eraseBelow = '\r\u001b[J';
const up = (lines: number): string => (lines > 0 ? `\u001b[${lines}A` : '');

/** A picture is taken so often, and takes this share of the time at most. Milliseconds. */
const every = 1000;
const share = 1 / 20;

/** Lines of the log that come together are shown together. Milliseconds. */
const soon = 50;

/** What waits for a terminal that shows nothing, at most. Characters. */
const maxWaiting = 256 * 1024;

/** A terminal to draw on. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Resolves once the text is out, which can take as long as the terminal likes. */
  write(text: string): Promise<void>;
  /** @returns the way to be told no more */
  onResize(resized: () => void): () => void;
  /**
   * Ctrl-Z, and what ends it. Others write on the terminal meanwhile.
   *
   * @param stops - the program stops once it has resolved
   * @returns the way to be told no more
   */
  onStop(stops: () => Promise<void>, goesOn: () => void): () => void;
}

/** Lines for a screen, none of them wider, and fewer than it has. */
type Picture = (screen: Pick<Screen, 'columns' | 'rows'>) => string[];

export class LiveView implements AsyncDisposable {
  /** Where the log goes; it is as good as a terminal. */
  readonly log = Object.assign(
    new Writable({
      decodeStrings: false,
      write: (text: unknown, _, done) => {
        this.#say(String(text));
        done();
      },
    }),
    { isTTY: true },
  );
  readonly #screen: Screen;
  readonly #forget: (() => void)[];
  #picture: Picture | undefined;
  #isHidden = false;
  #lines: string[] = [];
  /** The lines that are on the screen now. */
  #shown: string[] = [];
  /** What the log has said and is not on the screen yet. */
  #said = '';
  #writing: Promise<void> | undefined;
  #next: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#forget = [
      screen.onResize(() => {
        this.redraw();
      }),
      screen.onStop(
        () => this.#hide(),
        () => {
          this.#isHidden = false;
          this.redraw();
        },
      ),
    ];
  }

  /** Shows a picture from now on, and takes it again each second. */
  show(picture: Picture): void {
    this.#picture = picture;
    this.redraw();
  }

  /** Leaves the log alone on the screen. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const forget of this.#forget) forget();
    await this.#hide();
  }

  /** Takes the picture away; the log goes on. */
  async #hide(): Promise<void> {
    this.#isHidden = true;
    clearTimeout(this.#tick);
    this.#lines = [];
    await this.#written();
    this.#flush();
    await this.#written();
  }

  async #written(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Takes the picture again now. */
  redraw(): void {
    clearTimeout(this.#tick);
    if (!this.#picture || this.#isHidden) return;
    const from = performance.now();
    this.#lines = this.#picture(this.#screen);
    const took = performance.now() - from;
    this.#tick = setTimeout(
      () => {
        this.redraw();
      },
      Math.max(every, took / share),
    ).unref();
    this.#flush();
  }

  #say(text: string): void {
    this.#said = (this.#said + text).slice(-maxWaiting);
    this.#next ??= setTimeout(() => {
      this.#flush();
    }, soon);
  }

  #flush(): void {
    clearTimeout(this.#next);
    this.#next = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#said !== '') this.#flush();
    });
  }

  #write(): Promise<void> {
    const { columns } = this.#screen;
    // A terminal that became narrower has broken the lines that are too wide for it now.
    const height = this.#shown.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)),
      0,
    );
    const frame = this.#lines.map((line) => `${line}\n`).join('');
    const text = `${begin}${up(height)}${eraseBelow}${wrapped(this.#said, columns)}${noWrap}${frame}${wrap}${end}`;
    this.#shown = this.#lines;
    this.#said = '';
    return this.#screen.write(text);
  }
}

const writeTo = promisify(write);

/** How long a terminal that takes nothing is left alone. Milliseconds. */
const retryAfterFull = 100;

/**
 * A terminal that may keep its writer waiting without keeping the process: Node's own stream blocks it, which would hold up
 * every post while somebody has stopped the output with Ctrl-S.
 */
const openScreen = (stream: NodeJS.WriteStream & { fd: number }): Screen => ({
  get columns() {
    return columnsOf(stream);
  },
  get rows() {
    return stream.rows || 24;
  },
  async write(text) {
    let rest = Buffer.from(text);
    while (rest.length > 0) {
      const { bytesWritten } = await writeTo(stream.fd, rest).catch(async (error: unknown) => {
        if (systemCode(error) !== 'EAGAIN') {
          // A terminal that is gone gets nothing more: whoever hears of the stream's errors decides what follows.
          stream.emit('error', error);
          return { bytesWritten: rest.length };
        }
        await new Promise((resolve) => setTimeout(resolve, retryAfterFull));
        return { bytesWritten: 0 };
      });
      rest = rest.subarray(bytesWritten);
    }
  },
  onResize(resized) {
    stream.on('resize', resized);
    return () => stream.off('resize', resized);
  },
  onStop(stops, goesOn) {
    const stop = (): void => {
      void stops().then(() => process.kill(process.pid, 'SIGSTOP'));
    };
    process.on('SIGTSTP', stop).on('SIGCONT', goesOn);
    return () => void process.off('SIGTSTP', stop).off('SIGCONT', goesOn);
  },
});

/** The screen a frame is for. */
interface FrameSize {
  columns: number;
  rows: number;
  colors: boolean;
}

/** So many lines of the log stay in sight above it, where the screen has room. */
const ofLog = 6;

/** On fewer there is the log alone. */
const minRows = 4;

/** A blank line, and the heads of the table. */
const chrome = 2;

/** What is shown of a flock. */
interface ShownFlock extends Status {
  /** Bots that have a poem and no key yet. */
  keyless?: readonly string[] | undefined;
}

/** So many of them are named. */
const maxKeyless = 3;

function keylessLines(keyless: readonly string[], columns: number): string[] {
  const trouble = keylessTrouble(keyless, (call) => `keymaker ${call}`, maxKeyless);
  return trouble ? wrappedLines(`${trouble.text} (${trouble.hint ?? ''})`, columns) : [];
}

/** A screen of the flock: a table, a sentence, and what is wrong. It has fewer lines than the screen, none of them wider. */
export function flockFrame(
  { flock, bots, keyless = [] }: ShownFlock,
  now: number,
  { columns, rows, colors }: FrameSize,
): string[] {
  if (rows < minRows) return [];
  const paint = pc.createColors(colors);
  const room = Math.max(rows - 1 - ofLog, Math.floor(rows / 2)) - chrome;
  const words = wrappedLines(
    `${flock.stopped ? 'The flock is stopped. ' : ''}${flockWords(flock, bots)}`,
    columns,
  );
  const unready = keylessLines(keyless, columns);
  // Half of the screen at most, more where the flock is small.
  const left = room - words.length - unready.length - Math.min(bots.length, Math.ceil(room / 2));
  const troubles = troubleLines(bots, { now, columns, most: left }).map((line) => paint.dim(line));
  const rowsOfBots = chosen(bots, room - words.length - troubles.length - unready.length);
  const more = bots.length - rowsOfBots.length;
  return [
    '',
    ...statusTable(rowsOfBots, { columns, colors, now }),
    ...(more > 0 ? [paint.dim(`… and ${more} more`)] : []),
    ...words.map((line) => (flock.stopped ? paint.bold(line) : line)),
    ...troubles,
    ...unready.map((line) => paint.dim(line)),
  ].slice(0, rows - 1);
}

/** As many as there is room for, with a line for the others: who needs somebody first, then who posts next. */
function chosen(bots: readonly BotStatus[], most: number): readonly BotStatus[] {
  if (bots.length <= most) return bots;
  const room = Math.max(1, most - 1);
  // Of thousands only a screenful is put in order.
  const first: { bot: BotStatus; key: string }[] = [];
  for (const bot of bots) {
    const key = urgency(bot);
    const place = first.findIndex((other) => key < other.key);
    if (place < 0 && first.length === room) continue;
    first.splice(place < 0 ? first.length : place, 0, { bot, key });
    if (first.length > room) first.pop();
  }
  return first.map(({ bot }) => bot);
}

/** Texts that sort as their bots should. */
const urgency = (status: BotStatus): string =>
  `${needsSomebody(status) ? 0 : 1} ${status.next ?? '~'} ${status.bot}`;

/** What is wrong, as far as there is room for it. */
function troubleLines(
  bots: readonly BotStatus[],
  { now, columns, most }: { now: number; columns: number; most: number },
): string[] {
  const lines: string[] = [];
  const troubles = troublesOf(bots, now);
  for (const [index, { text, hint }] of troubles.entries()) {
    const said = wrappedLines(hint === undefined ? text : `${text} (${hint})`, columns);
    const isLast = index === troubles.length - 1;
    if (lines.length + said.length + (isLast ? 0 : 1) > most) {
      const others = troubles.length - index;
      return most < 1
        ? []
        : [...lines, `… flockd status tells what is wrong with ${others} more`.slice(0, columns)];
    }
    lines.push(...said);
  }
  return lines;
}

const wrappedLines = (text: string, columns: number): string[] =>
  wrapAnsi(text, columns, { hard: true }).split('\n');

interface LiveOptions {
  ledger: Ledger;
  clock: Clock;
  isStopped: () => boolean;
}

/** What a person at the terminal sees of a running flock, below its log. Elsewhere there is the log alone. */
export class Live implements AsyncDisposable {
  readonly #view: LiveView | undefined;
  #status: LiveStatus | undefined;
  #read: () => ShownFlock | undefined = () => undefined;
  /** The newest, and the one whose files are read. */
  #newest: Flock | undefined;
  #flock: Flock | undefined;

  constructor() {
    const isForPerson = process.stdout.isTTY && !isDumbTerminal();
    this.#view = isForPerson ? new LiveView(openScreen(process.stdout)) : undefined;
  }

  /** Where the log goes. */
  get log(): NodeJS.WritableStream & { isTTY: boolean } {
    return this.#view?.log ?? process.stdout;
  }

  /** Shows the flock from now on. */
  watch({ ledger, clock, isStopped }: LiveOptions): void {
    const status = new LiveStatus(ledger);
    this.#status = status;
    const colors = wantsColor(process.stdout.isTTY);
    const pages = postPages(apiUrl());
    this.#read = () => {
      if (!this.#flock) return undefined;
      const { purse, keyless } = this.#flock;
      const read = status.read({ purse, isStopped: isStopped(), now: clock.now(), pages });
      return { ...read, keyless: keyless.map(({ name }) => name) };
    };
    this.#view?.show((screen) => {
      const read = this.#read();
      return read ? flockFrame(read, clock.now(), { ...screen, colors }) : [];
    });
  }

  /** Takes up what is new in the flock's files. */
  update(flock: Flock): void {
    if (!this.#view) return;
    this.#newest = flock;
    void readBotFiles(flock).then((files) => {
      if (this.#newest !== flock) return;
      this.#flock = flock;
      this.#status?.update(files);
      this.#view?.redraw();
    });
  }

  /** Leaves the log, and a last word on the flock. */
  async [Symbol.asyncDispose](): Promise<void> {
    const status = this.#read();
    if (status) {
      const isWell = !status.bots.some(needsSomebody);
      const more = isWell ? '' : ' flockd status tells what is wrong.';
      this.#view?.log.write(`${flockWords(status.flock, status.bots)}${more}\n`);
    }
    await this.#view?.[Symbol.asyncDispose]();
  }
}
