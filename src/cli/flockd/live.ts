import type { Clock } from '../../clock.ts';
import { LiveStatus } from '../../flock/live-status.ts';
import type { Flock } from '../../flock/load-flock.ts';
import { readBotFiles } from '../../flock/read-status.ts';
import type { Ledger } from '../../posting/ledger.ts';
import { isDumbTerminal, wantsColor } from '../../settings.ts';
import { flockFrame } from '../flock-frame.ts';
import { LiveView } from '../live-view.ts';
import { openScreen } from '../screen.ts';

export interface LiveOptions {
  ledger: Ledger;
  clock: Clock;
  isStopped: () => boolean;
}

/** What a person at the terminal sees of a running flock, below its log. Elsewhere there is the log alone. */
export class Live implements AsyncDisposable {
  readonly #view: LiveView | undefined;
  #status: LiveStatus | undefined;
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
    this.#view?.show((screen) => {
      if (!this.#flock) return [];
      const now = clock.now();
      const { purse } = this.#flock;
      return flockFrame(status.read({ purse, isStopped: isStopped(), now }), now, { ...screen, colors });
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#view?.[Symbol.asyncDispose]();
  }
}
