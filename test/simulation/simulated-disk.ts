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

  /** Somebody writes the whole file anew: it is on the disk at once. */
  rewrite(text: string): void {
    this.text = this.#synced = text;
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

  syncNames(): void {
    this.#synced = new Map(this.names);
    this.#unsynced = [];
  }

  /** Somebody puts a file under a name, or takes the name away: all names are on the disk then. */
  put(name: string, file: SimulatedFile | undefined): void {
    if (file) this.names.set(name, file);
    else this.names.delete(name);
    this.syncNames();
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
