import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { wrapped } from '../text.ts';

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
const mostWaiting = 256 * 1024;

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
export type Picture = (screen: Pick<Screen, 'columns' | 'rows'>) => string[];

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
    this.#said = (this.#said + text).slice(-mostWaiting);
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

const widthOf = (line: string): number => stripVTControlCharacters(line).length;
