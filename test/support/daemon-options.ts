import type { DaemonOptions } from '../../src/daemon/daemon.ts';

/** What a daemon needs of the world where its clock is right, its poems are not being written and nobody stops the flock. */
export const calmWorld: Pick<DaemonOptions, 'askTime' | 'brake' | 'writtenAt'> = {
  askTime: () => Promise.resolve({ ahead: 0, isOfX: true }),
  brake: () => Promise.resolve(),
  writtenAt: () => undefined,
};
