import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Exit } from '../errors.ts';
import { ownFile } from '../fs.ts';
import type { Terminal } from './terminal.ts';

/*
 * What a program and its commands are, as plain data made from the schemas of the commands. Help, man page, completion and
 * the parser of the command line read it.
 */

/** A program as it is declared. */
export interface Program {
  name: string;
  description: string;
  /** The first commands of a new user. */
  firstSteps: readonly Example[];
  /** Each command by its name. Its module is loaded only when it is needed. */
  commands: Readonly<Record<string, () => Promise<Command>>>;
}

type Example = readonly [call: string, does: string];

/** What `command` of command.ts makes of a declaration. */
export interface Command {
  summary: string;
  positionals: readonly Argument[];
  flags: readonly Argument[];
  examples: readonly Example[];
  /** The exit codes that mean more for this command than for every command. */
  exits: Partial<Record<Exit, string>>;
  /**
   * @param args - positionals and flags by name, as they were typed
   * @param hint - for wrong arguments
   */
  run: (args: Readonly<Record<string, unknown>>, terminal: Terminal, hint: string) => Promise<Exit>;
}

/** A positional or a flag. */
export interface Argument {
  name: string;
  description: string;
  kind: 'bot' | 'folder' | 'file' | 'other';
  /** The only valid values; empty where others are valid too. */
  choices: readonly string[];
  /** Likely values, the choices among them. */
  suggestions: readonly string[];
  isOptional: boolean;
  /** Whether it may be repeated. */
  isList: boolean;
  /** A single letter with the same meaning. */
  alias?: string | undefined;
  /** The name of its value in help; undefined if it takes none. */
  placeholder?: string | undefined;
  default?: string | undefined;
  /** The heading of a flag in help. */
  group: string;
}

export interface Manual extends Pick<Program, 'name' | 'description' | 'firstSteps'> {
  commands: readonly CommandManual[];
  /** The pages that `help` shows. */
  pages: readonly string[];
}

export interface CommandManual extends Omit<Command, 'run'> {
  name: string;
}

const helpFlag = { kind: 'other', choices: [], suggestions: [], isOptional: true, isList: false, group: 'Help' } as const; // prettier-ignore

/** The flags of every command. */
export const globalFlags: readonly Argument[] = [
  { name: 'help', alias: 'h', description: 'show this help', ...helpFlag },
  { name: 'version', alias: 'v', description: 'show the version', ...helpFlag },
];

/** @returns `reauth <bot>` */
export const usageOf = ({ name, positionals }: Pick<CommandManual, 'name' | 'positionals'>): string =>
  [name, ...positionals.map(shownPositional)].join(' ');

/** @returns `<bot>`, or `[bot]` if it is optional */
export const shownPositional = ({ name, isOptional }: Argument): string =>
  isOptional ? `[${name}]` : `<${name}>`;

/** Loads every command of a program, and describes it. */
export async function manualOf({ commands, ...program }: Program): Promise<Manual> {
  const described = Object.entries(commands).map(async ([name, load]): Promise<CommandManual> => {
    const { run: _, ...manual } = await load();
    return { name, ...manual };
  });
  const { topicNames } = await import('../manual/manual.ts');
  return { ...program, commands: await Promise.all(described), pages: topicNames };
}

/** The manual of a program that the build wrote. It loads no command and no schema, so that help and completion are fast. */
export const builtManual = (program: string): Manual =>
  // It belongs to this build. To check it would take as long as all the rest of a completion.
  JSON.parse(readFileSync(ownFile(`dist/man/${program}.json`), 'utf8')) as Manual;

/** A build reads the manual that it wrote; the sources may have changed since. */
export const readManual = async (program: Program): Promise<Manual> =>
  path.basename(import.meta.dirname) === 'dist' ? builtManual(program.name) : manualOf(program);

/** A command line after the command's name, in its parts. */
export interface Line {
  positionals: string[];
  /** The flags in their order: each as it was typed, and the flag of the command if there is one. */
  given: { typed: string; flag: Argument | undefined; value?: string }[];
  /** The flag whose value would come next. */
  expecting: Argument | undefined;
  /** Whether `--` has ended the flags. */
  hasEnded: boolean;
}

/**
 * Splits a command line into its parts. A flag's value is the text after `=` or the next word. A value that begins with a dash
 * needs the `=`, unless it is a number.
 */
export function readLine(words: readonly string[], flags: readonly Argument[]): Line {
  const line: Line = { positionals: [], given: [], expecting: undefined, hasEnded: false };
  for (const word of words) {
    const last = line.given.at(-1);
    if (line.hasEnded) line.positionals.push(word);
    else if (word === '--') {
      line.hasEnded = true;
      line.expecting = undefined;
    } else if (isFlag(word)) {
      const [typed = '', ...value] = word.split('=');
      const flag = flags.find(({ name, alias }) => typed === `--${name}` || typed === `-${alias ?? ''}`);
      line.given.push({ typed, flag, ...(value.length > 0 && { value: value.join('=') }) });
      line.expecting = value.length === 0 && flag?.placeholder !== undefined ? flag : undefined;
    } else if (line.expecting && last) {
      last.value = word;
      line.expecting = undefined;
    } else line.positionals.push(word);
  }
  return line;
}

/** A negative number is no flag, and neither is a bot called `---`. */
const isFlag = (word: string): boolean => /^--?[^-]/.test(word) && !/^-(?:\d+(?:\.\d+)?|\.\d+)$/.test(word);
