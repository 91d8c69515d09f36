import { diskFaults, lookFaults, PlannedFaults, postFaults, type PlannedFault } from './faults.ts';
import { History } from './history.ts';
import type { Verdict } from './step-count.ts';
import { Random } from './random.ts';
import { atNetwork, botOf, type Scenario } from './scenario.ts';
import type { OtherNetwork } from './simulated-network.ts';

/** A small flock with a refrain, neighbours that are equal, and a journal that is compacted on the way. */
function smallScenario(): Scenario {
  const own = { refrain: 'join', missed: 'one', spread: 0 } as const;
  return {
    bots: [botOf('ada', own, true), botOf('bea', own, false)],
    poems: new Map([
      ['ada', ['rain', 'rain', 'rose', 'rain']],
      ['bea', ['sea', 'stone', 'sea']],
    ]),
    manyLines: 9,
    duplicateWindow: 0,
    checksClock: true,
    failedSyncLoses: false,
    happenings: [],
    downs: [1000],
  };
}

/** The history of the small flock with just these faults. */
export async function runPlanned(
  plan: readonly PlannedFault[],
  { trace, other }: { trace?: (happened: string) => void; other?: OtherNetwork } = {},
): Promise<{ broken: Verdict; asked: PlannedFaults['asked'] }> {
  const faults = new PlannedFaults(plan);
  const random = new Random(plan.reduce((sum, { nth, fault }) => sum * 31 + nth * 7 + fault.length, 1));
  const scenario = other ? atNetwork(other)(smallScenario()) : smallScenario();
  const broken = await new History({ scenario, faults, random, trace }).run();
  return { broken, asked: faults.asked };
}

/** Every fault at every place that a history comes to which asks this often. */
function everyFault({ disk, post, look }: PlannedFaults['asked']): PlannedFault[] {
  const times = (count: number): number[] => Array.from({ length: count }, (_, nth) => nth);
  return [
    ...times(disk).flatMap((nth) => diskFaults.map((fault) => ({ on: 'disk' as const, nth, fault }))),
    ...times(post).flatMap((nth) => postFaults.map((fault) => ({ on: 'post' as const, nth, fault }))),
    ...times(look).flatMap((nth) => lookFaults.map((fault) => ({ on: 'look' as const, nth, fault }))),
  ];
}

const deadKey = '401, a dead key';

/** Every place where one fault can be put. */
export async function singles(other?: OtherNetwork): Promise<PlannedFault[]> {
  return everyFault((await runPlanned([], other && { other })).asked);
}

/** Every fault that can come after another: at each place that the history with the first comes to. */
export async function followers(first: PlannedFault): Promise<PlannedFault[]> {
  const { asked } = await runPlanned([first]);
  return everyFault(asked).filter(
    (second) =>
      // The same place has one fault; and a key that is called dead twice rightly parks a bot.
      (second.on !== first.on || second.nth > first.nth) &&
      !(second.fault === deadKey && first.fault === deadKey),
  );
}

export const describePlan = (plan: readonly PlannedFault[]): string =>
  plan.map(({ on, nth, fault }) => `${on} ${nth}: ${fault}`).join(', ');

/** A plan from its description. */
export const parsePlan = (text: string): PlannedFault[] =>
  text.split(/, (?=disk|post|look)/).map((part) => {
    const [, on, nth, fault] = /^(disk|post|look) (\d+): (.+)$/.exec(part) ?? [];
    return { on, nth: Number(nth), fault } as PlannedFault;
  });
