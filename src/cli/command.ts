import path from 'node:path';
import type { Options, PositionalOptions } from 'yargs';
import * as z from 'zod';
import { type Exit, FlockError } from '../errors.ts';
import { shellWord } from '../text.ts';
import type { Terminal } from './terminal.ts';

/** Where to read how a command is called. */
export const helpHint = (program: string, called: string): string =>
  `${program} ${called} --help shows how it is called`;

export interface Program {
  name: string;
  about: string;
  /** How to begin, for those who have nothing but the help. */
  firstSteps: readonly Example[];
  verbs: readonly Verb[];
}

/** A verb in a program's table; its file is loaded only when it is called. */
export interface Verb {
  /** As the help shows it: `reauth <bot>`. */
  usage: string;
  summary: string;
  load: () => Promise<Command>;
}

export type Example = readonly [call: string, does: string];

/** What a verb is: how it is called, and what it does. */
export interface Command {
  /** What the words in its usage mean: `{ bot: … }` for `reauth <bot>`. */
  words?: Record<string, PositionalOptions>;
  flags: Record<string, Options>;
  examples?: readonly Example[];
  /** @param args - what yargs made of the command line */
  run: (args: unknown, terminal: Terminal) => Promise<Exit>;
}

interface Definition<Schema extends z.ZodType> extends Omit<Command, 'run'> {
  /** What the command line must be. */
  schema: Schema;
  run: (args: z.infer<Schema>, terminal: Terminal) => Promise<Exit>;
}

/** A command whose arguments are parsed before it runs. */
export function command<Schema extends z.ZodType>({ schema, run, ...rest }: Definition<Schema>): Command {
  return {
    ...rest,
    async run(args, terminal) {
      const parsed = schema.safeParse(args);
      if (parsed.success) return run(parsed.data, terminal);
      const [issue] = parsed.error.issues;
      const name = String(issue?.path[0] ?? '');
      const shown = rest.words?.[name] ? `<${name}>` : `--${name}`;
      const message = issue?.message ?? 'is wrong';
      throw new FlockError('usage', `${shown}: ${message}`, {
        hint: message.includes('once') ? 'give each flag once, with a value' : hintFrom(args),
      });
    },
  };
}

/** Which command it was is among what yargs makes of a line. */
const call = z.object({ $0: z.string(), _: z.tuple([z.string()], z.unknown()) });

function hintFrom(args: unknown): string {
  const { data } = call.safeParse(args);
  return data ? helpHint(data.$0, data._[0]) : '--help shows how it is called';
}

const folder = z.string('should be given once, with a value').min(1, 'is empty').optional();

/** What {@link placeFlags} may be. */
export const placeSchema = { root: folder, keys: folder };

/** A port of this machine; 0 takes any that is free. */
export const portSchema = z
  .string('should be given once, with a number')
  .regex(/^\d{1,5}$/, 'must be a number from 0 to 65535')
  .transform(Number)
  .pipe(z.number().max(65_535, 'must be a number from 0 to 65535'));

/** The heading of the flags that say where a flock is. */
const placeGroup = 'Where the flock is';

/** The flags that say where a flock is. */
export const placeFlags = {
  root: {
    type: 'string',
    describe: "the flock's folder",
    defaultDescription: 'the working directory',
    group: placeGroup,
  },
  keys: {
    type: 'string',
    describe: 'the folder of the key bundles',
    defaultDescription: 'keys in the root',
    group: placeGroup,
  },
} satisfies Record<string, Options>;

/** Where a person said that the flock is. */
export interface GivenPlaces {
  root?: string | undefined;
  keys?: string | undefined;
}

/** A call that works where a command was called: it names the same places. @returns `keymaker reauth howl --keys DIR` */
export const withInvocationFlags =
  ({ root, keys }: GivenPlaces, program = 'keymaker') =>
  (call: string): string =>
    [
      `${program} ${root === undefined ? call : call.replace('./poems', shellWord(path.join(root, 'poems')))}`,
      ...(root === undefined ? [] : [`--root ${shellWord(root)}`]),
      ...(keys === undefined ? [] : [`--keys ${shellWord(keys)}`]),
    ].join(' ');

/** The calls that hints of those who know no places end with, or have in their midst. */
const calls = /\bkeymaker ((?:make-keys|encrypt --identity)(?: (?:[-.]\S*|[A-Z]+))*)/g;

/** A hint whose calls work where a command was called. */
export const hintAs = (places: GivenPlaces, hint: string): string =>
  hint.includes('--keys')
    ? hint
    : hint.replaceAll(calls, (_, call: string) => withInvocationFlags(places)(call));

/** Throws an error again, with a hint whose calls work where a command was called. */
export const retold =
  (places: GivenPlaces) =>
  (error: unknown): never => {
    if (!(error instanceof FlockError) || error.hint === undefined) throw error;
    throw new FlockError(error.exit, error.message, { hint: hintAs(places, error.hint), cause: error });
  };
