import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import type { Places } from '../context.ts';
import { type Exit, FlockError } from '../errors.ts';
import { ownFile } from '../fs.ts';
import { listed, shellWord } from '../text.ts';
import { type Argument, type Command, shownPositional } from './manual.ts';
import type { Terminal } from './terminal.ts';

/** What `.meta()` says of an argument. The outermost value counts: `botArgument.optional().meta({ description })`. */
const argumentMeta = z.object({
  description: z.string().default(''),
  /** Whether it is given by its position, without a flag. */
  positional: z.boolean().default(false),
  /** What a shell offers for it. */
  kind: z.enum(['bot', 'folder', 'file', 'other']).default('other'),
  /** The name of its value in help, if its kind or its name does not say it. */
  placeholder: z.string().optional(),
  /** A single letter with the same meaning. */
  alias: z.string().optional(),
  /** Likely values, where others are valid too. */
  suggestions: z.array(z.string()).optional(),
  /** The default in help, if the schema has none. */
  defaultText: z.string().optional(),
  /** Its heading in help. */
  group: z.string().default('Flags'),
});

/** An argument, as its JSON Schema describes it. */
const argumentSchema = argumentMeta.extend({
  type: z.string(),
  enum: z.array(z.string()).default([]),
});

declare module 'zod' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the module's interface takes the fields
  interface GlobalMeta extends Partial<z.input<typeof argumentMeta>> {}
}

interface Declaration<Shape extends z.ZodRawShape> {
  /** What it does: a phrase without a full stop. */
  summary: string;
  /** A field for each positional and flag, described by `.meta()`. */
  schema: z.ZodObject<Shape>;
  examples: Command['examples'];
  exits?: Command['exits'];
  run: (args: z.infer<z.ZodObject<Shape>>, terminal: Terminal) => Promise<Exit>;
}

/** A command. Parsing, help, man page and completion are made from its schema. */
export function command<Shape extends z.ZodRawShape>({
  schema,
  run,
  exits = {},
  ...rest
}: Declaration<Shape>): Command {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
  const described = Object.entries(schema.shape).map(([name, field]) => {
    const { positional, ...property } = argumentSchema.parse(properties[name]);
    // The JSON Schema has no default where the field's parser changes the value.
    const usual = field instanceof z.ZodDefault ? field.def.defaultValue : undefined;
    const argument = argumentFrom(name, property, usual);
    return { positional, argument: { ...argument, isOptional: !required.includes(name) } };
  });
  const positionals = described.flatMap(({ positional, argument }) => (positional ? [argument] : []));
  const flags = described.flatMap(({ positional, argument }) => (positional ? [] : [argument]));
  return {
    ...rest,
    exits,
    positionals,
    flags,
    async run(args, terminal, hint) {
      const parsed = schema.safeParse(args);
      if (parsed.success) return run(parsed.data, terminal);
      const [issue] = parsed.error.issues;
      const message =
        issue?.code === 'invalid_value'
          ? `must be ${listed(issue.values.map(String), 'or')}`
          : (issue?.message ?? 'is wrong');
      const name = issue?.path[0];
      if (name === undefined) throw new FlockError('usage', message, { hint });
      const positional = positionals.find((one) => one.name === name);
      const shown = positional ? shownPositional(positional) : `--${String(name)}`;
      throw new FlockError('usage', `${shown}: ${message}`, { hint });
    },
  };
}

const placeholders = { bot: 'NAME', folder: 'DIR', file: 'FILE', other: undefined };

function argumentFrom(
  name: string,
  property: Omit<z.infer<typeof argumentSchema>, 'positional'>,
  usual: unknown,
): Omit<Argument, 'isOptional'> {
  const { type, enum: choices, suggestions = choices, defaultText, ...rest } = property;
  const placeholder = rest.placeholder ?? placeholders[rest.kind] ?? name.toUpperCase();
  return {
    ...rest,
    name,
    choices,
    suggestions,
    isList: type === 'array',
    placeholder: type === 'boolean' ? undefined : placeholder,
    default: typeof usual === 'string' || typeof usual === 'number' ? String(usual) : defaultText,
  };
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

export const jsonFlag = toggle('print JSON');

/** A port of this machine; 0 takes any free one. */
export const portFlag = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a number from 0 to 65535')
  .transform(Number)
  .pipe(z.number().max(65_535, 'must be a number from 0 to 65535'));

const group = 'Files';

/** The flags that name the folders of a flock. */
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

/** A command line with the same folders as this one. @returns `keymaker reauth howl --keys DIR` */
export const withInvocationFlags =
  ({ root, keys }: Places, program = 'keymaker') =>
  (call: string): string =>
    [
      `${program} ${root === undefined ? call : call.replace('./poems', shellWord(path.join(root, 'poems')))}`,
      ...(root === undefined ? [] : [`--root ${shellWord(root)}`]),
      ...(keys === undefined ? [] : [`--keys ${shellWord(keys)}`]),
    ].join(' ');

/** The command lines in hints of modules that do not know the folders. */
const calls = /\bkeymaker ((?:make-keys|encrypt --identity)(?: (?:[-.]\S*|[A-Z]+))*)/g;

/** A hint for an error, if there is one, whose command lines have the same folders as this one. */
export function hintAs(places: Places, hint: string | undefined): { hint?: string } {
  if (hint === undefined) return {};
  if (hint.includes('--keys')) return { hint };
  return { hint: hint.replaceAll(calls, (_, call: string) => withInvocationFlags(places)(call)) };
}

const manifest = z.object({ version: z.string() });

/** The version of the package this file is part of. */
export const version = (): string =>
  manifest.parse(JSON.parse(readFileSync(ownFile('package.json'), 'utf8'))).version;
