import type { Random } from './random.ts';

type Names = Map<string, SimulatedFile>;

/** A file with a page cache: what was written and not synced since is there until the power is cut. */
export class SimulatedFile {
  text = '';
  #synced = '';
  #unsynced: string[] = [];

  add(text: string): void {
    this.text += text;
    this.#unsynced.push(text);
  }

  sync(): void {
    this.#synced += this.#unsynced.join('');
    this.#unsynced = [];
  }

  /** What the kernel does when a write-back fails: the pages count as clean, are still readable, and never get to the disk. */
  loseUnsynced(): void {
    this.#synced += '\0'.repeat(this.#unsynced.join('').length);
    this.#unsynced = [];
  }

  /** Of what was not synced, the first few writes are there, and of the next one perhaps a part. */
  cutPower(random: Random): void {
    const whole = random.int(this.#unsynced.length + 1);
    const next = this.#unsynced[whole] ?? '';
    this.text =
      this.#synced + this.#unsynced.slice(0, whole).join('') + next.slice(0, random.int(next.length + 1));
    this.#synced = this.text;
    this.#unsynced = [];
  }
}

/** One folder of a disk. A name is made, moved or taken away for good only when the names are synced. */
export class SimulatedDisk {
  names: Names = new Map();
  #synced: Names = new Map();
  #unsynced: ((names: Names) => void)[] = [];

  changeNames(change: (names: Names) => void): void {
    change(this.names);
    this.#unsynced.push(change);
  }

  /** What a process reads in a file, which may be in the page cache only. */
  textOf(name: string): string {
    return this.names.get(name)?.text ?? '';
  }

  /** A person puts another text in the place of a file, or takes it away, while nobody has it open; it is on the disk. */
  replace(name: string, text: string | undefined): void {
    this.names.delete(name);
    if (text !== undefined) {
      const file = new SimulatedFile();
      file.add(text);
      file.sync();
      this.names.set(name, file);
    }
    this.syncNames();
  }

  syncNames(): void {
    this.#synced = new Map(this.names);
    this.#unsynced = [];
  }

  /** What was not synced is gone, or not, in the order it was done. */
  cutPower(random: Random): void {
    const names = new Map(this.#synced);
    for (const change of this.#unsynced.slice(0, random.int(this.#unsynced.length + 1))) change(names);
    this.names = names;
    this.#synced = new Map(names);
    this.#unsynced = [];
    for (const file of names.values()) file.cutPower(random);
  }
}
