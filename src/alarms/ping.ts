import type { Clock } from '../clock.ts';
import type { Address } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import type { Logger } from '../log.ts';
import { callWeb } from './hooks.ts';
import { type Trouble, tryAgain } from './retry.ts';

interface PingOptions {
  clock: Clock;
  log: Logger;
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
  #said: string | undefined;

  constructor(options: PingOptions) {
    this.#options = options;
  }

  takeUp(address: Address | undefined): void {
    if (address?.reveal() === this.#address?.reveal()) return;
    this.end();
    this.#ending = new AbortController();
    this.#address = address;
    this.#busy = false;
    this.#last = -Infinity;
    this.#said = undefined;
  }

  /** Told when the daemon has worked off what was due. @param failed - whether something in it went wrong */
  rested(failed: boolean): void {
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
    if (trouble) this.#complain(trouble);
    else this.#said = undefined;
  }

  #complain({ why }: Trouble): void {
    if (this.#said === why) return;
    this.#said = why;
    this.#options.log.error({ event: 'ping-failed', why }, `the ping does not arrive: ${why}`);
  }
}

/** Sends one ping. Never throws. */
export const ping = (
  address: Address,
  { send, clock }: Omit<PingOptions, 'log'>,
): Promise<Trouble | undefined> =>
  callWeb({ method: 'GET', url: address.reveal(), headers: {} }, { send, clock, timeout });
