import { wrapAnsi } from 'fast-wrap-ansi';
import { type Exit, exitCodes } from '../errors.ts';
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
export type Row = readonly [label: string, text: string];
type Section = readonly [heading: string, lines: string];

const exitsOf = (isWanted: (exit: Exit) => boolean, own: Partial<Record<Exit, string>> = {}): Row[] =>
  Object.keys(exitTexts)
    .filter((exit): exit is Exit => exit in exitTexts)
    .filter(isWanted)
    .map((exit) => [String(exitCodes[exit]), own[exit] ?? exitTexts[exit]]);

export const exitRows = exitsOf(() => true);

const rowOfPositional = (positional: Argument): Row => [
  shownPositional(positional),
  positional.description + among(positional.choices),
];

function rowOfFlag(flag: Argument): Row {
  const { name, alias, placeholder } = flag;
  const value = placeholder === undefined ? '' : ` ${placeholder}`;
  return [`${alias === undefined ? '' : `-${alias}, `}--${name}${value}`, textOfFlag(flag)];
}

export const textOfFlag = ({ description, choices, default: usual }: Argument): string =>
  description + among(choices) + (usual === undefined ? '' : ` (default: ${usual})`);

/** The valid values, to follow a description. */
export const among = (choices: readonly string[]): string =>
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
