import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Message } from './message-page.ts';

/** What is known of one browser that was let in. */
export interface Session {
  /** Proves that a form came from a page of ours. */
  csrf: string;
  /** What came of the last action, to be shown once. */
  notice: { bot: string; message: Message } | undefined;
}

const cookieName = 'keymaker_session';
/** A word that nobody can guess. */
export const secretWord = (): string => randomBytes(32).toString('base64url');

/** Who may use the page: the browser that opened the one-time address, by a cookie that no script can read. */
export class Sessions {
  /** The secret in the one-time address; gone once it was used. */
  #key: string | undefined = secretWord();
  readonly #sessions = new Map<string, Session>();

  /** The query of the address that lets one browser in. */
  get query(): string {
    return `?key=${this.#key ?? ''}`;
  }

  /** Lets a browser in that has the key. @returns the cookie to set, or undefined */
  enter(key: string): string | undefined {
    if (this.#key === undefined || !same(key, this.#key)) return undefined;
    this.#key = undefined;
    const id = secretWord();
    this.#sessions.set(id, { csrf: secretWord(), notice: undefined });
    return `${cookieName}=${id}; Path=/; HttpOnly; SameSite=Strict`;
  }

  /** @param cookies - the Cookie header */
  find(cookies: string | undefined): Session | undefined {
    const id = new RegExp(`(?:^|;\\s*)${cookieName}=([\\w-]+)`).exec(cookies ?? '')?.[1];
    return id === undefined ? undefined : this.#sessions.get(id);
  }
}

/** Whether two secrets are equal, told without telling how much of them is. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
