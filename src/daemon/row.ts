/** Who waits, in the order in which they came; each of them once. Nobody has to move up when the first one leaves. */
export class Row<T> {
  /** Backwards, so that the first is at its end. */
  #first: T[] = [];
  #others: T[] = [];
  readonly #inside = new Set<T>();

  get length(): number {
    return this.#inside.size;
  }

  add(item: T): void {
    if (this.#inside.has(item)) return;
    this.#inside.add(item);
    this.#others.push(item);
  }

  next(): T | undefined {
    if (this.#first.length === 0) [this.#first, this.#others] = [this.#others.reverse(), this.#first];
    const item = this.#first.pop();
    if (item !== undefined) this.#inside.delete(item);
    return item;
  }

  clear(): void {
    this.#first = [];
    this.#others = [];
    this.#inside.clear();
  }
}
