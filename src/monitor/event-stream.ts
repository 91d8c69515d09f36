import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import type { RegionStore } from './regions.ts';

/** Somebody who looks at the page. */
interface Reader {
  response: ServerResponse;
  /** The version it was sent last. */
  sent: number;
  /** Since when it has not read on what it was sent. */
  stuckSince: number | undefined;
  /** When it was last sent anything. */
  spokenAt: number;
  /** How much it was sent. Bytes. */
  bytes: number;
}

export interface EventStreamOptions {
  clock: Clock;
  store: RegionStore;
  mostReaders: number;
}

/** A reader that does not read on for so long is let go. Milliseconds. */
const patience = 60_000;

/**
 * A connection that has carried so much ends, and a browser opens another: whoever reads nothing would have the system keep
 * megabytes for them before anybody can tell. Bytes.
 */
const mostBytes = 256 * 1024;

/** A connection on which nothing is said for longer may be cut off on its way. Milliseconds. */
const quiet = 15_000;

/** So many are told in one turn of the event loop; then it is a post's turn. */
const inOneTurn = 50;

/**
 * Tells everybody who looks at the page what has changed. Nothing is queued: whoever is slow gets the newest state once they
 * have read what they were sent, and all who are equally far behind share its bytes.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #readers = new Set<Reader>();
  #timer: (() => void) | undefined;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** Whether one more is too many. */
  get isFull(): boolean {
    return this.#readers.size >= this.#options.mostReaders;
  }

  /** Takes a reader on. @param version - that of the page it has */
  open(response: ServerResponse, version: number): void {
    const reader: Reader = {
      response,
      sent: version,
      stuckSince: undefined,
      spokenAt: this.#options.clock.elapsed(),
      bytes: 0,
    };
    // What is stuck is found here, and an event can be long in coming.
    response.socket?.setTimeout(0);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // Reverse proxies that gather answers must not gather this one.
      'x-accel-buffering': 'no',
    });
    response.on('error', () => undefined);
    response.once('close', () => {
      this.#readers.delete(reader);
    });
    this.#readers.add(reader);
    this.#write(reader, 'retry: 2000\n\n');
    this.#bringUpToDate(reader);
    this.#arm();
  }

  /** Tells everybody what has changed, in turns. */
  async tell(): Promise<void> {
    let told = 0;
    for (const reader of [...this.#readers]) {
      this.#bringUpToDate(reader);
      if (++told % inOneTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): void {
    this.#timer?.();
    this.#timer = undefined;
    for (const { response } of this.#readers) response.destroy();
    this.#readers.clear();
  }

  #bringUpToDate(reader: Reader): void {
    const { store } = this.#options;
    if (reader.stuckSince !== undefined || !this.#readers.has(reader)) return;
    const event = store.since(reader.sent);
    if (event === undefined) return;
    if (reader.bytes > mostBytes) {
      reader.response.end();
      return;
    }
    reader.sent = store.number;
    this.#write(reader, event);
  }

  #write(reader: Reader, bytes: Buffer | string): void {
    const { response } = reader;
    if (response.destroyed || response.writableEnded) return;
    reader.spokenAt = this.#options.clock.elapsed();
    reader.bytes += bytes.length;
    if (response.write(bytes) || reader.stuckSince !== undefined) return;
    reader.stuckSince = reader.spokenAt;
    response.once('drain', () => {
      reader.stuckSince = undefined;
      this.#bringUpToDate(reader);
    });
  }

  #arm(): void {
    if (this.#timer) return;
    const { clock } = this.#options;
    this.#timer = clock.at(clock.now() + quiet, () => {
      this.#timer = undefined;
      this.#lookAfter();
      if (this.#readers.size > 0) this.#arm();
    });
  }

  /** Lets go of those who are stuck, and speaks to those to whom nothing was said for long. */
  #lookAfter(): void {
    const now = this.#options.clock.elapsed();
    for (const reader of this.#readers) {
      const { stuckSince, spokenAt, response } = reader;
      if (stuckSince !== undefined && now - stuckSince >= patience) response.destroy();
      else if (stuckSince === undefined && now - spokenAt >= quiet) this.#write(reader, ':\n\n');
    }
  }
}
