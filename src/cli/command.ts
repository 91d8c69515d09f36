import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { type Exit, FlockError } from '../errors.ts';
import { ownFile } from '../fs.ts';
import { shellWord } from '../text.ts';
import { type Command, type Flag, oneOf, type Positional, shownPositional } from './manual.ts';
import type { Terminal } from './terminal.ts';

declare module 'zod' {
  /** What help and completion say of an argument. The outermost description counts: `botArgument.optional().meta({ description })`. */
  interface GlobalMeta {
    /** Whether it is given by its place, without a flag. */
    positional?: boolean;
    /** What a shell offers for it. */
    kind?: 'bot' | 'folder' | 'file';
    /** What stands for its value in help, where its kind or its name does not say it. */
    placeholder?: string;
    /** A single letter that means the same. */
    alias?: string;
    /** Likely values, where others are good too. */
    suggestions?: readonly string[];
    /** What comes about without it, where its schema has no default that says so. */
    defaultText?: string;
    /** The heading under which help shows it. */
    group?: string;
  }
}

interface Declaration<Shape extends z.ZodRawShape> {
  /** What it does: a phrase without a full stop. */
  summary: string;
  /** What stands on its command line: a field for each positional and flag, described by `.meta()`. */
  schema: z.ZodObject<Shape>;
  examples: Command['examples'];
  exits?: Command['exits'];
  run: (args: z.infer<z.ZodObject<Shape>>, terminal: Terminal) => Promise<Exit>;
}

/** A command. Its schema says all there is to know of its command line: parsing, help, man page and completion come from it. */
export function command<Shape extends z.ZodRawShape>({
  schema,
  run,
  exits = {},
  ...rest
}: Declaration<Shape>): Command {
  const fields = Object.entries(schema.shape).map(([name, field]) => fieldOf(name, field));
  const positionals = fields.flatMap(({ positional }) => positional ?? []);
  const flags = fields.flatMap(({ flag }) => flag ?? []);
  return {
    ...rest,
    exits,
    positionals,
    flags,
    async run(args, terminal, hint) {
      const parsed = schema.safeParse(args);
      if (parsed.success) return run(parsed.data, terminal);
      const [issue] = parsed.error.issues;
      const name = String(issue?.path[0] ?? '');
      const positional = positionals.find((one) => one.name === name);
      const shown = positional ? shownPositional(positional) : `--${name}`;
      throw new FlockError('usage', name === '' ? messageFor(issue) : `${shown}: ${messageFor(issue)}`, {
        hint,
      });
    },
  };
}

const messageFor = (issue: z.core.$ZodIssue | undefined): string =>
  issue?.code === 'invalid_value'
    ? `must be ${oneOf(issue.values.map(String))}`
    : (issue?.message ?? 'is wrong');

const placeholders = { bot: 'NAME', folder: 'DIR', file: 'FILE' };

/** What a field of a schema is on the command line. */
function fieldOf(name: string, schema: z.core.$ZodType): { positional?: Positional; flag?: Flag } {
  const { meta, choices, type, isOptional, ...input } = inputOf(schema);
  const { kind, alias, suggestions = choices, group = 'Flags', defaultText = input.default } = meta;
  const argument = {
    name,
    description: meta.description ?? '',
    kind: kind ?? ('other' as const),
    choices,
    suggestions,
  };
  if (meta.positional === true) return { positional: { ...argument, isOptional } };
  const placeholder = meta.placeholder ?? (kind ? placeholders[kind] : name.toUpperCase());
  return {
    flag: {
      ...argument,
      ...(type !== 'boolean' && { placeholder }),
      ...(alias !== undefined && { alias }),
      ...(defaultText !== undefined && { default: defaultText }),
      isList: type === 'list',
      group,
    },
  };
}

interface Input {
  meta: z.GlobalMeta;
  type: 'boolean' | 'text' | 'list';
  choices: string[];
  default?: string;
  isOptional: boolean;
}

/** What a schema takes in, below defaults and transformations. */
function inputOf(schema: z.core.$ZodType): Input {
  const meta = z.globalRegistry.get(schema) ?? {};
  const over = (inner: z.core.$ZodType, more: Partial<Input> = {}): Input => {
    const found = inputOf(inner);
    return { ...found, ...more, meta: { ...found.meta, ...meta } };
  };
  if (schema instanceof z.ZodOptional) return over(schema.def.innerType, { isOptional: true });
  if (schema instanceof z.ZodDefault) {
    const { defaultValue, innerType } = schema.def;
    const isShown = typeof defaultValue === 'string' || typeof defaultValue === 'number';
    return over(innerType, { isOptional: true, ...(isShown && { default: String(defaultValue) }) });
  }
  if (schema instanceof z.ZodPipe) return over(schema.def.in);
  const type = schema instanceof z.ZodBoolean ? 'boolean' : schema instanceof z.ZodArray ? 'list' : 'text';
  const choices = schema instanceof z.ZodEnum ? schema.options.map(String) : [];
  return { meta, type, choices, isOptional: false };
}

/** A flag without a value. */
export const toggle = (description: string) => z.boolean().default(false).meta({ description });

/** A text that is not empty. */
export const nonEmpty = z.string().min(1, 'is empty');

/** The name of one bot, as a positional. */
export const botArgument = z
  .string()
  .meta({ positional: true, kind: 'bot', description: 'the name of the bot' });

/** A flag that names a bot and may be repeated. */
export const botFlags = z.array(z.string()).default([]).meta({ kind: 'bot' });

export const jsonFlag = toggle('as JSON, on standard output');

/** A port of this machine; 0 takes any that is free. */
export const portFlag = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a number from 0 to 65535')
  .transform(Number)
  .pipe(z.number().max(65_535, 'must be a number from 0 to 65535'));

const group = 'Where the flock is';

/** The flags that say where a flock is. */
export const placeFlags = {
  root: nonEmpty
    .optional()
    .meta({ description: "the flock's folder", kind: 'folder', defaultText: 'the working directory', group }),
  keys: nonEmpty.optional().meta({
    description: 'the folder of the key bundles',
    kind: 'folder',
    defaultText: 'keys in the root',
    group,
  }),
};

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

const manifest = z.object({ version: z.string() });

/** The version of the package this file is part of. */
export const version = (): string =>
  manifest.parse(JSON.parse(readFileSync(ownFile('package.json'), 'utf8'))).version;
