import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import open from 'open';
import pc from 'picocolors';
import { hasScreen, wantsColor } from '../config/environment.ts';
import { exitCodes, FlockError } from '../errors.ts';
import { reasonOf } from '../fs.ts';
import { columnsOf, wrapped } from '../text.ts';

/*
 * The rules of the terminal:
 * - What a person should read goes through `say`; results that a program may want go through `print`, to standard output.
 * - Questions come one by one. On a terminal they are prompts; elsewhere each answer is one line of standard input, and
 *   the end of input is an error that names the flag which would have answered.
 * - Lines typed or piped ahead of their question are kept for it. (Prompt libraries lose them, so readline asks.)
 * - A link stands on a line of its own, whole, so that it can be clicked, copied and piped.
 * - Warnings and errors go to standard error, in lower case, with a `hint:` line below.
 */

export interface Terminal extends Disposable {
  /** Whether a person sits at it. */
  interactive: boolean;
  /** How wide it is, in characters. */
  columns: number;
  say(line?: string, style?: 'bold' | 'green'): void;
  print(text: string): void;
  warn(message: string, hint?: string): void;
  /**
   * @param question - without the space after it
   * @param instead - the flag that would have answered
   * @throws {FlockError} `usage` at the end of input, `interrupted` on Ctrl-C
   */
  ask(question: string, instead: string): Promise<string>;
  /** The same for what must not be seen: nothing that is typed is shown. */
  askSecret(question: string, instead: string): Promise<string>;
  /** Asks until the answer is yes or no. */
  confirm(question: string, instead: string): Promise<boolean>;
  /** Whether a terminal shows what is said or logged: the program ends with it. */
  mayClose: boolean;
  /** What to do once nobody can read what is said any more. Without this, the program ends at once. */
  onClosed(act: () => void): void;
}

/** @param json - standard output is for results alone */
export function openTerminal(program: string, json = false): Terminal {
  const interactive = process.stdin.isTTY && process.stdout.isTTY;
  const human = json ? process.stderr : process.stdout;
  const colors = pc.createColors(wantsColor(human.isTTY));
  const fit = (text: string, stream: NodeJS.WriteStream): string =>
    stream.isTTY ? wrapped(text, columnsOf(stream)) : text;
  let closed: (() => void) | undefined;
  heedOutput(program, () => closed);
  letGoOfClosed();
  let answers: Answers | undefined;
  const ask = (question: string, instead: string, secret: boolean): Promise<string> => {
    answers ??= new Answers(interactive);
    // Without a person nobody ends the line by answering.
    if (!interactive) human.write(`${question}\n`);
    return answers.next({ question, instead, secret });
  };
  const warn = (message: string, hint?: string): void => {
    const lines = [`${program}: ${message}`, ...(hint === undefined ? [] : [`hint: ${hint}`])];
    for (const line of lines) process.stderr.write(`${fit(printable(line), process.stderr)}\n`);
  };
  return {
    interactive,
    columns: process.stdout.isTTY ? columnsOf(process.stdout) : 80,
    say(line = '', style) {
      const text = fit(printable(line), human);
      human.write(`${style === undefined ? text : colors[style](text)}
`);
    },
    print: (text) => void process.stdout.write(text),
    warn,
    ask: (question, instead) => ask(question, instead, false),
    askSecret: (question, instead) => ask(question, instead, true),
    async confirm(question, instead) {
      for (;;) {
        const answer = await ask(`${question} (y/n)`, instead, false);
        if (/^\s*y(es)?\s*$/i.test(answer)) return true;
        if (/^\s*n(o)?\s*$/i.test(answer)) return false;
        warn('please answer y or n');
      }
    },
    mayClose: process.stdout.isTTY || process.stderr.isTTY,
    onClosed: (act) => void (closed = act),
    [Symbol.dispose]: () => answers?.close(),
  };
}

/**
 * Ends quietly when the reader of a pipe has seen enough or the terminal was closed, and with a word where nothing more can be
 * written.
 *
 * @param closed - what is done instead
 */
function heedOutput(program: string, closed: () => (() => void) | undefined): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const act = closed();
      if (act) {
        act();
        return;
      }
      if (error.code === 'EPIPE' || (error.code === 'EIO' && stream.isTTY)) process.exit();
      if (stream === process.stdout) tellOfOutput(program, error);
      process.exit(exitCodes.io);
    });
  }
}

