import type { Program } from '../../src/cli/command.ts';

/** A program with a verb of every kind, for what is made from the tables of verbs. */
export const choir: Program = {
  name: 'choir',
  about: 'Sings.',
  firstSteps: [['choir hum', 'to begin']],
  verbs: [
    {
      usage: 'sing <bot> [file]',
      summary: 'Sing a poem',
      load: () =>
        Promise.resolve({
          words: { bot: { describe: 'who sings' }, file: { describe: 'the tape' } },
          flags: {
            loud: { type: 'boolean', describe: 'as loud as can be' },
            voice: { type: 'string', choices: ['alto', 'bass'], describe: 'which voice' },
            bot: { type: 'string', array: true, describe: 'who else sings' },
            tempo: { type: 'string', alias: 't', default: '90', describe: 'how fast' },
            provider: { type: 'string', describe: 'who pays' },
            root: { type: 'string', describe: 'where the choir is' },
            keys: { type: 'string', describe: 'where the keys are' },
            identity: { type: 'string', describe: 'a file' },
          },
          examples: [['choir sing howl --loud', 'sing it']],
          run: () => Promise.resolve('done'),
        }),
    },
    {
      usage: 'walk <poems>',
      summary: 'Walk the poems',
      load: () =>
        Promise.resolve({
          words: { poems: { describe: 'their folder' } },
          flags: { bot: { type: 'string', describe: 'whose poem' } },
          run: () => Promise.resolve('done'),
        }),
    },
    {
      usage: 'hum',
      summary: 'Hum',
      load: () => Promise.resolve({ flags: {}, run: () => Promise.resolve('done') }),
    },
    {
      usage: 'hush <shell>',
      summary: 'Be quiet',
      load: () =>
        Promise.resolve({
          words: { shell: { describe: 'where', choices: ['bash', 'zsh'] } },
          flags: {},
          run: () => Promise.resolve('done'),
        }),
    },
  ],
};
