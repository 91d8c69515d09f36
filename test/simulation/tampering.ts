import { SimulatedFile, type SimulatedDisk } from './simulated-disk.ts';

const journalName = 'journal.jsonl';

export const tamperings = ['removed', 'replaced', 'cut short'] as const;

/** What is done to the journal under a running flockd. */
export type Tampering = (typeof tamperings)[number];

/** Somebody who takes the journal away under a running flockd, and puts it back as it was once that has ended. */
export class Tamperer {
  readonly #disk: SimulatedDisk;
  #taken: { text: string; left: SimulatedFile | undefined } | undefined;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  tamper(how: Tampering): void {
    const file = this.#disk.names.get(journalName);
    if (!file || this.#taken) return;
    const { text } = file;
    const older = text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1);
    let left: SimulatedFile | undefined;
    if (how === 'replaced') left = new SimulatedFile();
    if (how === 'cut short') left = file;
    left?.rewrite(older);
    this.#disk.put(journalName, left);
    this.#taken = { text, left };
  }

  /** Unless flockd has written a journal of its own in its place meanwhile. */
  putBack(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    if (!taken || this.#disk.names.get(journalName) !== taken.left) return;
    const file = new SimulatedFile();
    file.rewrite(taken.text);
    this.#disk.put(journalName, file);
  }
}
