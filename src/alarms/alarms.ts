import type { AlarmSettings } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import { alarmOf, Hooks } from './hooks.ts';
import { Ping } from './ping.ts';
import { type SilenceOptions, SilenceWatch, type Watched } from './silence.ts';

interface AlarmOptions extends SilenceOptions {
  send: Send;
  /** The flock's folder. */
  root: string;
}

/** What makes noise when the flock falls silent: hooks on what the daemon tells, the ping, and the watch for silence. */
export class Alarms implements AsyncDisposable {
  readonly #hooks: Hooks;
  readonly #ping: Ping;
  readonly #watch: SilenceWatch;

  constructor(options: AlarmOptions) {
    const { clock, log } = options;
    this.#hooks = new Hooks(options);
    this.#ping = new Ping(options);
    this.#watch = new SilenceWatch(options);
    log.subscribe((event) => {
      const alarm = alarmOf(event, clock.now());
      if (alarm) this.#hooks.tell(alarm);
    });
  }

  /** Takes up what flock.json says of alarms, and the bots to watch. */
  update({ alarms: { hooks, ping }, bots }: { alarms: AlarmSettings; bots: readonly Watched[] }): void {
    this.#hooks.update(hooks);
    this.#ping.update(ping);
    this.#watch.update(bots);
  }

  /** Told when the daemon has worked off what was due. @param failed - whether something in it went wrong */
  onIdle(failed: boolean): void {
    this.#ping.onIdle(failed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    this.#ping.end();
    await this.#hooks.end();
  }
}
