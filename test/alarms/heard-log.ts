import { Writable } from 'node:stream';
import pino from 'pino';
import { EventLog } from '../../src/log.ts';

export interface Heard {
  event: string;
  msg: string;
  bot?: string;
  hook?: string;
  why?: string;
  hint?: string;
  since?: string;
  line?: number;
}

/** A log that is kept in memory, and promises of what it will say. */
export class HeardLog {
  readonly lines: Heard[] = [];
  readonly log: EventLog;
  readonly #waiting: { fits: () => boolean; resolve: () => void }[] = [];

  constructor() {
    const stream = new Writable({
      decodeStrings: false,
      write: (line: string, _, done) => {
        this.lines.push(JSON.parse(line) as Heard);
        for (const { resolve } of this.#waiting.filter(({ fits }) => fits())) resolve();
        done();
      },
    });
    this.log = new EventLog(pino({ base: null, timestamp: false }, stream));
  }

  of(event: string): Heard[] {
    return this.lines.filter((line) => line.event === event);
  }

  /** Resolves once there are so many lines of an event. */
  async until(event: string, count = 1): Promise<Heard[]> {
    const fits = (): boolean => this.of(event).length >= count;
    if (!fits()) await new Promise<void>((resolve) => this.#waiting.push({ fits, resolve }));
    return this.of(event);
  }
}
