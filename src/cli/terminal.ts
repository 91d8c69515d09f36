import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import pc from 'picocolors';
import { wantsColor } from '../config/environment.ts';
import { exitCodes, FlockError } from '../errors.ts';
import { reasonOf } from '../fs.ts';
import { columnsOf, wrapped } from '../text.ts';

/*
 * The rules of the terminal:
 * - Text for people goes through `say`. Results for programs go through `print`, to standard output.
 * - Questions come one by one. In a terminal they are prompts. Elsewhere each answer is a line of standard input, and the
 *   end of input is an error that names the flag which would have answered.
 * - Lines that are typed or piped before their question are kept. (Prompt libraries lose them, so readline asks.)
 * - A link is on a line of its own, unbroken, so that it can be clicked, copied and piped.
 * - Warnings and errors go to standard error, in lower case, with a `hint:` line below.
 */

export interface Terminal extends Disposable {
  /** Whether a person uses it. */
  interactive: boolean;
  /** Its width in characters. */
  columns: number;
  say: (line?: string, style?: 'bold' | 'green') => void;
  print: (text: string) => void;
  warn: (message: string, hint?: string) => void;
  /**
   * @param question - without the space after it
   * @param instead - the flag that would have answered
   * @throws {FlockError} `usage` at the end of input, `interrupted` on Ctrl-C
   */
  ask(question: string, instead: string): Promise<string>;
  /** Asks without showing what is typed. */
  askSecret(question: string, instead: string): Promise<string>;
  /** Asks until the answer is yes or no. */
  confirm(question: string, instead: string): Promise<boolean>;
  /** Whether the output is a terminal, which can be closed. */
  mayClose: boolean;
  /** Sets what to do when the output is closed. By default the program ends. */
  onClosed(act: () => void): void;
}

/** @param json - standard output is for results only */
export function openTerminal(program: string, json = false): Terminal {
  const interactive = process.stdin.isTTY && process.stdout.isTTY;
  const human = json ? process.stderr : process.stdout;
  const colors = pc.createColors(wantsColor(human.isTTY));
  const fit = (text: string, stream: NodeJS.WriteStream): string =>
    stream.isTTY ? wrapped(printable(text), columnsOf(stream)) : printable(text);
  let closed: (() => void) | undefined;
  endWithOutput(program, () => closed);
  releaseClosedTerminals();
  let answers: ReturnType<typeof openAnswers> | undefined;
  const ask = (question: string, instead: string, options?: { isSecret: boolean }): Promise<string> => {
    answers ??= openAnswers(interactive);
    // In a terminal, the person's answer ends the line.
    if (!interactive) human.write(`${question}\n`);
    return answers.next(question, instead, options);
  };
  const warn = (message: string, hint?: string): void => {
    const lines = [`${program}: ${message}`, ...(hint === undefined ? [] : [`hint: ${hint}`])];
    for (const line of lines) process.stderr.write(`${fit(line, process.stderr)}\n`);
  };
  return {
    interactive,
    columns: process.stdout.isTTY ? columnsOf(process.stdout) : 80,
    say(line = '', style) {
      const text = fit(line, human);
      human.write(`${style === undefined ? text : colors[style](text)}\n`);
    },
    print: (text) => void process.stdout.write(text),
    warn,
    ask: (question, instead) => ask(question, instead),
    askSecret: (question, instead) => ask(question, instead, { isSecret: true }),
    async confirm(question, instead) {
      for (;;) {
        const answer = await ask(`${question} (y/n)`, instead);
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
 * Ends the program when its output cannot be written: quietly if the reader of a pipe has ended or the terminal was closed,
 * otherwise with an error.
 *
 * @param closed - what to do instead, if anything
 */
function endWithOutput(program: string, closed: () => (() => void) | undefined): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const act = closed();
      if (act) {
        act();
        return;
      }
      if (error.code === 'EPIPE' || (error.code === 'EIO' && stream.isTTY)) process.exit();
      const message = `${program}: cannot write standard output: ${reasonOf(error)}`;
      try {
        if (stream === process.stdout)
          writeSync(2, `${message}\nhint: send it somewhere else, or make room there\n`);
      } catch {
        // Standard error cannot be written either.
      }
      process.exit(exitCodes.io);
    });
  }
}

/**
 * Replaces closed terminals by /dev/null at exit, since Node restores the mode of each terminal and aborts if it cannot.
 *
 * @see github.com/nodejs/node/issues/51519
 */
function releaseClosedTerminals(): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  process.once('exit', () => {
    for (const fd of terminals) {
      if (isatty(fd)) continue;
      closeSync(fd);
      // The new file gets the lowest free number, which is this one.
      openSync('/dev/null', 'r+');
    }
  });
}

/** A text without control characters, which may come from a file's name. */
const printable = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, '\ufffd');

/** The answers to questions: the lines of standard input, kept until they are asked for. */
function openAnswers(interactive: boolean) {
  let isAsking = false;
  let hides = false;
  let isInterrupted = false;
  let hasEnded = false;
  // The terminal, without the typed secrets.
  const screen = new Writable({
    decodeStrings: false,
    write(text: string, _, done) {
      if (!hides) process.stdout.write(text);
      done();
    },
  });
  // readline needs the width to wrap long answers.
  Object.defineProperty(screen, 'columns', { get: () => columnsOf(process.stdout) });
  const reader = createInterface({
    input: process.stdin,
    ...(interactive && { output: screen }),
    terminal: interactive,
    historySize: 0,
  });
  const lines = reader[Symbol.asyncIterator]();
  reader.on('close', () => (hasEnded = true));
  reader.on('SIGINT', () => {
    if (isAsking) {
      isInterrupted = true;
      reader.close();
    }
    // Only a request may be under way, which leaves nothing half-written.
    else if (!process.emit('SIGINT')) process.exit(exitCodes.interrupted);
  });
  return {
    async next(question: string, instead: string, { isSecret = false } = {}): Promise<string> {
      isAsking = true;
      if (interactive && !hasEnded) {
        reader.setPrompt(`${question} `);
        reader.prompt();
        hides = isSecret;
      }
      const answer = await lines.next();
      isAsking = false;
      // The end of a hidden line was hidden, too, and a question without an answer has none.
      if (hides || (answer.done && interactive)) process.stdout.write('\n');
      hides = false;
      if (!answer.done) return answer.value;
      if (isInterrupted) throw new FlockError('interrupted', 'interrupted');
      throw new FlockError('usage', `no answer to "${question}": standard input has ended`, {
        hint: instead,
      });
    },
    close(): void {
      reader.close();
      // A pipe or a terminal would keep the process running; a file has no `unref`.
      if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
    },
  };
}

/** What a wait without a question results in, such as for a browser. @throws {FlockError} `interrupted` on Ctrl-C */
export async function unlessInterrupted<Result>(wait: Promise<Result>): Promise<Result> {
  let interrupt = (): void => undefined;
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = () => {
      reject(new FlockError('interrupted', 'interrupted'));
    };
  });
  process.once('SIGINT', interrupt);
  try {
    return await Promise.race([wait, interrupted]);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Resolves with the first signal that asks the program to end; SIGHUP if its terminal is closed. */
export function stopSignal({ mayClose }: Terminal): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
    const hungUp = (): void => {
      resolve('SIGHUP');
    };
    // The shell and the kernel both send it: the second one must not kill the process.
    if (mayClose) process.on('SIGHUP', hungUp);
  });
}
