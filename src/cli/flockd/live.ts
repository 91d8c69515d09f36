import type { Clock } from '../../clock.ts';
import { apiUrl, isDumbTerminal, wantsColor } from '../../config/environment.ts';
import type { Flock } from '../../flock/load.ts';
import { LiveStatus, readBotFiles } from '../../flock/read-status.ts';
import { needsSomebody, postPages } from '../../flock/status.ts';
import type { Ledger } from '../../ledger/journal.ts';
import { flockFrame, type ShownFlock } from '../flock-frame.ts';
import { LiveView } from '../live-view.ts';
import { openScreen } from '../screen.ts';
import { flockWords } from '../status-words.ts';

export interface LiveOptions {
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
  takeUp(flock: Flock): void {
    if (!this.#view) return;
    this.#newest = flock;
    void readBotFiles(flock).then((files) => {
      if (this.#newest !== flock) return;
      this.#flock = flock;
      this.#status?.takeUp(files);
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
