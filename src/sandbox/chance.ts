import { createHash } from 'node:crypto';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Chance that can be replayed: the same seed gives the same tokens, PINs and faults in the same order.
 * Each purpose draws from its own stream, so that one more fault does not change every token after it.
 */
export class Chance {
  readonly seed: string;
  readonly #drawn = new Map<string, number>();

  constructor(seed: string) {
    this.seed = seed;
  }

  /** A number from 0 up to, and without, 1. */
  fraction(purpose: string): number {
    return this.#draw(purpose).readUIntBE(0, 6) / 2 ** 48;
  }

  /** Letters and digits, at most 32 of them. */
  word(purpose: string, length: number): string {
    const bytes = this.#draw(purpose).subarray(0, length);
    return Array.from(bytes, (byte) => letters[byte % letters.length]).join('');
  }

  /** Decimal digits, at most 12 of them. */
  digits(purpose: string, length: number): string {
    return String(this.#draw(purpose).readUIntBE(0, 6)).padStart(12, '0').slice(-length);
  }

  #draw(purpose: string): Buffer {
    const count = this.#drawn.get(purpose) ?? 0;
    this.#drawn.set(purpose, count + 1);
    return createHash('sha256').update(`${this.seed}/${purpose}/${count}`).digest();
  }
}
