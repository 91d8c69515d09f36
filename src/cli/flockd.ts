import type { Program } from './manual.ts';

/** The program flockd, and where each of its commands is. */
export const flockd: Program = {
  name: 'flockd',
  description: 'Posts the lines of a flock of poems, each bot on its schedule, for years.',
  firstSteps: [
    ['keymaker make-keys ./poems', 'make a key for each bot'],
    ['flockd run', 'in the same folder: post their lines on their schedules'],
  ],
  commands: {
    run: async () => (await import('./flockd/run.ts')).run,
    status: async () => (await import('./flockd/status.ts')).status,
    plan: async () => (await import('./flockd/plan.ts')).plan,
    rehearse: async () => (await import('./flockd/rehearse.ts')).rehearse,
    reload: async () => (await import('./flockd/control.ts')).reload,
    healthcheck: async () => (await import('./flockd/healthcheck.ts')).healthcheck,
    resolve: async () => (await import('./flockd/control.ts')).resolve,
    pause: async () => (await import('./flockd/control.ts')).pause,
    resume: async () => (await import('./flockd/control.ts')).resume,
    post: async () => (await import('./flockd/post.ts')).post,
    rename: async () => (await import('./flockd/rename.ts')).rename,
    export: async () => (await import('./flockd/backup.ts')).exportLedger,
    restore: async () => (await import('./flockd/backup.ts')).restore,
    'test-hooks': async () => (await import('./flockd/test-hooks.ts')).testHooks,
    install: async () => (await import('./flockd/service.ts')).install,
    uninstall: async () => (await import('./flockd/service.ts')).uninstall,
    logs: async () => (await import('./flockd/service.ts')).logs,
    unit: async () => (await import('./flockd/service.ts')).unit,
    completion: async () => (await import('./completion.ts')).completion('flockd'),
  },
};
