export type Death = 'kill' | 'power cut';

/** What a dead process waits for: a promise of its own each time, since one for all would keep all who ever waited. */
export const never = (): Promise<never> => new Promise<never>(() => undefined);

/** One process from its start to its death. It tells when all it does is wait, so that time can go on. */
export class Life {
  death: Death | undefined;
  /** What ended it, where it ended by itself. */
  failure: unknown;
  /** A fault of the disk was put in its way, so that it may end by itself. */
  faulted = false;
  #running = 0;
  #quiet: (() => void) | undefined;

  get over(): boolean {
    return this.death !== undefined;
  }

  die(death: Death): void {
    this.death ??= death;
    this.#quiet?.();
  }

  /** Something runs: time stands still until it {@link leave | ends or waits}. */
  enter(): void {
    this.#running++;
  }

  leave(): void {
    if (--this.#running === 0) this.#quiet?.();
  }

  /** Whether something runs. */
  get isBusy(): boolean {
    return this.#running > 0 && this.death === undefined;
  }

  /** Resolves when nothing that is {@link isBusy | running} runs any more, or the process is dead. */
  quiet(): Promise<void> {
    return new Promise((resolve) => {
      this.#quiet = () => {
        this.#quiet = undefined;
        resolve();
      };
    });
  }
}
