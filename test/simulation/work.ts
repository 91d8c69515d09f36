import { describePlan, followers, runPlanned, singles } from './planned.ts';
import { runSeed } from './seeds.ts';
import type { OtherNetwork } from './simulated-network.ts';

/** What one process is to run. */
export type Work =
  | { kind: 'seeds'; from: number; count: number; network?: OtherNetwork['name'] | undefined }
  /** Every `stride`-th pair of faults, whose first is a share of all. */
  | { kind: 'pairs'; share: number; of: number; stride: number; offset: number };

export interface Done {
  ran: number;
  seconds: number;
  /** How to replay what was broken, and what was. */
  broken: { replay: string; what: string }[];
}

/** More than this is not read. */
const mostBroken = 20;

const seedOf = (seed: number, network = ''): string =>
  `${network === '' ? '' : `SIMULATION_NETWORK=${network} `}SIMULATION_SEED=${seed}`;

export async function doWork(work: Work): Promise<Done> {
  const begun = performance.now();
  const done: Done = { ran: 0, seconds: 0, broken: [] };
  const note = (replay: string, what: string | undefined): void => {
    done.ran++;
    if (what !== undefined && done.broken.length < mostBroken) done.broken.push({ replay, what });
  };
  if (work.kind === 'seeds') {
    for (let seed = work.from; seed < work.from + work.count; seed++)
      note(seedOf(seed, work.network), await runSeed(seed, { network: work.network }));
  } else {
    const firsts = (await singles()).filter((_, index) => index % work.of === work.share);
    let place = work.offset;
    for (const first of firsts) {
      for (const second of await followers(first)) {
        if (place++ % work.stride !== 0) continue;
        const plan = [first, second];
        note(`SIMULATION_FAULTS='${describePlan(plan)}'`, (await runPlanned(plan)).broken);
      }
    }
  }
  done.seconds = (performance.now() - begun) / 1000;
  return done;
}
