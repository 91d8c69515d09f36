import type { Options } from 'yargs';
import type { Command, Example, Program, Verb } from './command.ts';
import { kindOf, type Kind } from './value-kinds.ts';

/*
 * What there is to say about a program, as plain data made from the tables of its verbs: help, man page and completion
 * are three views of it.
 */

export interface Manual {
  name: string;
  about: string;
  firstSteps: readonly Example[];
  verbs: VerbManual[];
  /** The flags that every verb has. */
  everywhere: FlagManual[];
}

export interface VerbManual {
  /** As the help shows it: `reauth <bot>`. */
  usage: string;
  name: string;
  summary: string;
  words: WordManual[];
  flags: FlagManual[];
  examples: readonly Example[];
}

export interface ValueManual {
  name: string;
  about: string;
  kind: Kind;
  /** Nothing else is good. */
  choices: string[];
  /** What it may well be; the choices are among it. */
  suggested: string[];
}

/** What comes after the verb without a flag. */
export interface WordManual extends ValueManual {
  /** What stands for it: `<bot>`, or `[bot]` where it may be left out. */
  shown: string;
}

export interface FlagManual extends ValueManual {
  /** A single letter that means the same. */
  alias?: string;
  /** What stands for its value; undefined where it has none. */
  shown?: string;
  default?: string;
  /** Whether it may be given again. */
  isMany: boolean;
  /** The heading it stands under. */
  group: string;
}

const plain = 'Flags';

/** The flags that every verb has. */
export const everywhere: FlagManual[] = Object.entries({
  help: { type: 'boolean', alias: 'h', describe: 'show how it is called', group: 'Help' },
  version: { type: 'boolean', describe: 'show the version', group: 'Help' },
} satisfies Record<string, Options>).map(([name, options]) => flagManual(name, options));

/** Loads every verb, to tell of them all. */
export async function manualOf({ name, about, firstSteps, verbs }: Program): Promise<Manual> {
  return { name, about, firstSteps, verbs: await Promise.all(verbs.map(verbManualOf)), everywhere };
}

export async function verbManualOf({ usage, summary, load }: Verb): Promise<VerbManual> {
  const { words = {}, flags, examples = [] } = await load();
  const [name = '', ...rest] = usage.split(' ');
  return {
    usage,
    name,
    summary,
    words: rest.map((word) => wordManual(word, words)),
    flags: Object.entries(flags).map(([flag, options]) => flagManual(flag, options)),
    examples,
  };
}

function wordManual(shown: string, words: NonNullable<Command['words']>): WordManual {
  const name = shown.replaceAll(/[<>[\].]/g, '');
  const { describe = '', choices } = words[name] ?? {};
  return { name, shown, about: describe, ...valuesOf(name, choices) };
}

function flagManual(name: string, options: Options): FlagManual {
  const { describe = '', type, alias, choices, group = plain } = options;
  const takesValue = type !== 'boolean' && type !== 'count';
  const usual = options.defaultDescription ?? shownDefault(options.default);
  return {
    name,
    about: describe,
    ...(takesValue ? valuesOf(name, choices) : { kind: 'other', choices: [], suggested: [] }),
    ...(takesValue && { shown: kindOf(name).shown }),
    ...(typeof alias === 'string' && { alias }),
    ...(usual !== undefined && { default: usual }),
    isMany: options.array === true || type === 'array',
    group: group.replace(/:$/, ''),
  };
}

function valuesOf(
  name: string,
  choices: Options['choices'],
): Pick<ValueManual, 'kind' | 'choices' | 'suggested'> {
  const { kind, suggested = [] } = kindOf(name);
  const all = (choices ?? []).map(String);
  return { kind, choices: all, suggested: all.length > 0 ? all : [...suggested] };
}

function shownDefault(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
