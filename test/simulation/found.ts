import { PlannedFaults, type PlannedFault } from './faults.ts';
import { History } from './history.ts';
import type { Verdict } from './step-count.ts';
import { Random } from './random.ts';
import { botOf, type Scenario } from './scenario.ts';

/** Histories that broke the promise once, as small as they can be told. */
export interface Found {
  name: string;
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
  {
    name: 'a line is posted after an export, corrected, and restored: it is posted again as it reads now',
    run: () =>
      history(['rain', 'rose', 'stone'], {
        happenings: [
          { at: minute, what: 'export' },
          { at: 2 * minute, what: 'fix', bot: 'ada', which: 1, posted: true },
          { at: 2 * minute, what: 'restore' },
        ],
      }),
  },
  {
    name: 'the first line is posted after an export, corrected, and restored: it is taken for its twin, and the rest is skipped',
    run: () =>
      history(['rain', 'rose', 'rain'], {
        happenings: [
          { at: 10_000, what: 'export' },
          { at: minute, what: 'fix', bot: 'ada', which: 0, posted: true },
          { at: minute, what: 'restore' },
        ],
      }),
  },
  {
    name: 'a line is added while a restored bot looks: a refrain that was joined is posted again',
    run: () =>
      history(['rain', 'rain', 'rose', 'stone'], {
        duplicateWindow: 10 * minute,
        happenings: [
          { at: minute, what: 'export' },
          { at: 2 * minute, what: 'restore' },
          { at: 3 * minute, what: 'append', bot: 'ada', line: 'sea' },
        ],
      }),
  },
  {
    name: 'a post in doubt is exported that never was, its line is corrected, and restored: a later one is taken for it',
    run: () =>
      history(
        ['rain', 'rose', 'rain'],
        {
          happenings: [
            { at: 1.5 * minute, what: 'fix', bot: 'ada', which: 0, posted: true },
            { at: 1.6 * minute, what: 'export' },
            { at: 10 * minute, what: 'restore' },
          ],
        },
        [{ on: 'post', nth: 0, fault: 'dropped before' }],
      ),
  },
  {
    name: 'the last line of a pass is skipped after an export, and restored: the next pass is not found',
    run: () =>
      history(['rain', 'stone', 'rose', 'rose'], {
        bots: [botOf('ada', { refrain: 'skip', missed: 'one', spread: 0, atEnd: 'loop' }, true)],
        duplicateWindow: minute,
        happenings: [
          { at: 200_000, what: 'export' },
          { at: 230_000, what: 'restore' },
        ],
      }),
  },
  {
    name: 'a bot begins with a clock that is a year ahead, which is set right, and is restored: it looks for nothing older',
    run: () =>
      history(
        ['rain', 'rose'],
        {
          happenings: [
            { at: 500, what: 'clock', ahead: year },
            { at: 2000, what: 'export' },
            { at: 3000, what: 'clock', ahead: 0 },
            { at: minute, what: 'restore' },
          ],
        },
        [{ on: 'disk', nth: 0, fault: 'kill before' }],
      ),
  },
  {
    name: 'a flock with a budget is restored, and a bot posts before another has looked for what it has spent',
    run: () =>
      history(
        ['rain', 'rose'],
        {
          bots: ['ada', 'bea'].map((name) =>
            botOf(name, { refrain: 'join', missed: 'one', spread: 0 }, true),
          ),
          poems: new Map([
            ['ada', ['rain', 'rose']],
            ['bea', ['sea']],
          ]),
          budget: 2,
          happenings: [
            { at: 10_000, what: 'export' },
            { at: minute, what: 'restore' },
          ],
        },
        [{ on: 'look', nth: 1, fault: 'unreadable' }],
      ),
  },
];
