import { write } from 'node:fs';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { wrapAnsi } from 'fast-wrap-ansi';
import pc from 'picocolors';
import type { Clock } from '../clock.ts';
import { isDumbTerminal, wantsColor } from '../config/environment.ts';
import { systemCode } from '../errors.ts';
import { type BotStatus, needsSomebody, type Status, urgencyOf } from '../flock/status.ts';
import { columnsOf, ownZone, relativeTimeHolds, widthOf, wrapped } from '../text.ts';
import type { FlockView, SnapshotCache } from '../web/dashboard/snapshot.ts';
import { flockWords, keylessTroubles, mostUrgentFirst, statusTable, troublesOf } from './tables.ts';

/*
 * The last lines of a terminal, which show the flock while the log scrolls above them. Each change is one write, between the
 * sequences for synchronized output, so that nothing flickers. A slow or stopped terminal (Ctrl-S) gets fewer frames, and
 * nothing else waits for it.
 */

const begin = '\u001b[?2026h';
const end = '\u001b[?2026l';
/** The terminal cuts a line that is too wide, and does not wrap it. */
const noWrap = '\u001b[?7l';
const wrap = '\u001b[?7h';
const eraseBelow = '\r\u001b[J';
const up = (lines: number): string => (lines > 0 ? `\u001b[${lines}A` : '');

/** The maximum share of the time that drawing takes. */
const maxShare = 1 / 20;

/** For how long lines of the log are collected for one write. Milliseconds. */
const delay = 50;

/** How much of the log is kept for a terminal that takes nothing. Characters. */
const maxPending = 256 * 1024;

/** A terminal to draw on. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Resolves once the text is out, which can take as long as the terminal likes. */
  write(text: string): Promise<void>;
  /** @returns ends it */
  onResize(resized: () => void): () => void;
  /**
   * Ctrl-Z, and `fg` after it. Other programs write on the terminal in between.
   *
   * @param stops - the program stops once it has resolved
   * @returns ends it
   */
  onStop(stops: () => Promise<void>, goesOn: () => void): () => void;
}

interface Frame {
  /** None wider than the screen, and fewer than it has. */
  lines: string[];
  /** For how long it stays true by itself. Milliseconds. */
  holds: number;
}

type DrawFrame = (screen: Pick<Screen, 'columns' | 'rows'>) => Frame;

export class LiveView implements AsyncDisposable {
  /** Where the log goes. It counts as a terminal. */
  readonly log = Object.assign(
    new Writable({
      decodeStrings: false,
      write: (text: unknown, _, done) => {
        this.#add(String(text));
        done();
      },
    }),
    { isTTY: true },
  );
  readonly #screen: Screen;
  readonly #listeners: (() => void)[];
  #draw: DrawFrame | undefined;
  #isHidden = false;
  #lines: string[] = [];
  /** The lines that are on the screen now. */
  #shown: string[] = [];
  /** What of the log is not on the screen yet. */
  #pending = '';
  #writing: Promise<void> | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #drawTimer: NodeJS.Timeout | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#listeners = [
      screen.onResize(this.redraw),
      screen.onStop(
        () => this.#hide(),
        () => {
          this.#isHidden = false;
          this.redraw();
        },
      ),
    ];
  }

  /** Shows a frame from now on, and draws another when it holds no more. */
  show(draw: DrawFrame): void {
    this.#draw = draw;
    this.redraw();
  }

  /** Leaves the log alone on the screen. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#listeners) end();
    await this.#hide();
  }

  /** Erases the frame; the log continues. */
  async #hide(): Promise<void> {
    this.#isHidden = true;
    clearTimeout(this.#drawTimer);
    this.#lines = [];
    await this.#written();
    this.#flush();
    await this.#written();
  }

  async #written(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Draws the frame again now. */
  readonly redraw = (): void => {
    clearTimeout(this.#drawTimer);
    if (!this.#draw || this.#isHidden) return;
    const from = performance.now();
    const { lines, holds } = this.#draw(this.#screen);
    const took = performance.now() - from;
    this.#lines = lines;
    if (holds < Infinity) this.#drawTimer = setTimeout(this.redraw, Math.max(holds, took / maxShare)).unref();
    this.#flush();
  };

  #add(text: string): void {
    this.#pending = (this.#pending + text).slice(-maxPending);
    this.#flushTimer ??= setTimeout(() => {
      this.#flush();
    }, delay);
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#pending !== '') this.#flush();
    });
  }

  #write(): Promise<void> {
    const { columns } = this.#screen;
    // A terminal that became narrower has wrapped the lines that are too wide for it now.
    const heights = this.#shown.map((line) => Math.max(1, Math.ceil(widthOf(line) / columns)));
    const height = heights.reduce((sum, rows) => sum + rows, 0);
    const frame = this.#lines.map((line) => `${line}\n`).join('');
    const text = `${begin}${up(height)}${eraseBelow}${wrapped(this.#pending, columns)}${noWrap}${frame}${wrap}${end}`;
    this.#shown = this.#lines;
    this.#pending = '';
    return this.#screen.write(text);
  }
}

const writeTo = promisify(write);

/** After how long a terminal that takes nothing gets another write. Milliseconds. */
const retryAfterFull = 100;

/**
 * A terminal to which writes wait without blocking the process: Node's own stream blocks, which would hold up every post while
 * the output is stopped with Ctrl-S.
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
          // A terminal that is gone gets nothing more; what follows is decided where the stream's errors are handled.
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

interface FrameSize {
  columns: number;
  rows: number;
  colors: boolean;
}

/** How many lines of the log stay visible above it, where the screen has room. */
const logRows = 6;

/** A lower screen shows only the log. */
const minRows = 4;

/** A blank line, and the heads of the table. */
const chrome = 2;

