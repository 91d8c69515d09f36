import { wrapAnsi } from 'fast-wrap-ansi';
import { type Exit, exitCodes } from '../errors.ts';
import { bold, escaped, filled, italic, quoted, title } from '../manual/roff.ts';
import { grouped, listed } from '../text.ts';
import {
  type Argument,
  type CommandManual,
  globalFlags,
  type Manual,
  shownPositional,
  usageOf,
} from './manual.ts';

/** The help of a program. @param columns - the maximum width */
export function programHelp(
  { name, description, firstSteps, commands, pages }: Manual,
  columns: number,
): string {
  const usages = commands.map((command): Row => [usageOf(command), command.summary]);
  return page(columns, [
    description,
    `Usage: ${name} <command> [flags]`,
    ['Commands', rows(usages, columns)],
    ['Help', rows(globalFlags.map(rowOfFlag), columns)],
    ['First steps', calls(firstSteps, columns)],
    ['Exit codes', rows(exitRows, columns)],
    `More: ${name} <command> --help, and the manual: ${name} help ${listed(pages, 'or')}`,
  ]);
}

/** The help of a command. */
export function commandHelp(command: CommandManual, program: string, columns: number): string {
  const { summary, positionals, flags, examples, exits } = command;
  const ownExits = exitsOf((exit) => ['done', 'usage'].includes(exit) || exits[exit] !== undefined, exits);
  return page(columns, [
    `${summary}.`,
    `Usage: ${program} ${usageOf(command)} [flags]`,
    ['Arguments', rows(positionals.map(rowOfPositional), columns)],
    ...Array.from(
      grouped([...flags, ...globalFlags], ({ group }) => group),
      ([group, own]): Section => [group, rows(own.map(rowOfFlag), columns)],
    ),
    ['Examples', calls(examples, columns)],
    ['Exit codes', rows([...ownExits, ['others', `see ${program} --help`]], columns)],
  ]);
}

/** The meaning of each exit code. */
const exitTexts: Record<Exit, string> = {
  done: 'success',
  partly: 'partial success, or something needs you',
  usage: 'wrong command line',
  data: 'invalid poem, key bundle or other file',
  unavailable: 'a service is unavailable',
  cannotCreate: 'cannot create a file or folder',
  io: 'cannot read or write a file',
  tryLater: 'temporary failure: try again later',
  permission: 'a secret is open to others, or a permission is missing',
  config: 'a setting is missing or invalid',
  interrupted: 'interrupted',
};

/** A label and its text. */
type Row = readonly [label: string, text: string];
type Section = readonly [heading: string, lines: string];

const exitsOf = (isWanted: (exit: Exit) => boolean, own: Partial<Record<Exit, string>> = {}): Row[] =>
  Object.keys(exitTexts)
    .filter((exit): exit is Exit => exit in exitTexts)
    .filter(isWanted)
    .map((exit) => [String(exitCodes[exit]), own[exit] ?? exitTexts[exit]]);

const exitRows = exitsOf(() => true);

const rowOfPositional = (positional: Argument): Row => [
  shownPositional(positional),
  positional.description + among(positional.choices),
];

function rowOfFlag(flag: Argument): Row {
  const { name, alias, placeholder } = flag;
  const value = placeholder === undefined ? '' : ` ${placeholder}`;
  return [`${alias === undefined ? '' : `-${alias}, `}--${name}${value}`, textOfFlag(flag)];
}

const textOfFlag = ({ description, choices, default: usual }: Argument): string =>
  description + among(choices) + (usual === undefined ? '' : ` (default: ${usual})`);

/** The valid values, to follow a description. */
const among = (choices: readonly string[]): string =>
  choices.length === 0 ? '' : `: ${listed(choices, 'or')}`;

/** Paragraphs and sections. A section without lines is left out. */
const page = (columns: number, parts: readonly (string | Section)[]): string =>
  parts
    .flatMap((part) => {
      if (typeof part === 'string') return [`${wrapAnsi(part, columns)}\n`];
      const [heading, lines] = part;
      return lines === '' ? [] : [`${heading}:\n${lines}`];
    })
    .join('\n');

/** The maximum width of a label with its text beside it. */
const maxLabel = 24;
/** The minimum width of a text beside its label. */
const minBeside = 16;
/** The indent of a text below its label. */
const belowIndent = 6;

/** Labels with their texts beside them, or below if it is narrow. */
function rows(all: readonly Row[], columns: number): string {
  const width = Math.max(...all.map(([label]) => label.length).filter((length) => length <= maxLabel), 0);
  const isWide = columns - width - 4 >= minBeside;
  const indent = isWide ? width + 4 : belowIndent;
  const lines = all.map(([label, text]) => {
    const hung = hang(text, indent, columns);
    return isWide && label.length <= width
      ? `  ${label.padEnd(width)}${hung.slice(width + 2)}\n`
      : `  ${label}\n${hung}\n`;
  });
  return lines.join('');
}

/** Command lines, each with its description below. */
const calls = (all: readonly Row[], columns: number): string =>
  all.map(([call, does]) => `  ${call}\n${hang(does, belowIndent, columns)}\n`).join('');

