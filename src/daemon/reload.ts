/**
 * Readings of the flock's files: one at a time, so that an older one never comes last, and whoever asks while one is under
 * way shares the next. What is asked before the first begins waits for it.
 */
export class Reloads {
  readonly #next = new Map<boolean, Promise<void>>();
  #last: Promise<void>;
  #read: (mayBeEmpty: boolean) => Promise<void> = () => Promise.resolve();
  #begin: () => void = () => undefined;

  constructor() {
    this.#last = new Promise((resolve) => (this.#begin = resolve));
  }

  /** @param read - told whether a flock of which no bot can post is taken up, too */
  begin(read: (mayBeEmpty: boolean) => Promise<void>): void {
    this.#read = read;
    this.#begin();
  }

  /** Reads everything again. @throws {FlockError} what is wrong; then nothing has changed */
  ask({ mayBeEmpty }: { mayBeEmpty: boolean }): Promise<void> {
    const asked = this.#next.get(mayBeEmpty);
    if (asked) return asked;
    const next = this.#last.then(() => {
      this.#next.delete(mayBeEmpty);
      return this.#read(mayBeEmpty);
    });
    this.#next.set(mayBeEmpty, next);
    this.#last = next.catch(() => undefined);
    return next;
  }

  /** The same, be it that no bot is left; what is wrong is in the log. */
  readonly quietly = (): void => void this.ask({ mayBeEmpty: true }).catch(() => undefined);

  /** What is asked from now on changes nothing. */
  end(): void {
    this.#read = () => Promise.resolve();
  }
}
