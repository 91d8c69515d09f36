import type { Program } from './command.ts';

/** The verbs of flockd; each is the file of its name. */
export const flockd: Program = {
  name: 'flockd',
  about: 'Posts the lines of a flock of poems, each bot on its schedule, for years.',
  firstSteps: [
    ['keymaker make-keys ./poems', 'make a key for each bot'],
    ['flockd run', 'post their lines, each on its schedule, from the same folder'],
  ],
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
      usage: 'plan',
      summary: 'Show what the flock will post and when, what it costs, and what to look at in the poems',
      load: async () => (await import('./flockd/plan.ts')).plan,
    },
    {
      usage: 'rehearse',
      summary:
        'Let the flock live through a time to come, with an X in a box: what it posts, costs and survives',
      load: async () => (await import('./flockd/rehearse.ts')).rehearse,
    },
    {
      usage: 'reload',
      summary:
        'Let the running daemon read its files again; what is wrong with them is said, and changes nothing',
      load: async () => (await import('./flockd/control.ts')).reload,
    },
    {
      usage: 'healthcheck',
      summary: 'Ask a running flockd whether it is ready; for containers',
      load: async () => (await import('./flockd/healthcheck.ts')).healthcheck,
    },
    {
      usage: 'resolve <bot>',
      summary: 'Say of a post in doubt whether it was posted',
      load: async () => (await import('./flockd/control.ts')).resolve,
    },
    {
      usage: 'pause [bot]',
      summary: 'Stop the whole flock within a second, or let one bot rest; it survives restarts',
      load: async () => (await import('./flockd/control.ts')).pause,
    },
    {
      usage: 'resume [bot]',
      summary: 'Let the whole flock go on, one bot that is parked or paused, or every parked bot',
      load: async () => (await import('./flockd/control.ts')).resume,
    },
    {
      usage: 'post <bot>',
      summary: 'Post the next line of a bot now, besides its schedule',
      load: async () => (await import('./flockd/post.ts')).post,
    },
    {
      usage: 'rename <old> <new>',
      summary: 'Call a bot otherwise: it keeps its place, its history and its key',
      load: async () => (await import('./flockd/rename.ts')).rename,
    },
    {
      usage: 'export [file]',
      summary: 'Write down where every bot is, to be restored here or elsewhere; no secret is in it',
      load: async () => (await import('./flockd/backup.ts')).exportLedger,
    },
    {
      usage: 'restore <file>',
      summary:
        'Go on from an export or another state folder; what was posted since is looked for, and never posted twice',
      load: async () => (await import('./flockd/backup.ts')).restore,
    },
    {
      usage: 'test-hooks',
      summary: 'Tell every hook and the ping of flock.json a sample alarm, and say what came of it',
      load: async () => (await import('./flockd/test-hooks.ts')).testHooks,
    },
    {
      usage: 'unit',
      summary: 'Print the systemd unit that runs the daemon on a server',
      load: async () => (await import('./flockd/unit.ts')).unit,
    },
    {
      usage: 'completion <shell>',
      summary: 'Print the script that lets bash, zsh or fish complete a line',
      load: async () => (await import('./completion.ts')).completion('flockd'),
    },
  ],
};
