import type { Random } from './random.ts';

type Change = { add: string } | { cut: number };
type Names = Map<string, SimulatedFile>;

const applied = (text: string, change: Change): string =>
  'add' in change ? text + change.add : text.slice(0, change.cut);

/** A file with a page cache: what was written and not synced since is there until the power is cut. */
export class SimulatedFile {
  text = '';
  #synced = '';
  #unsynced: Change[] = [];

  change(change: Change): void {
    this.text = applied(this.text, change);
    this.#unsynced.push(change);
  }

  sync(): void {
    this.#synced = this.#unsynced.reduce(applied, this.#synced);
    this.#unsynced = [];
  }

  /** What the kernel does when a write-back fails: the pages count as clean, are still readable, and never get to the disk. */
  loseUnsynced(): void {
    const reached = this.#unsynced.reduce(applied, this.#synced);
    this.#synced += '\0'.repeat(Math.max(0, reached.length - this.#synced.length));
    this.#unsynced = [];
  }

  /** Of the changes that were not synced, the first few happened, and the last of those perhaps in part. */
  cutPower(random: Random): void {
    const whole = random.int(this.#unsynced.length + 1);
    const next = this.#unsynced[whole];
    this.text = this.#unsynced.slice(0, whole).reduce(applied, this.#synced);
    if (next && 'add' in next) this.text += next.add.slice(0, random.int(next.add.length + 1));
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
