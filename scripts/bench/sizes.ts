/** The sizes and times of all measurements. Times are in milliseconds. */
export interface Sizes {
  rounds: number;
  /** Rounds with the slow X. */
  slowRounds: number;
  /** The time in which posts are counted for one sample. */
  window: number;
  /** Posts of flockd before it is measured, because a process is slow at first. */
  warmUp: number;
  /** Bots in the comparison, and the simultaneous requests to the quick and to the slow X. */
  posters: number;
  inFlight: number;
  manyInFlight: number;
  /** The sizes of the flocks to start, in ascending order. */
  flocks: number[];
  /** Starts of each flock, and starts of the largest one, which takes long. */
  flockRounds: number;
  largeRounds: number;
  /** The time in which an idle process is measured. */
  idle: number;
  /** The time for flockd to release the memory of its start. */
  givingBack: number;
  /** Records in the ledger for the restart. */
  records: number;
  /** Bots that share a slot, and bots with separate slots. */
  crowd: number;
  many: number;
  /** The time over which separate slots are spread, and the part of it that is measured. */
  spread: number;
  watched: number;
  /** A call that is later than this counts as lost. */
  maxLateness: number;
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
  maxLateness: 2_000,
  keys: 40,
  starts: 15,
};

/** For the test of the benchmark and for its development. The figures mean nothing. */
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
  maxLateness: 200,
  keys: 1,
  starts: 1,
};