function tellOfOutput(program: string, error: unknown): void {
  try {
    const message = `${program}: cannot write standard output: ${reasonOf(error)}`;
    writeSync(2, `${message}\nhint: send it somewhere else, or make room there\n`);
  } catch {
    // There is nobody left to tell.
  }
}

/**
 * Lets go of terminals that were closed: at its end, Node puts each into the mode in which it was, and aborts where it cannot.
 *
 * @see github.com/nodejs/node/issues/51519
 */
function letGoOfClosed(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.once('exit', () => {
    for (const fd of terminals) {
      if (isatty(fd)) continue;
      closeSync(fd);
      // It gets the lowest number that is free: that one.
      openSync('/dev/null', 'r+');
    }
  });
}

/** The text without what would steer the terminal, as a file's name may. */
const printable = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');

interface Question {
  question: string;
  instead: string;
  /** What is typed must not be shown. */
  secret: boolean;
}

interface Waiting extends Question {
  resolve: (line: string) => void;
  reject: (error: FlockError) => void;
}

/** The lines of standard input, kept until they are asked for. */
class Answers {
  readonly #lines: string[] = [];
  readonly #reader: Interface;
  readonly #interactive: boolean;
  #waiting: Waiting | undefined;
  #hides = false;
  #ended = false;
  #interrupted = false;

  constructor(interactive: boolean) {
    this.#interactive = interactive;
    this.#reader = createInterface({
      input: process.stdin,
      ...(interactive && { output: this.#screen() }),
      terminal: interactive,
      historySize: 0,
    });
    this.#reader.on('line', (line) => {
      this.#lines.push(line);
      this.#settle();
    });
    this.#reader.on('SIGINT', () => {
      // Nothing waits for the person but a request under way, which leaves nothing half-written.
      if (!this.#waiting) process.exit(130);
      this.#interrupted = true;
      this.#settle();
    });
    this.#reader.on('close', () => {
      this.#ended = true;
      this.#settle();
    });
  }

  next(question: Question): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting = { ...question, resolve, reject };
      if (this.#interactive && !this.#ended) {
        this.#reader.setPrompt(`${question.question} `);
        this.#reader.prompt();
        this.#hides = question.secret;
      }
      this.#settle();
    });
  }

  /** The terminal, where nothing is shown that must not be. */
  #screen(): Writable {
    const screen = new Writable({
      decodeStrings: false,
      write: (text: string, _, done) => {
        if (!this.#hides) process.stdout.write(text);
        done();
      },
    });
    // readline asks for the width, to know where a long answer wraps.
    return Object.defineProperty(screen, 'columns', { get: () => columnsOf(process.stdout) });
  }

  close(): void {
    this.#reader.close();
    // Only a pipe or a terminal would keep the process waiting; a file has no such thing.
    if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    if (this.#interrupted) this.#giveUp(waiting, new FlockError('interrupted', 'interrupted'));
    else if (this.#lines.length > 0) {
      // The line's end was hidden with the line.
      if (this.#hides) process.stdout.write('\n');
      waiting.resolve(this.#lines.shift() ?? '');
    } else if (this.#ended) this.#giveUp(waiting, endOfInput(waiting));
    else return;
    this.#hides = false;
    this.#waiting = undefined;
  }

  #giveUp(waiting: Waiting, error: FlockError): void {
    // The question's line was not ended by an answer.
    if (this.#interactive) process.stdout.write('\n');
    waiting.reject(error);
  }
}

const endOfInput = ({ question, instead }: Waiting): FlockError =>
  new FlockError('usage', `no answer to "${question}": standard input has ended`, { hint: instead });

/** Opens a link in the person's browser, where there is a person and a screen. It is printed anyway, so failing is no error. */
export async function openInBrowser(url: string, terminal: Terminal): Promise<void> {
  if (!terminal.interactive || !hasScreen()) return;
  try {
    const browser = await open(url);
    browser.on('error', () => undefined);
    browser.unref();
  } catch {
    // The link is on the terminal.
  }
}

/** Resolves when the person or the system asks the program to end. */
export const stopSignal = (): Promise<unknown> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
  });
