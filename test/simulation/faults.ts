import type { Random } from './random.ts';

export const diskFaults = [
  'eio',
  'enospc',
  'kill before',
  'kill in the middle',
  'kill after',
  'power cut before',
  'power cut after',
] as const;

/** What goes wrong with one operation of the disk. */
export type DiskFault = (typeof diskFaults)[number];

export const postFaults = [
  'dropped before',
  'dropped after',
  'accepted late',
  // On its way until nobody waits for it any more: X takes it as long as its signature is young enough.
  'held up',
  '503 before',
  '503 after',
  'never sent',
  '429',
  '429 for the app',
  '401',
  '401, a dead key',
  '402',
  'limit',
  'app refused',
  'page before',
  'page after',
  'kill before',
  'kill after acceptance',
  'kill, accepted late',
  'power cut before',
  'power cut after acceptance',
  'power cut, accepted late',
] as const;

/** What goes wrong with one request to post. */
export type PostFault = (typeof postFaults)[number];

export const lookFaults = ['unreadable', 'page', 'kill', 'power cut'] as const;

/** What goes wrong with one look at X, at the timeline or at whose account it is. */
export type LookFault = (typeof lookFaults)[number];

/** Decides what goes wrong. Each is asked once for each operation, in the order they happen. */
export interface Faults {
  disk(): DiskFault | undefined;
  post(bot: string): PostFault | undefined;
  look(): LookFault | undefined;
}

/** A few faults, by chance. When they are used up everything goes well. */
export class RandomFaults implements Faults {
  readonly #random: Random;
  readonly #diskRate: number;
  readonly #postRate: number;
  readonly #lookRate: number;
  readonly #calledDead = new Set<string>();
  #left: number;

  constructor(random: Random) {
    this.#random = random;
    this.#left = random.int(9);
    this.#diskRate = random.pick([0, 0.01, 0.03, 0.1]);
    this.#postRate = random.pick([0, 0.1, 0.3, 0.7]);
    this.#lookRate = random.pick([0, 0.3, 0.7]);
  }

  disk(): DiskFault | undefined {
    return this.#happens(this.#diskRate) ? this.#random.pick(diskFaults) : undefined;
  }

  post(bot: string): PostFault | undefined {
    const fault = this.#happens(this.#postRate) ? this.#random.pick(postFaults) : undefined;
    // A key that is called dead for a second time rightly parks the bot.
    const isDead = fault === '401, a dead key';
    if (isDead && this.#calledDead.has(bot)) return 'never sent';
    if (isDead) this.#calledDead.add(bot);
    return fault;
  }

  look(): LookFault | undefined {
    return this.#happens(this.#lookRate) ? this.#random.pick(lookFaults) : undefined;
  }

  #happens(rate: number): boolean {
    if (this.#left === 0 || !this.#random.chance(rate)) return false;
    this.#left--;
    return true;
  }
}

/** Where one fault is put: the how-manieth operation of a kind it meets, counted from 0. */
export type PlannedFault =
  | { on: 'disk'; nth: number; fault: DiskFault }
  | { on: 'post'; nth: number; fault: PostFault }
  | { on: 'look'; nth: number; fault: LookFault };

/** Exactly the faults that were planned. It counts what it is asked, so that one run tells where the next can put them. */
export class PlannedFaults implements Faults {
  readonly asked = { disk: 0, post: 0, look: 0 };
  readonly #plan: readonly PlannedFault[];

  constructor(plan: readonly PlannedFault[]) {
    this.#plan = plan;
  }

  disk(): DiskFault | undefined {
    const nth = this.asked.disk++;
    for (const planned of this.#plan) if (planned.on === 'disk' && planned.nth === nth) return planned.fault;
    return undefined;
  }

  post(): PostFault | undefined {
    const nth = this.asked.post++;
    for (const planned of this.#plan) if (planned.on === 'post' && planned.nth === nth) return planned.fault;
    return undefined;
  }

  look(): LookFault | undefined {
    const nth = this.asked.look++;
    for (const planned of this.#plan) if (planned.on === 'look' && planned.nth === nth) return planned.fault;
    return undefined;
  }
}
