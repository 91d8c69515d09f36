import { wrapAnsi } from 'fast-wrap-ansi';
import type { Example } from './command.ts';
import type { FlagManual, Manual, VerbManual, WordManual } from './manual.ts';

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
export function grouped(flags: readonly FlagManual[]): [group: string, flags: FlagManual[]][] {
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
export const oneOf = (choices: readonly string[]): string =>
  choices.join(', ').replace(/, ([^,]*)$/, ' or $1');

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
const leastBeside = 16;
/** How far in a text is below its label. */
const below = 6;

/** Labels with their texts beside them, or below where it is narrow; undefined where there are none. */
function rows(all: readonly Row[]): Block | undefined {
  if (all.length === 0) return undefined;
  const width = Math.max(...all.map(([label]) => label.length).filter((length) => length <= widest), 0);
  return (columns) => {
    const isWide = columns - width - 4 >= leastBeside;
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
