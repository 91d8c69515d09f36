import { PlannedFaults, type PlannedFault } from './faults.ts';
import { History } from './history.ts';
import type { Verdict } from './step-count.ts';
import { Random } from './random.ts';
import { botOf, type Scenario } from './scenario.ts';

/** Histories that broke the promise once, as small as they can be told. */
export interface Found {
  name: string;
  /** Where the promise has a limit that is known: how this history ends. */
  limit?: RegExp;
  run: () => Promise<Verdict>;
}

const minute = 60_000;
const year = 365 * 24 * 60 * minute;

function history(
  poem: string[],
  changes: Partial<Scenario>,
  plan: readonly PlannedFault[] = [],
): Promise<Verdict> {
  const scenario: Scenario = {
    bots: [botOf('ada', { refrain: 'join', missed: 'one', spread: 0 }, true)],
    poems: new Map([['ada', poem]]),
    manyLines: 10_000,
    duplicateWindow: 0,
    checksClock: true,
    failedSyncLoses: false,
    happenings: [],
    downs: [1000],
    ...changes,
  };
  const trace = process.env['SIMULATION_TRACE'] === undefined ? undefined : console.log;
  return new History({ scenario, faults: new PlannedFaults(plan), random: new Random(1), trace }).run();
}

export const found: readonly Found[] = [
  {
    name: 'a posted line is corrected that has an equal neighbour, and the neighbour is skipped',
    run: () =>
      history(['rain', 'rain'], {
        happenings: [{ at: minute, what: 'fix', bot: 'ada', which: 0, posted: true }],
      }),
  },
  {
    name: 'the clock is a year ahead when X asks to wait, and is set right: the bot waits a year',
    run: () =>
      history(
        ['rain', 'rose'],
        {
          checksClock: false,
          happenings: [
            { at: 10_000, what: 'clock', ahead: year },
            { at: 11_000, what: 'clock', ahead: 0 },
          ],
        },
        [{ on: 'post', nth: 0, fault: '429' }],
      ),
  },
  {
    name: 'the first post is in doubt from a clock that was ahead, and is looked for too late in the timeline',
    // Where X checks timestamps, a clock that is this wrong gets no post through.
    limit: /posted \["rain","rain","rose"\]/,
    run: () =>
      history(
        ['rain', 'rose'],
        {
          checksClock: false,
          happenings: [
            { at: 10_000, what: 'clock', ahead: 60 * minute },
            { at: 2 * minute, what: 'clock', ahead: 0 },
          ],
        },
        [{ on: 'post', nth: 0, fault: 'dropped after' }],
      ),
  },
  {
    name: 'an fsync fails, its text stays in the page cache only, and the next start believes it',
    run: () =>
      history(
        ['rain', 'rose', 'stone'],
        { failedSyncLoses: true, happenings: [{ at: 100_000, what: 'power cut' }] },
        [{ on: 'disk', nth: 9, fault: 'eio' }],
      ),
  },
];
