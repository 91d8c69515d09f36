/** How much is measured. Times in milliseconds. */
export interface Sizes {
  rounds: number;
  /** How often they post where X takes its time. */
  slowRounds: number;
  /** How long posts are counted for one sample. */
  window: number;
  /** Posts that flockd makes before it is measured: it was only just started. */
  warmUp: number;
  /** Bots that post in the competition, and requests under way at once where X answers at once and where it takes its time. */
  posters: number;
  inFlight: number;
  manyInFlight: number;
  /** Flocks to start, the smallest first. */
  flocks: number[];
  /** How often flocks are started, and the largest of them: it takes its time. */
  flockRounds: number;
  largeRounds: number;
  /** How long an idle process is watched. */
  idle: number;
  /** How long flockd may take to give back the memory that a start took. */
  givingBack: number;
  /** Records in the ledger that a restart reads. */
  records: number;
  /** Bots that share a slot, and bots with slots of their own. */
  crowd: number;
  many: number;
  /** How long slots of one's own are spread, and how much of that is watched. */
  spread: number;
  watched: number;
  /** How late a call may be before it counts as lost. */
  patience: number;
  /** Keys to make. */
  keys: number;
  /** Starts of `--help`. */
  starts: number;
}

export const full: Sizes = {
  rounds: 3,
  slowRounds: 1,
  window: 500,
  warmUp: 5_000,
  posters: 4_000,
  inFlight: 64,
  manyInFlight: 1_000,
  flocks: [1, 100, 1_000, 10_000, 100_000],
  flockRounds: 2,
  largeRounds: 1,
  idle: 2_000,
  givingBack: 16_000,
  records: 1_000_000,
  crowd: 10_000,
  many: 100_000,
  spread: 100_000,
  watched: 6_000,
  patience: 2_000,
  keys: 40,
  starts: 15,
};

/** For the test of the benchmark itself, and for working on it: the figures mean nothing. */
export const quick: Sizes = {
  rounds: 1,
  slowRounds: 1,
  window: 100,
  warmUp: 20,
  posters: 40,
  inFlight: 4,
  manyInFlight: 20,
  flocks: [1, 20],
  flockRounds: 1,
  largeRounds: 1,
  idle: 100,
  givingBack: 100,
  records: 200,
  crowd: 20,
  many: 20,
  spread: 2_000,
  watched: 1_000,
  patience: 200,
  keys: 1,
  starts: 1,
};
