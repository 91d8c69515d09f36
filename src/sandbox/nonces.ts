/** The nonces of requests whose time stamp would still be accepted, so that none is accepted twice. */
export class Nonces {
  readonly #bySecond = new Map<number, Set<string>>();
  #pruned = 0;

  /**
   * Notes a nonce; false when it was there already.
   *
   * @param stamp the request's time stamp, in seconds
   * @param oldest the earliest time stamp still accepted, in seconds
   */
  take(nonce: string, stamp: number, oldest: number): boolean {
    this.#prune(Math.floor(oldest));
    const taken = this.#bySecond.get(stamp) ?? new Set();
    if (taken.has(nonce)) return false;
    taken.add(nonce);
    this.#bySecond.set(stamp, taken);
    return true;
  }

  get size(): number {
    let size = 0;
    for (const taken of this.#bySecond.values()) size += taken.size;
    return size;
  }

  #prune(oldest: number): void {
    if (oldest === this.#pruned) return;
    this.#pruned = oldest;
    for (const stamp of this.#bySecond.keys()) if (stamp < oldest) this.#bySecond.delete(stamp);
  }
}
