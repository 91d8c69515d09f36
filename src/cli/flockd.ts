import type { Program } from './program.ts';

/** The verbs of flockd; each is the file of its name. */
export const flockd: Program = {
  name: 'flockd',
  about: 'Posts the lines of a flock of poems, each bot on its schedule, for years.',
  verbs: [
    {
      usage: 'run',
      summary: 'Run the daemon until it is told to stop',
      load: async () => (await import('./flockd/run.ts')).run,
    },
  ],
};
