import * as z from 'zod';
import { botArgument, command, placeFlags, toggle } from '../../src/cli/command.ts';
import type { Command, Program } from '../../src/cli/manual.ts';
import type { Exit } from '../../src/errors.ts';

const run = (): Promise<Exit> => Promise.resolve('done');

const sing = command({
  summary: 'Sing a poem',
  schema: z.object({
    bot: botArgument.meta({ description: 'who sings' }),
    file: z.string().optional().meta({ positional: true, kind: 'file', description: 'the tape' }),
    loud: toggle('as loud as can be'),
    voice: z.enum(['alto', 'bass']).optional().meta({ description: 'which voice' }),
    also: z.array(z.string()).default([]).meta({ kind: 'bot', description: 'who else sings' }),
    tempo: z
      .string()
      .transform(Number)
      .pipe(z.number())
      .default(90)
      .meta({ alias: 't', description: 'how fast' }),
    provider: z
      .string()
      .optional()
      .meta({ suggestions: ['x', 'flickr', 'tumblr'], description: 'who pays' }),
    root: placeFlags.root,
    keys: placeFlags.keys,
    identity: z.string().optional().meta({ kind: 'file', description: 'a file' }),
  }),
  examples: [['choir sing howl --loud', 'sing it']],
  exits: { partly: 'out of tune' },
  run,
});

const walk = command({
  summary: 'Walk the poems',
  schema: z.object({
    poems: z.string().meta({ positional: true, kind: 'folder', description: 'their folder' }),
    bot: z.string().optional().meta({ kind: 'bot', description: 'whose poem' }),
  }),
  examples: [],
  run,
});

const hum = command({ summary: 'Hum', schema: z.object({}), examples: [], run });

const hush = command({
  summary: 'Be quiet',
  schema: z.object({ shell: z.enum(['bash', 'zsh']).meta({ positional: true, description: 'where' }) }),
  examples: [],
  run,
});

const loading = (loaded: Command) => (): Promise<Command> => Promise.resolve(loaded);

/** A program with a command of every kind, for what is made from their schemas. */
export const choir: Program = {
  name: 'choir',
  description: 'Sings.',
  firstSteps: [['choir hum', 'to begin']],
  commands: { sing: loading(sing), walk: loading(walk), hum: loading(hum), hush: loading(hush) },
};
