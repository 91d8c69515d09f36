/** Of all that are kept in one place. Characters. */
const most = 2_000_000;

/** What was last made of each of many texts, as far as the texts are not too much to keep. */
export class RecentTexts<T extends { text: string }> {
  readonly #kept = new Map<string, T>();
  #size = 0;

  get(name: string): T | undefined {
    return this.#kept.get(name);
  }

  set(name: string, made: T): void {
    this.#size += made.text.length - (this.#kept.get(name)?.text.length ?? 0);
    if (this.#size > most) {
      this.#kept.clear();
      this.#size = made.text.length;
    }
    this.#kept.set(name, made);
  }
}
