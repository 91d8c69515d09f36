import { RandomFaults } from './faults.ts';
import { History } from './history.ts';
import type { Verdict } from './step-count.ts';
import type { Plant } from './plant.ts';
import { Random } from './random.ts';
import { atNetwork, otherOf, randomScenario, type Scenario } from './scenario.ts';
import type { OtherNetwork } from './simulated-network.ts';

export interface SeedOptions {
  /** Another network than X. */
  network?: OtherNetwork['name'] | undefined;
  plant?: Plant;
  /** Changes the scenario the seed gives. */
  adapt?: (scenario: Scenario) => Scenario;
  trace?: (happened: string) => void;
}

/** The history of a seed: the same seed always gives the same. */
export function runSeed(seed: number, { network, plant, adapt, trace }: SeedOptions = {}): Promise<Verdict> {
  const random = new Random(seed);
  const drawn = randomScenario(random);
  const placed = network ? atNetwork(otherOf(network, seed))(drawn) : drawn;
  const scenario = adapt ? adapt(placed) : placed;
  const faults = new RandomFaults(random);
  if (trace) {
    const { bots, poems, ...rest } = scenario;
    const settings = bots.map(({ name, settings: { refrain, missed, spread, atEnd } }) => ({
      name,
      refrain,
      missed,
      spread,
      atEnd,
    }));
    trace(JSON.stringify({ seed, settings, poems: Object.fromEntries(poems), ...rest }));
  }
  return new History({ scenario, faults, random, plant, trace }).run();
}
