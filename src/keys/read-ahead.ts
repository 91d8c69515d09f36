import { Worker } from 'node:worker_threads';
import { ownFile } from '../fs.ts';
import type { PrivateFile } from './private-file.ts';

/** How files may be read. */
type Rule = Omit<PrivateFile, 'file'>;

/** What a thread is asked for. */
export type Asked = Rule & { files: readonly string[] };

/** The files and their texts, each undefined where its file could not be read. */
export type Texts = (readonly [file: string, text: string | undefined])[];

/** So few files are read before a thread has begun. */
const minBundles = 5000;
const threads = 2;
const batchSize = 500;
/** Batches that are read while another is worked on. */
const ahead = 2 * threads;

/**
 * Things with the texts of their small private files, in the order given. Where there are many, threads read on while the taker
 * works on what it has, and while the disk looks for others. A text is undefined where no thread could read it: to read that
 * file again says why.
 *
 * @param program - what a thread runs
 */
export async function* readAhead<T extends { file: string }>(
  things: readonly T[],
  rule: Rule,
  program = ownFile('dist/bundle-reader.js'),
): AsyncGenerator<[thing: T, text: string | undefined]> {
  const readers: Reader[] = [];
  const asked: Promise<Texts>[] = [];
  const ask = (batch: number): void => {
    const files = things.slice(batch * batchSize, (batch + 1) * batchSize).map(({ file }) => file);
    asked.push(readers[batch % threads]?.read({ ...rule, files }) ?? Promise.resolve([]));
  };
  try {
    if (things.length >= minBundles) while (readers.length < threads) readers.push(new Reader(program));
    for (let batch = 0; batch < ahead; batch++) ask(batch);
    for (let batch = 0; batch * batchSize < things.length; batch++) {
      const texts = (await asked.shift()) ?? [];
      ask(batch + ahead);
      const begin = batch * batchSize;
      for (const [index, thing] of things.slice(begin, begin + batchSize).entries()) {
        const [file, text] = texts[index] ?? [];
        // What runs in the thread may be another version: a text is for whom it says, or for nobody.
        yield [thing, file === thing.file ? text : undefined];
      }
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.end()));
  }
}

/** A thread. Where it cannot be made, or ends before its time, it has read nothing. */
class Reader {
  readonly #worker: Worker | undefined;
  readonly #waiting: ((texts: Texts) => void)[] = [];
  #isGone = false;

  constructor(program: string) {
    const gone = (): void => {
      this.#isGone = true;
      for (const give of this.#waiting) give([]);
    };
    try {
      const worker = new Worker(program);
      worker.on('message', (texts: Texts) => this.#waiting.shift()?.(texts));
      worker.once('error', gone).once('exit', gone);
      this.#worker = worker;
    } catch {
      gone();
    }
  }

  read(asked: Asked): Promise<Texts> {
    if (this.#isGone) return Promise.resolve([]);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#worker?.postMessage(asked);
    });
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }
}
