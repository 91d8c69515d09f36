import { Random } from '../simulation/random.ts';

/** A flock to plan: poems and settings of many kinds, the same for one seed. */
export interface RandomFlock {
  from: number;
  settings: Record<string, unknown>;
  bots: RandomBot[];
}

interface RandomBot {
  name: string;
  /** The lines of its poem's file. */
  rows: string[];
  settings: Record<string, unknown>;
}

const schedules = [
  '0 9 * * *',
  '30 2 * * *',
  '15 1,2,3 * * *',
  '0 * * * *',
  '10 */3 * * *',
  '*/40 8-11 * * *',
  '30 0 7 * * 1-5',
  '0 12 1,15 * *',
  '0 0 * * 0',
  '45 23 31 * *',
] as const;
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Pacific/Apia',
] as const;
const spreads = ['0s', '0s', '20m', '5h', '3d'] as const;
/** Near to the changes of many clocks, and of a month. */
const starts = ['2026-03-06', '2026-03-25', '2026-04-02', '2026-10-22', '2026-10-30', '2026-12-20'] as const;
const words = ['tide', 'lamp', 'rain', 'it', 'Night', 'é', 'e\u0301', '夜', 'oh', 'the'] as const;

/** @param hasFlockBudget - whether all bots together may run out of money */
export function randomFlock(seed: number, hasFlockBudget = false): RandomFlock {
  const random = new Random(seed);
  const budget = hasFlockBudget
    ? { budget: { postsPerDay: 1 + random.int(9), ...(random.chance(0.3) && { usdPerMonth: 1 }) } }
    : {};
  return {
    from: Date.parse(`${random.pick(starts)}T00:00:00Z`) + random.int(86_400_000),
    settings: { ...settingsOf(random), ...budget },
    bots: Array.from({ length: 2 + random.int(4) }, (_, index) => ({
      name: `bot-${index}`,
      rows: poem(random),
      settings: {
        ...(random.chance(0.5) && settingsOf(random)),
        ...(random.chance(0.3) && { budget: budgetOf(random) }),
        ...(random.chance(0.05) && { paused: true }),
      },
    })),
  };
}

const settingsOf = (random: Random): Record<string, unknown> => ({
  schedule: random.pick(schedules),
  timezone: random.pick(zones),
  spread: random.pick(spreads),
  missed: random.pick(['skip', 'one', 'all']),
  atEnd: random.pick(['loop', 'loop', 'stop']),
  unit: random.pick(['line', 'line', 'stanza']),
  refrain: random.pick(['join', 'defer', 'skip']),
});

const budgetOf = (random: Random): object => ({
  ...(random.chance(0.6) && { postsPerDay: random.int(6) }),
  ...(random.chance(0.5) && { usdPerMonth: random.pick([0, 0.01, 0.1, 0.3, 1]) }),
});

function poem(random: Random): string[] {
  const rows = ['begin', ...Array.from({ length: 1 + random.int(50) }, () => row(random))];
  return random.chance(0.08) ? [...rows, '$ONE and $TWO'] : rows;
}

function row(random: Random): string {
  const word = random.pick(words);
  switch (random.int(30)) {
    case 0:
      return '';
    case 1:
      return `  ${word}`;
    case 2:
      return `the ${word} was night.It went`;
    case 3:
      return `see https://example.org/${word}`;
    case 4:
      return Array.from({ length: 90 }, () => random.pick(words)).join(' ');
    default:
      return Array.from({ length: 1 + random.int(3) }, () => random.pick(words)).join(' ');
  }
}
