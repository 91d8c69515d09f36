import { Chance } from '../sandbox/chance.ts';
import type { Fault } from '../sandbox/faults.ts';

/**
 * What a bad day with X is made of, each as likely as the others. A request that lands late lands within its deadline, and
 * nothing is among them that only a person can mend: those are parked, and a year of parked bots rehearses nothing.
 */
const mix: readonly Fault[] = [
  { kind: 'status', status: 503, when: 'before', headers: {} },
  { kind: 'status', status: 503, when: 'after', headers: {} },
  { kind: 'status', status: 429, when: 'before', headers: {} },
  { kind: 'drop', when: 'before' },
  { kind: 'drop', when: 'after' },
  { kind: 'hang', when: 'before' },
  { kind: 'hang', when: 'after' },
  { kind: 'late', ms: 8_000 },
  { kind: 'delay', ms: 6_000 },
  { kind: 'cut', when: 'after' },
  { kind: 'altered', how: 'decimal-entities' },
  { kind: 'altered', how: 'without-invisible' },
];

/** Spoils some of the requests; the same seed spoils the same ones in the same way. */
export class FaultMix {
  /** How often each kind was drawn. */
  readonly drawn = new Map<string, number>();
  readonly #rate: number;
  readonly #chance: Chance;

  /** @param rate - the share of requests that are spoiled, from 0 to 1 */
  constructor(rate: number, seed: string) {
    this.#rate = rate;
    this.#chance = new Chance(seed);
  }

  /** The fault for the next request, or undefined where it goes well. */
  draw(): Fault | undefined {
    if (this.#rate === 0 || this.#chance.fraction('whether') >= this.#rate) return undefined;
    const fault = mix[Math.floor(this.#chance.fraction('which') * mix.length)];
    if (fault) this.drawn.set(nameOf(fault), (this.drawn.get(nameOf(fault)) ?? 0) + 1);
    return fault;
  }
}

const nameOf = (fault: Fault): string => (fault.kind === 'status' ? String(fault.status) : fault.kind);
