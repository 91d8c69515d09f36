import type { Clock } from '../clock.ts';
import type { Address } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import type { EventLog } from '../log.ts';
import { callWeb } from './hooks.ts';
import { type Trouble, tryAgain } from './retry.ts';

interface PingOptions {
  clock: Clock;
  log: EventLog;
  send: Send;
}

const minute = 60_000;

/** How long a ping may take, and how long to wait before each new attempt at one. Milliseconds. */
const timeout = 10_000;
const waits = [minute, 5 * minute];

/**
 * Tells a dead man's switch, such as healthchecks.io, that the flock lives: after each round that went well, at most once a
 * minute. Where it hears nothing any more, whoever runs the switch raises the alarm.
 */
export class Ping {
  readonly #options: PingOptions;
  #ending = new AbortController();
  #address: Address | undefined;
  #busy = false;
  /** When the last one was begun, by the clock that nobody sets. */
  #last = -Infinity;

  constructor(options: PingOptions) {
    this.#options = options;
  }

  update(address: Address | undefined): void {
    if (address?.reveal() === this.#address?.reveal()) return;
    this.end();
    this.#ending = new AbortController();
    this.#address = address;
    this.#busy = false;
    this.#last = -Infinity;
    this.#options.log.forget(this);
  }

  /** Told when the daemon has worked off what was due. @param failed - whether something in it went wrong */
  onIdle(failed: boolean): void {
    const now = this.#options.clock.elapsed();
    if (failed || this.#busy || !this.#address || now - this.#last < minute) return;
    this.#last = now;
    void this.#ping(this.#address);
  }

  end(): void {
    this.#address = undefined;
    this.#ending.abort();
  }

  async #ping(address: Address): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ending;
    this.#busy = true;
    const trouble = await tryAgain(() => ping(address, this.#options), { clock, waits, signal });
    // Another address was taken up meanwhile.
    if (signal.aborted) return;
    this.#busy = false;
    const { log } = this.#options;
    if (!trouble) log.forget(this);
    else
      log
        .once(this, trouble.why)
        .error({ event: 'ping-failed', why: trouble.why }, `the ping does not arrive: ${trouble.why}`);
  }
}

/** Sends one ping. Never throws. */
export const ping = (
  address: Address,
  { send, clock }: Omit<PingOptions, 'log'>,
): Promise<Trouble | undefined> =>
  callWeb({ method: 'GET', url: address.reveal(), headers: {} }, { send, clock, timeout });
