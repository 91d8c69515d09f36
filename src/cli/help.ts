import { wrapAnsi } from 'fast-wrap-ansi';
import type { Options } from 'yargs';
import { FlockError } from '../errors.ts';
import { nearest } from '../text.ts';
import { type Command, type Example, helpHint, type Program, type Verb } from './command.ts';

/** What a word or flag takes, as far as a shell can help with it. */
type Kind = 'bot' | 'folder' | 'file' | 'other';

interface ValueKind {
  kind: Kind;
  /** What stands for it in help: `--bot NAME`. */
  shown: string;
  /** What it may well be, where other values are good too. */
  suggested?: readonly string[];
}

const folder: ValueKind = { kind: 'folder', shown: 'DIR' };
const file: ValueKind = { kind: 'file', shown: 'FILE' };
const count: ValueKind = { kind: 'other', shown: 'N' };

/** One table for both programs: a name means the same wherever it is a word or a flag. */
const kinds: Partial<Record<string, ValueKind>> = {
  bot: { kind: 'bot', shown: 'NAME' },
  old: { kind: 'bot', shown: 'NAME' },
  // A poem that has the new name already is a good guess.
  new: { kind: 'bot', shown: 'NAME' },
  root: folder,
  keys: folder,
  poems: folder,
  file,
  identity: file,
  'new-identity': file,
  passwords: file,
  state: file,
  account: { kind: 'other', shown: 'NAME' },
  days: count,
  id: count,
  line: count,
  'first-post': { kind: 'other', shown: 'TEXT' },
  faults: { kind: 'other', shown: 'SHARE' },
  from: { kind: 'other', shown: 'INSTANT' },
  host: { kind: 'other', shown: 'NAME' },
  listen: { kind: 'other', shown: 'ADDRESS' },
  perms: { kind: 'other', shown: 'WORD', suggested: ['read', 'write', 'delete'] },
  provider: { kind: 'other', shown: 'ID', suggested: ['x', 'flickr', 'tumblr'] },
  recipient: { kind: 'other', shown: 'KEY' },
  seed: { kind: 'other', shown: 'TEXT' },
  user: { kind: 'other', shown: 'NAME' },
};

