import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Exit, FlockError } from '../errors.ts';
import { ownFile } from '../fs.ts';
import { nearest } from '../text.ts';
import type { Terminal } from './terminal.ts';

/*
 * What a program and its commands are, as plain data made from the schemas of the commands. Help, man page, completion and
 * the checks of a command line read it.
 */

/** A program as it is declared. */
export interface Program {
  name: string;
  description: string;
  /** How to begin, for those who have nothing but the help. */
  firstSteps: readonly Example[];
  /** Each command by its name; its module is loaded only when it is needed. */
  commands: Readonly<Record<string, () => Promise<Command>>>;
}

export type Example = readonly [call: string, does: string];

/** What `command` of command.ts makes of a declaration. */
export interface Command {
  summary: string;
  positionals: readonly Positional[];
  flags: readonly Flag[];
  examples: readonly Example[];
  /** What the command's exit codes mean, where that is more than what they mean for every command. */
  exits: Partial<Record<Exit, string>>;
  /**
   * @param args - positionals and flags by name, as they were typed
   * @param hint - for arguments that are wrong
   */
  run: (args: Readonly<Record<string, unknown>>, terminal: Terminal, hint: string) => Promise<Exit>;
}

/** What can stand on a command line, as far as a shell can help with it. */
interface Argument {
  name: string;
  description: string;
  kind: 'bot' | 'folder' | 'file' | 'other';
  /** Nothing else is good. */
  choices: readonly string[];
  /** Likely values, where others are good too. The choices are among them. */
  suggestions: readonly string[];
}

export interface Positional extends Argument {
  isOptional: boolean;
}

export interface Flag extends Argument {
  /** A single letter that means the same. */
  alias?: string;
  /** What stands for its value in help; undefined where it takes none. */
  placeholder?: string;
  default?: string;
  /** Whether it may be repeated. */
  isList: boolean;
  /** The heading it stands under. */
  group: string;
}

export interface Manual extends Pick<Program, 'name' | 'description' | 'firstSteps'> {
  commands: readonly CommandManual[];
}

export interface CommandManual extends Omit<Command, 'run'> {
  name: string;
}

const helpFlag = { kind: 'other', choices: [], suggestions: [], isList: false, group: 'Help' } as const;

/** The flags that every command has. */
export const globalFlags: readonly Flag[] = [
  { name: 'help', alias: 'h', description: 'show this help', ...helpFlag },
  { name: 'version', description: 'show the version', ...helpFlag },
];

/** @returns `reauth <bot>` */
export const usageOf = ({ name, positionals }: Pick<CommandManual, 'name' | 'positionals'>): string =>
  [name, ...positionals.map(shownPositional)].join(' ');

/** @returns `<bot>`, or `[bot]` where it may be left out */
export const shownPositional = ({ name, isOptional }: Positional): string =>
  isOptional ? `[${name}]` : `<${name}>`;

/** @returns `bash, zsh or fish` */
export const oneOf = (choices: readonly string[]): string =>
  choices.join(', ').replace(/, ([^,]*)$/, ' or $1');

/** Loads every command, to describe them all. */
export async function manualOf({ name, description, firstSteps, commands }: Program): Promise<Manual> {
  return {
    name,
    description,
    firstSteps,
    commands: await Promise.all(
      Object.entries(commands).map(async ([command, load]): Promise<CommandManual> => {
        const { run: _, ...manual } = await load();
        return { name: command, ...manual };
      }),
    ),
  };
}

/** The manual that the build wrote of a program: no command has to be loaded for it, and no schema. */
export const builtManual = (program: string): Manual =>
  // It is this very build's own, and to check it would take as long as all the rest of a completion.
  JSON.parse(readFileSync(ownFile(`dist/man/${program}.json`), 'utf8')) as Manual;

/** A build reads what it wrote. The sources may have changed since then. */
export const readManual = async (program: Program): Promise<Manual> =>
  path.basename(import.meta.dirname) === 'dist' ? builtManual(program.name) : manualOf(program);