const hang = (text: string, indent: number, columns: number): string =>
  wrapAnsi(text, Math.max(1, columns - indent)).replaceAll(/^/gm, ' '.repeat(indent));

/*
 * The man page.
 */

/** The descriptions in the man pages. */
const descriptions: Partial<Record<string, readonly string[]>> = {
  keymaker: [
    'A flock is a folder of poems and one account (a bot) for each. keymaker walks the poems and asks which bots to make. A ' +
      'person authorizes the app for each account; keymaker checks that it is the right account and writes a key bundle for ' +
      'the bot. flockd(1) then posts the poems.',
    'Questions come one by one. Without a terminal, the answers are read from standard input, one a line, in the same order. ' +
      'No secret is taken from the command line, and none is printed.',
  ],
  flockd: [
    'A flock is a folder of poems and one account (a bot) for each, with keys made by keymaker(1). flockd posts the next line ' +
      'of each poem on the schedule of its bot: never twice, never skipped, never as the wrong account.',
    'Each post is written to the ledger before it is sent, and its outcome before anything follows from it. A post with an ' +
      'unknown outcome is in doubt: that bot posts nothing more until its timeline answers the question. A bot that ' +
      'needs you posts nothing until a fault is repaired; flockd status says which, and how.',
  ],
};

const seeAlso: Partial<Record<string, readonly string[]>> = {
  keymaker: ['flockd(1)', 'age(1)'],
  flockd: ['keymaker(1)', 'journalctl(1)', 'systemctl(1)', 'systemd.service(5)'],
};

/** What a man page has besides the commands. */
interface ManPage {
  version: string;
  /** As `2026-08-31`. */
  date: string;
  /** The man pages of the manual. */
  others: readonly string[];
  /** The sections of these names, in roff. */
  files: string;
  environment: string;
}

/** The man page of a program, in roff. @see man(7) */
export function manPage(manual: Manual, { others, files, environment, ...edition }: ManPage): string {
  const { name, description, commands } = manual;
  const references = [...(seeAlso[name] ?? []), ...others.map((page) => `${page}(7)`)];
  const lines = [
    title(name, 1, edition),
    ...section('NAME', [filled(`${name} \\- ${escaped(phrase(description))}`)]),
    ...section('SYNOPSIS', synopsis(name)),
    ...section('DESCRIPTION', paragraphs(descriptions[name] ?? [])),
    ...section('COMMANDS', [
      ...commands.flatMap(commandLines),
      ...subsection('Flags of every command'),
      ...globalFlags.flatMap(flagLines),
    ]),
    ...section('FILES', [text("Below the flock's folder:"), files]),
    ...section('ENVIRONMENT', [environment]),
    ...section('EXIT STATUS', exitRows.flatMap(entryLines)),
    ...section(
      'EXAMPLES',
      commands.flatMap(({ examples }) => examples.flatMap(entryLines)),
    ),
    ...section('SEE ALSO', referenceLines(references)),
  ];
  return `${lines.join('\n')}\n`;
}

const section = (heading: string, lines: readonly string[]): string[] => [`.SH ${quoted(heading)}`, ...lines];
const subsection = (heading: string): string[] => [`.SS ${quoted(heading)}`];

const synopsis = (name: string): string[] => [
  `${bolded(name)} ${slanted('command')} [${slanted('arguments')}] [${slanted('flags')}]`,
  '.br',
  `${bolded(name)} [${slanted('command')}] ${bolded('--help')}`,
  '.br',
  `${bolded(name)} ${bolded('--version')}`,
];

const paragraphs = (all: readonly string[]): string[] =>
  all.flatMap((paragraph, index) => (index === 0 ? [text(paragraph)] : ['.PP', text(paragraph)]));

const commandLines = (command: CommandManual): string[] => [
  ...subsection(usageOf(command)),
  text(sentence(command.summary)),
  ...command.positionals.flatMap((positional) =>
    item(slanted(shownPositional(positional)), positional.description + among(positional.choices)),
  ),
  ...command.flags.flatMap(flagLines),
];

function flagLines(flag: Argument): string[] {
  const { name, alias, placeholder } = flag;
  const names = [...(alias === undefined ? [] : [`-${alias}`]), `--${name}`].map(bolded).join(', ');
  return item(placeholder === undefined ? names : `${names} ${slanted(placeholder)}`, textOfFlag(flag));
}

const entryLines = ([name, about]: Row): string[] => item(bolded(name), about);

const item = (label: string, about: string): string[] => ['.TP', label, text(sentence(about))];

const referenceLines = (pages: readonly string[]): string[] =>
  pages.map((page, index) => {
    const [name = '', chapter = ''] = page.replace(')', '').split('(');
    return `.BR ${name} (${chapter})${index < pages.length - 1 ? ',' : ''}`;
  });

const sentence = (about: string): string =>
  (about.charAt(0).toUpperCase() + about.slice(1)).replace(/[^.:]$/, '$&.');
const phrase = (about: string): string => about.charAt(0).toLowerCase() + about.slice(1).replace(/\.$/, '');

const bolded = (words: string): string => bold(escaped(words));
const slanted = (words: string): string => italic(escaped(words));
const text = (words: string): string => filled(escaped(words));
