import { inspect } from 'node:util';

/**
 * A token and its secret: app keys, a request token or an access token.
 * It cannot be printed by accident: strings, JSON, `inspect` and a logger all show `[secret]`.
 */
export class TokenPair {
  readonly #token: string;
  readonly #secret: string;

  constructor(token: string, secret: string) {
    this.#token = token;
    this.#secret = secret;
  }

  /** The only way to the values; call it where they are signed with or stored, and nowhere else. */
  reveal(): { token: string; secret: string } {
    return { token: this.#token, secret: this.#secret };
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
