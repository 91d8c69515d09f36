import type { Program } from './manual.ts';

/** The program keymaker, and where each of its commands is. */
export const keymaker: Program = {
  name: 'keymaker',
  description: 'Makes the keys of a flock: one X account for each poem.',
  firstSteps: [
    ['keymaker sandbox', 'try everything without an account'],
    ['keymaker make-keys ./poems', 'get a link and enter a PIN for each poem; then: flockd run'],
  ],
  commands: {
    init: async () => (await import('./keymaker/init.ts')).init,
    'make-keys': async () => (await import('./keymaker/make-keys.ts')).makeKeys,
    reauth: async () => (await import('./keymaker/existing-key.ts')).reauth,
    begin: async () => (await import('./keymaker/two-step.ts')).begin,
    finish: async () => (await import('./keymaker/two-step.ts')).finish,
    serve: async () => (await import('./keymaker/serve.ts')).serve,
    list: async () => (await import('./keymaker/list.ts')).list,
    doctor: async () => (await import('./keymaker/doctor.ts')).doctor,
    import: async () => (await import('./keymaker/import.ts')).importKeys,
    revoke: async () => (await import('./keymaker/existing-key.ts')).revoke,
    encrypt: async () => (await import('./keymaker/encrypt.ts')).encrypt,
    sandbox: async () => (await import('./keymaker/sandbox.ts')).sandbox,
    completion: async () => (await import('./completion.ts')).completion('keymaker'),
  },
};