/** A command line after the command's name, taken apart. */
export interface Line {
  positionals: string[];
  /** The flags in their order, each as it was typed and, where it is one of the command's, what it is. */
  given: { typed: string; flag: Flag | undefined; value?: string }[];
  /** The flag whose value would come next. */
  expecting: Flag | undefined;
  /** Whether `--` has ended the flags. */
  hasEnded: boolean;
}

/**
 * Takes a command line apart. A flag's value comes after `=` or is the next word; one that begins with a dash comes after `=`,
 * unless it is a number.
 */
export function readLine(words: readonly string[], flags: readonly Flag[]): Line {
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

/** A negative number is none, and neither is a bot called `---`. */
const isFlag = (word: string): boolean => /^--?[^-]/.test(word) && !/^-(?:\d+(?:\.\d+)?|\.\d+)$/.test(word);

/**
 * The command on a command line: its first word that is one, and not the value of a flag before it.
 *
 * @returns where it stands; -1 where there is none
 */
export function findCommand(argv: readonly string[], names: readonly string[]): number {
  const isCommand = (word: string): boolean => names.includes(word);
  const found = argv.findIndex((word, at) => isCommand(word) && !/^--[^=]+$/.test(argv[at - 1] ?? ''));
  return found < 0 ? argv.findIndex(isCommand) : found;
}

/** What is wrong with a command line that names no command. */
export function noCommand({ name, commands }: Program, argv: readonly string[]): FlockError {
  const called = argv.find((word) => !word.startsWith('-'));
  const list = `${name} --help lists the commands`;
  if (called === undefined) return new FlockError('usage', 'which command?', { hint: list });
  const meant = nearest(called, Object.keys(commands));
  return new FlockError('usage', `there is no command ${JSON.stringify(called)}`, {
    hint: meant === undefined ? list : `did you mean ${name} ${meant}?`,
  });
}

/**
 * Checks that a command line has only flags of its command, each with its value, and as many positionals as the command takes.
 *
 * @param call - the program and the command: `flockd plan`
 * @throws {FlockError} `usage`
 */
export function checkLine(
  line: Line,
  { positionals, flags }: Pick<Command, 'positionals' | 'flags'>,
  call: string,
): void {
  const name = call.split(' ').at(-1) ?? '';
  const unknown = line.given.find(({ flag }) => !flag);
  if (unknown) {
    const hint = hintForUnknown(unknown.typed, { positionals, flags }, call);
    throw new FlockError('usage', `there is no flag ${unknown.typed}`, { hint });
  }
  const hint = helpHint(call);
  const empty = line.given.find(({ flag, value }) => flag?.placeholder !== undefined && value === undefined);
  if (empty) throw new FlockError('usage', `${empty.typed}: a value is missing`, { hint });
  const missing = positionals[line.positionals.length];
  if (missing && !missing.isOptional)
    throw new FlockError('usage', `${name}: ${shownPositional(missing)} is missing`, { hint });
  // A word too many is not repeated: it may be a PIN or a password in the wrong place.
  if (line.positionals.length > positionals.length)
    throw new FlockError('usage', `${name}: a word too many`, { hint });
}

function hintForUnknown(
  typed: string,
  { positionals, flags }: Pick<Command, 'positionals' | 'flags'>,
  call: string,
): string {
  if (/^-[^-]./.test(typed) && positionals.length > 0)
    return `a name that begins with - goes last, after --: ${call} -- ${typed}`;
  const names = [...flags, ...globalFlags].map((flag) => flag.name);
  const meant = nearest(typed.replace(/^-+/, ''), names);
  return meant === undefined ? helpHint(call) : `did you mean --${meant}?`;
}

/** Where to read how a command is called. @param call - `flockd plan` */
export const helpHint = (call: string): string => `${call} --help shows how it is called`;
