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
    {
      usage: 'status',
      summary: 'Show how every bot stands: its place, its last and next post, and what is wrong',
      load: async () => (await import('./flockd/status.ts')).status,
    },
    {
      usage: 'reload',
      summary:
        'Let the running daemon read its files again; what is wrong with them is said, and changes nothing',
      load: async () => (await import('./flockd/reload.ts')).reload,
    },
    {
      usage: 'resolve <bot>',
      summary: 'Say of a post in doubt whether it was posted',
      load: async () => (await import('./flockd/resolve.ts')).resolve,
    },
    {
      usage: 'resume <bot>',
      summary: 'Let a parked bot go on',
      load: async () => (await import('./flockd/resume.ts')).resume,
    },
    {
      usage: 'unit',
      summary: 'Print the systemd unit that runs the daemon on a server',
      load: async () => (await import('./flockd/unit.ts')).unit,
    },
  ],
};
