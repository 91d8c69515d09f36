import type { Program } from './command.ts';

/** The verbs of keymaker; each is the file of its name. */
export const keymaker: Program = {
  name: 'keymaker',
  about: 'Makes the keys of a flock: one X account for each poem.',
  firstSteps: [
    ['keymaker sandbox', 'an X in a box, to try everything without an account'],
    ['keymaker make-keys ./poems', 'a link and a PIN for each poem; then: flockd run'],
  ],
  verbs: [
    {
      usage: 'make-keys <poems>',
      summary: 'Walk a folder of poems and make a key bundle for each bot you choose',
      load: async () => (await import('./keymaker/make-keys.ts')).makeKeys,
    },
    {
      usage: 'reauth <bot>',
      summary: 'Authorize one bot again; its poem and its place in it stay as they are',
      load: async () => (await import('./keymaker/reauth.ts')).reauth,
    },
    {
      usage: 'begin <bot>',
      summary: 'Print the link that authorizes one bot, for machines without a person at the terminal',
      load: async () => (await import('./keymaker/two-step.ts')).begin,
    },
    {
      usage: 'finish <bot>',
      summary: 'Read the PIN of a link from standard input, and store the key',
      load: async () => (await import('./keymaker/two-step.ts')).finish,
    },
    {
      usage: 'serve',
      summary: 'A page of the flock, on this machine: authorize, check, try and revoke in the browser',
      load: async () => (await import('./keymaker/serve.ts')).serve,
    },
    {
      usage: 'list',
      summary: 'List the key bundles: bot, account, masked tokens, poem and file',
      load: async () => (await import('./keymaker/list.ts')).list,
    },
    {
      usage: 'doctor',
      summary: 'Check app keys, bundles, permissions, the clock and the providers, and say each repair',
      load: async () => (await import('./keymaker/doctor.ts')).doctor,
    },
    {
      usage: 'import <file>',
      summary: 'Take keys that other programs made into key bundles',
      load: async () => (await import('./keymaker/import.ts')).importKeys,
    },
    {
      usage: 'revoke <bot>',
      summary: 'End the key of one bot, and remove its bundle',
      load: async () => (await import('./keymaker/revoke.ts')).revoke,
    },
    {
      usage: 'encrypt',
      summary: 'Encrypt the key bundles with age, or decrypt them again',
      load: async () => (await import('./keymaker/encrypt.ts')).encrypt,
    },
    {
      usage: 'sandbox',
      summary: 'Run an X in a box on this machine, to rehearse and to test with',
      load: async () => (await import('./keymaker/sandbox.ts')).sandbox,
    },
    {
      usage: 'completion <shell>',
      summary: 'Print the script that lets bash, zsh or fish complete a line',
      load: async () => (await import('./completion.ts')).completion('keymaker'),
    },
  ],
};