/** What is shown of a flock. */
interface ShownFlock extends Status {
  /** Bots that have a poem and no key yet. */
  keyless?: readonly string[] | undefined;
}

/** How many of them are named. */
const maxKeyless = 3;

/** A table of the bots, a sentence, and what is wrong: fewer lines than the screen has, none of them wider. */
export function flockFrame(
  { flock, bots, keyless = [] }: ShownFlock,
  now: number,
  { columns, rows, colors }: FrameSize,
): string[] {
  if (rows < minRows) return [];
  const paint = pc.createColors(colors);
  const room = Math.max(rows - 1 - logRows, Math.floor(rows / 2)) - chrome;
  const words = wrappedLines(
    `${flock.stopped ? 'The flock is paused. ' : ''}${flockWords(flock, bots)}`,
    columns,
  );
  const unready = keylessTroubles(keyless, (call) => `keymaker ${call}`, maxKeyless).flatMap((trouble) =>
    linesOf(trouble, columns),
  );
  // At most half of the screen, more where the flock is small.
  const left = room - words.length - unready.length - Math.min(bots.length, Math.ceil(room / 2));
  const troubles = troubleLines(bots, { now, columns, max: left }).map((line) => paint.dim(line));
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

/** The bots that fit, with a line left for the number of others: those that need a person first, then those that post next. */
function chosen(bots: readonly BotStatus[], max: number): readonly BotStatus[] {
  if (bots.length <= max) return mostUrgentFirst(bots);
  const room = Math.max(1, max - 1);
  // Of thousands only a screenful is sorted.
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

/** A text by which bots are sorted. */
const urgency = (status: BotStatus): string => `${urgencyOf(status)} ${status.next ?? '~'} ${status.bot}`;

/** What is wrong, as far as it fits. */
function troubleLines(
  bots: readonly BotStatus[],
  { now, columns, max }: { now: number; columns: number; max: number },
): string[] {
  const lines: string[] = [];
  const troubles = troublesOf(bots, now);
  for (const [index, trouble] of troubles.entries()) {
    const said = linesOf(trouble, columns);
    const isLast = index === troubles.length - 1;
    if (lines.length + said.length + (isLast ? 0 : 1) > max) {
      const others = troubles.length - index;
      return max < 1
        ? []
        : [...lines, `… flockd status shows what is wrong with ${others} more`.slice(0, columns)];
    }
    lines.push(...said);
  }
  return lines;
}

const linesOf = ({ text, hint }: ReturnType<typeof troublesOf>[number], columns: number): string[] =>
  wrappedLines(hint === undefined ? text : `${text} (${hint})`, columns);

const wrappedLines = (text: string, columns: number): string[] =>
  wrapAnsi(text, columns, { hard: true }).split('\n');

interface LiveOptions {
  snapshots: Pick<SnapshotCache, 'view' | 'watch' | 'forget'>;
  clock: Clock;
}

/** Events that the log need not have where the table shows the same. */
const shownByTable: ReadonlySet<string> = new Set(['begun', 'keyless', 'keyless-bots']);

/** What a person at the terminal sees of a running flock, below its log. Elsewhere there is only the log. */
export function openLive() {
  const view =
    process.stdout.isTTY && !isDumbTerminal() ? new LiveView(openScreen(process.stdout)) : undefined;
  let snapshots: LiveOptions['snapshots'] | undefined;
  let unwatch: () => void = () => undefined;
  const log: NodeJS.WritableStream & { isTTY: boolean } = view?.log ?? process.stdout;
  let timezone: string | undefined;
  /** The texts that were sent last, by bot. */
  const texts = new Map<string, string>();
  return {
    /** Where the log goes. */
    log,
    /** How the log reads on a terminal. */
    forLog: {
      timezone: () => (timezone ??= ownZone()),
      columns: () => columnsOf(process.stdout),
      takeText(bot: string) {
        const text = texts.get(bot);
        texts.delete(bot);
        return text;
      },
      ...(view && { hidden: shownByTable }),
    },
    /** From now on, times are those of the flock's zone. */
    showTimesIn(zone: string): void {
      timezone = zone;
    },
    /** Keeps a text for the log, where a person reads it. */
    sends: process.stdout.isTTY ? (bot: string, text: string) => void texts.set(bot, text) : undefined,
    /** Shows the flock from now on. */
    watch(flock: LiveOptions): void {
      if (!view) return;
      snapshots = flock.snapshots;
      const colors = wantsColor(process.stdout.isTTY);
      let shown: FlockView | undefined;
      view.show((screen) => {
        if (!shown) return { lines: [], holds: Infinity };
        const now = flock.clock.now();
        return { lines: flockFrame(shown, now, { ...screen, colors }), holds: holdsFor(shown, now) };
      });
      unwatch = snapshots.watch((next) => {
        shown = next;
        view.redraw();
      });
    },
    /** Leaves the log, and a last word on the flock. */
    async [Symbol.asyncDispose](): Promise<void> {
      unwatch();
      snapshots?.forget();
      const last = await snapshots?.view().catch(() => undefined);
      if (last) {
        const more = last.bots.some(needsSomebody) ? ' flockd status shows what is wrong.' : '';
        view?.log.write(`${flockWords(last.flock, last.bots)}${more}\n`);
      }
      await view?.[Symbol.asyncDispose]();
    },
  };
}

/** For how long the times in a frame stay as they are. Milliseconds. */
function holdsFor({ bots }: Status, now: number): number {
  let holds = Infinity;
  for (const { next, until, last } of bots)
    for (const instant of [next, until, last?.at])
      if (instant !== undefined) holds = Math.min(holds, relativeTimeHolds(Date.parse(instant) - now));
  return holds;
}
