import { Alarms } from '../../src/alarms/alarms.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import type { Send } from '../../src/http/exchange.ts';
import { logChanges } from '../../src/ledger/log-events.ts';
import { deadline } from '../support/daemon.ts';
import { HeldFlock } from '../support/held-flock.ts';
import { HeardLog } from './heard-log.ts';

/** A flock that runs on a held clock with its alarms, put together as `flockd run` does it. */
export class AlarmedFlock extends HeldFlock {
  readonly heard = new HeardLog();
  /** What the daemon said of its rounds: whether each failed. */
  readonly rounds: boolean[] = [];
  readonly #alarms: Alarms;

  /** @param send - how hooks and the ping go out */
  constructor(now: string, poems: Record<string, string[]>, send: Send) {
    super(now);
    this.#alarms = new Alarms({
      clock: this.clock,
      send,
      log: this.heard.log,
      root: this.root,
      stateOf: (bot) => this.ledger.state(bot),
      isStopped: () => this.stopped,
    });
    this.ledger.subscribe(logChanges(this.heard.log));
    for (const [name, lines] of Object.entries(poems)) this.add(name, lines);
  }

  /** Takes up a flock.json, and begins where it has not. */
  override update(settings = this.settings): void {
    this.settings = settings;
    this.load();
    this.#alarms.update(this.flock());
    this.daemon.update(this.flock());
  }

  override async order(order: Parameters<HeldFlock['order']>[0]): Promise<void> {
    const carried = super.order(order);
    await this.clock.runUntil(this.clock.now());
    await carried;
  }

  protected override openDaemon(): Daemon {
    return super.openDaemon({
      log: this.heard.log,
      onIdle: (failed) => {
        this.rounds.push(failed);
        this.#alarms.onIdle(failed);
      },
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    const ended = this.#alarms[Symbol.asyncDispose]();
    await this.clock.runUntil(this.clock.now() + deadline);
    await ended;
  }
}
