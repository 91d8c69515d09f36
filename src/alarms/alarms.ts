import type { Clock } from '../clock.ts';
import { alarmOf, type AlarmSettings } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import { type Logger, tapped } from '../log.ts';
import { Hooks } from './hooks.ts';
import { Ping } from './ping.ts';
import { type SilenceOptions, SilenceWatch, type Watched } from './silence.ts';

interface AlarmOptions {
  clock: Clock;
  send: Send;
  log: Logger;
  /** The flock's folder. */
  root: string;
}

/** What makes noise when the flock falls silent: hooks on what the log says, the ping, and the watch for silence. */
export class Alarms implements AsyncDisposable {
  /** The log to write to: hooks hear it. */
  readonly log: Logger;
  readonly #clock: Clock;
  readonly #hooks: Hooks;
  readonly #ping: Ping;
  #watch: SilenceWatch | undefined;

  constructor({ clock, send, log, root }: AlarmOptions) {
    this.#clock = clock;
    this.#hooks = new Hooks({ clock, send, log, root });
    this.#ping = new Ping({ clock, send, log });
    this.log = tapped(log, (fields, message) => {
      this.#watch?.heard(fields);
      const alarm = alarmOf(fields, message, clock.now());
      if (alarm) this.#hooks.tell(alarm);
    });
  }

  /** Begins to watch for silence. */
  watch(options: Pick<SilenceOptions, 'stateOf' | 'isStopped'>): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = new SilenceWatch({ clock: this.#clock, log: this.log, ...options });
  }

  /** Takes up what flock.json says of alarms, and the bots to watch. */
  takeUp({ alarms: { hooks, ping }, bots }: { alarms: AlarmSettings; bots: readonly Watched[] }): void {
    this.#hooks.takeUp(hooks);
    this.#ping.takeUp(ping);
    this.#watch?.takeUp(bots);
  }

  /** Told when the daemon has worked off what was due. @param failed - whether something in it went wrong */
  rested(failed: boolean): void {
    this.#ping.rested(failed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch?.[Symbol.dispose]();
    this.#ping.end();
    await this.#hooks.end();
  }
}
