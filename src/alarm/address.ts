import { inspect } from 'node:util';

/**
 * The address of a webhook or a ping. Whoever knows it can use it, so it is as good as a secret, and cannot be printed by
 * accident: strings, JSON, `inspect` and a logger all show `[secret]`.
 */
export class Address {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** The only way to it; call it where it is sent to, and nowhere else. */
  reveal(): string {
    return this.#url;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