/** A name that is not in the table takes anything, and is shown as itself. */
const kindOf = (name: string): ValueKind => kinds[name] ?? { kind: 'other', shown: name.toUpperCase() };

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
interface WordManual extends ValueManual {
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
export const globalFlags: FlagManual[] = Object.entries({
  help: { type: 'boolean', alias: 'h', describe: 'show how it is called', group: 'Help' },
  version: { type: 'boolean', describe: 'show the version', group: 'Help' },
} satisfies Record<string, Options>).map(([name, options]) => flagManual(name, options));

/** Loads every verb, to tell of them all. */
export async function manualOf({ name, about, firstSteps, verbs }: Program): Promise<Manual> {
  return {
    name,
    about,
    firstSteps,
    verbs: await Promise.all(verbs.map(verbManualOf)),
    everywhere: globalFlags,
  };
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

interface ProgramHelp extends Omit<Manual, 'verbs'> {
  verbs: readonly Pick<VerbManual, 'usage' | 'summary'>[];
}

/** What `--help` says of a program. @param columns - how wide it may be */
export function programHelp(
  { name, about, firstSteps, verbs, everywhere }: ProgramHelp,
  columns: number,
): string {
  return page(columns, [
    about,
    `Usage: ${name} <command> [flags]`,
    ['Commands', rows(verbs.map(({ usage, summary }) => [usage, summary]))],
    ['Help', rows(everywhere.map(rowOfFlag))],
    ['First steps', calls(firstSteps)],
    `More: ${name} <command> --help, and man ${name}`,
  ]);
}

/** What `--help` says of a verb. */
export function verbHelp(
  { usage, summary, words, flags, examples }: VerbManual,
  { name, everywhere }: Pick<Manual, 'name' | 'everywhere'>,
  columns: number,
): string {
  return page(columns, [
    `${summary}.`,
    `Usage: ${name} ${usage} [flags]`,
    ['Words', rows(words.map(rowOfWord))],
    ...grouped([...flags, ...everywhere]).map(
      ([group, own]) => [group, rows(own.map(rowOfFlag))] satisfies Section,
    ),
    ['Examples', calls(examples)],
  ]);
}

/** The flags under each heading, in the order in which they come. */
function grouped(flags: readonly FlagManual[]): [group: string, flags: FlagManual[]][] {
  const groups = new Map<string, FlagManual[]>();
  for (const flag of flags) groups.set(flag.group, [...(groups.get(flag.group) ?? []), flag]);
  return [...groups];
}

type Row = readonly [label: string, text: string];
type Block = (columns: number) => string;
type Section = [heading: string, block: Block | undefined];

const rowOfWord = (word: WordManual): Row => [word.shown, word.about + among(word.choices)];

function rowOfFlag(flag: FlagManual): Row {
  const { name, alias, shown, about, choices } = flag;
  const label = `${alias === undefined ? '' : `-${alias}, `}--${name}${shown === undefined ? '' : ` ${shown}`}`;
  const usual = flag.default === undefined ? '' : ` (default: ${flag.default})`;
  return [label, about + among(choices) + usual];
}

/** What may be chosen, after what it is for. */
export const among = (choices: readonly string[]): string =>
  choices.length === 0 ? '' : `: ${oneOf(choices)}`;

/** `bash, zsh or fish` */
const oneOf = (choices: readonly string[]): string => choices.join(', ').replace(/, ([^,]*)$/, ' or $1');

function page(columns: number, parts: readonly (string | Section)[]): string {
  const shown = parts.flatMap((part) => {
    if (typeof part === 'string') return [wrapAnsi(part, columns)];
    const [heading, block] = part;
    return block ? [`${heading}:\n${block(columns)}`] : [];
  });
  return `${shown.join('\n\n')}\n`;
}

/** The longest label that has its text beside it. */
const widest = 24;
/** The least room that a text has beside its label. */
const minBeside = 16;
/** How far in a text is below its label. */
const below = 6;

/** Labels with their texts beside them, or below where it is narrow; undefined where there are none. */
function rows(all: readonly Row[]): Block | undefined {
  if (all.length === 0) return undefined;
  const width = Math.max(...all.map(([label]) => label.length).filter((length) => length <= widest), 0);
  return (columns) => {
    const isWide = columns - width - 4 >= minBeside;
    const indent = isWide ? width + 4 : below;
    return all
      .map(([label, text]) => {
        const hung = hang(text, indent, columns);
        return isWide && label.length <= width
          ? `  ${label.padEnd(width)}${hung.slice(width + 2)}`
          : `  ${label}\n${hung}`;
      })
      .join('\n');
  };
}

/** Calls, each with what it does below; undefined where there are none. */
const calls = (all: readonly Example[]): Block | undefined =>
  all.length === 0
    ? undefined
    : (columns) => all.map(([call, does]) => `  ${call}\n${hang(does, below, columns)}`).join('\n');

const hang = (text: string, indent: number, columns: number): string =>
  wrapAnsi(text, Math.max(1, columns - indent)).replaceAll(/^/gm, ' '.repeat(indent));

/** The verb on a command line. */
export const calledIn = (argv: readonly string[]): string | undefined =>
  argv.find((word) => !word.startsWith('-'));

/** A verb without its words. */
export const nameOf = ({ usage }: Verb): string => usage.split(' ')[0] ?? '';

/**
 * What is wrong with a command line: yargs' own words name neither what is missing nor what was meant.
 *
 * @param message - what yargs says
 * @param flags - those of the verb, where it was found
 */
export function usageError(
  { name, verbs }: Program,
  argv: readonly string[],
  message: string,
  flags: readonly string[] = [],
): FlockError {
  const called = calledIn(argv);
  const names = verbs.map(nameOf);
  const verb = verbs[names.indexOf(called ?? '')];
  if (called === undefined) {
    return new FlockError('usage', 'which command?', { hint: `${name} --help lists the commands` });
  }
  if (!verb) {
    const meant = nearest(called, names);
    return new FlockError('usage', `there is no command ${JSON.stringify(called)}`, {
      hint: meant === undefined ? `${name} --help lists the commands` : `did you mean ${name} ${meant}?`,
    });
  }
  const word = missingWord(verb, message);
  const flag = unknownFlag(message, argv);
  const said = flag === undefined ? saidBetter(message, called, word) : `there is no flag ${flag}`;
  const dashed = argv.find((part) => /^-[^-]./.test(part));
  const isName =
    dashed !== undefined && word !== '' && (dashed === flag || message.startsWith('Not enough non-option'));
  const meant = flag === undefined ? undefined : nearest(flag.replace(/^-+/, ''), flags);
  const hint = isName
    ? `a name that begins with - goes last, after --: ${name} ${called} -- ${dashed}`
    : meant === undefined
      ? helpHint(name, called)
      : `did you mean --${meant}?`;
  return new FlockError('usage', said, { hint });
}

/** The word of a verb that is not there: the first of those that a line is short of, or else the first. */
function missingWord({ usage }: Verb, message: string): string {
  const words = usage.match(/<\w+>/g) ?? [];
  const [, got, need] = /got (\d+), need at least (\d+)/.exec(message) ?? [];
  return words.at(Number(got ?? 0) - Number(need ?? 0)) ?? words[0] ?? '';
}

/** The first flag on the line that nobody knows, without its value. */
function unknownFlag(message: string, argv: readonly string[]): string | undefined {
  const names = /^Unknown arguments?: (.+)$/m.exec(message)?.[1]?.split(', ') ?? [];
  return argv
    .filter((part) => names.includes(/^--([^=]+)|^-([^-])/.exec(part)?.slice(1).join('') ?? ''))
    .map((part) => part.split('=')[0])
    .at(0);
}

/** A word too many is not repeated: it may be a PIN or a password, put where it does not belong. */
function saidBetter(message: string, called: string, word: string): string {
  const [first = 'wrong usage'] = message.split('\n');
  if (first.startsWith('Not enough non-option')) return `${called}: ${word} is missing`;
  const [, flag] = /^Not enough arguments following: ([\w-]+)$/.exec(first) ?? [];
  if (flag !== undefined) return `--${flag}: a value is missing`;
  const [, name = '', choices] = /Argument: ([\w-]+), Given: .*, Choices: (.+)/.exec(message) ?? [];
  if (choices !== undefined) {
    return `${word === `<${name}>` ? word : `--${name}`}: must be ${oneOf(choices.replaceAll('"', '').split(', '))}`;
  }
  if (first.startsWith('Unknown argument')) return `${called}: a word too many`;
  return first.charAt(0).toLowerCase() + first.slice(1);
}
