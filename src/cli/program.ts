import pc from 'picocolors';
import { wantsColor } from '../config/environment.ts';
import { type Exit, exitCodes, FlockError, messageOf } from '../errors.ts';
import { nearest } from '../text.ts';
import {
  type Command,
  type Flag,
  globalFlags,
  type Line,
  type Program,
  readLine,
  readManual,
  shownPositional,
} from './manual.ts';
import type { Terminal } from './terminal.ts';

/** The command of completion scripts. It is in no help. */
const completing = 'complete';

/** Runs a program once. A shell that completes a line waits for the answer, so nothing else is loaded for it. */
export async function start(program: Program, argv: readonly string[]): Promise<void> {
  if (argv[0] === completing) {
    (await import('./complete.ts')).answerShell(program.name, argv.slice(1));
    return;
  }
  const { openTerminal } = await import('./terminal.ts');
  using terminal = openTerminal(program.name, argv.includes('--json'));
  try {
    process.exitCode = exitCodes[await helpOrRun(program, argv, terminal)];
  } catch (error) {
    // The one place that turns an error into an exit code.
    process.exitCode = exitCodes[report(error, terminal)];
  }
}

async function helpOrRun(program: Program, argv: readonly string[], terminal: Terminal): Promise<Exit> {
  if (has(argv, '--version', '-v')) {
    terminal.print(`${(await import('./command.ts')).version()}\n`);
    return 'done';
  }
  if (argv.length === 0 || argv[0] === 'help' || has(argv, '--help', '-h')) {
    // Some terminals start a new line by themselves after the last column.
    const columns = Math.min(100, process.stdout.isTTY ? terminal.columns - 1 : terminal.columns);
    terminal.print(await helpFor(program, argv, columns));
    return 'done';
  }
  const at = findCommand(argv, [...Object.keys(program.commands), ...Object.keys(aliases)]);
  const typed = argv[at] ?? '';
  const name = aliases[typed] ?? typed;
  const load = program.commands[name];
  if (!load) throw noCommand(program, argv);
  const command = await load();
  const call = `${program.name} ${name}`;
  const args = await readArgs(argv.toSpliced(at, 1), command, call);
  return await command.run(args, terminal, helpHint(call));
}

/** Other names of commands, as other programs call them. */
const aliases: Partial<Record<string, string>> = { start: 'run' };

/** Whether one of the flags is on the line, before a `--`. */
function has(argv: readonly string[], ...flags: string[]): boolean {
  const end = argv.indexOf('--');
  return argv.some((word, at) => flags.includes(word) && (end < 0 || at < end));
}

/**
 * The help of the program, of a command, or a page of the manual: `help guide`.
 *
 * @throws {FlockError} `usage` if there is no such command or page
 */
async function helpFor(program: Program, argv: readonly string[], columns: number): Promise<string> {
  const { commandHelp, programHelp } = await import('./help.ts');
  const manual = await readManual(program);
  const isHelp = argv[0] === 'help';
  const words = argv.slice(isHelp ? 1 : 0).filter((word) => !word.startsWith('-'));
  if (words.length === 0) return programHelp(manual, columns);
  const command = manual.commands.find(
    ({ name }) => name === words[findCommand(words, Object.keys(program.commands))],
  );
  if (command) return commandHelp(command, manual.name, columns);
  if (!isHelp) throw noCommand(program, words);
  const { textOf, topicNamed, topicNames } = await import('../manual/manual.ts');
  const topic = topicNamed(words.join(' '));
  if (topic === undefined) throw noCommand(program, words, topicNames);
  return textOf(topic, columns, pc.createColors(wantsColor(process.stdout.isTTY)).bold);
}

/** Prints an error. @returns its exit code */
function report(error: unknown, terminal: Terminal): Exit {
  if (error instanceof FlockError) {
    terminal.warn(error.message, error.hint);
    return error.exit;
  }
  terminal.warn(`this is a bug: ${messageOf(error)}`, 'please report it with the command that led to it');
  return 'partly';
}

/**
 * The command on a command line: its first word that is one, and not the value of a flag before it.
 *
 * @returns its index; -1 if there is none
 */
export function findCommand(argv: readonly string[], names: readonly string[]): number {
  const isCommand = (word: string): boolean => names.includes(word);
  const found = argv.findIndex((word, at) => isCommand(word) && !/^--[^=]+$/.test(argv[at - 1] ?? ''));
  return found < 0 ? argv.findIndex(isCommand) : found;
}

/** The error for a command line without a command. @param pages - the pages of the manual, if it could be one */
export function noCommand(
  { name, commands }: Program,
  argv: readonly string[],
  pages: readonly string[] = [],
): FlockError {
  const called = argv.find((word) => !word.startsWith('-'));
  const list = `${name} --help lists the commands`;
  if (called === undefined) return new FlockError('usage', 'which command?', { hint: list });
  const meant = nearest(called, [...Object.keys(commands), ...pages]);
  const what = pages.length === 0 ? 'command' : 'command or page';
  return new FlockError('usage', `there is no ${what} ${JSON.stringify(called)}`, {
    hint: meant === undefined ? list : `did you mean ${name} ${pages.length === 0 ? '' : 'help '}${meant}?`,
  });
}

/**
 * The arguments on a command line after the command's name: positionals and flags by name, as they were typed.
 *
 * @param call - the program and the command: `flockd plan`
 * @throws {FlockError} `usage` if there is another flag, a value too many or too few, or the wrong number of positionals
 */
export async function readArgs(
  words: readonly string[],
  command: Pick<Command, 'positionals' | 'flags'>,
  call: string,
): Promise<Record<string, unknown>> {
  const line = readLine(words, command.flags);
  checkPositionals(line, command, call);
  const positionals = command.positionals.map(({ name }, at) => [name, line.positionals[at]] as const);
  return { ...Object.fromEntries(positionals), ...(await readFlags(line, command.flags, call)) };
}

/** @throws {FlockError} `usage` for a flag that is given twice and takes one value, or has a value and takes none */
async function readFlags(
  { given }: Line,
  flags: readonly Flag[],
  call: string,
): Promise<Record<string, unknown>> {
  const isWrong = given.find(
    ({ flag, value }) => flag?.placeholder === undefined && !/^(?:true|false)?$/.test(value ?? ''),
  );
  if (isWrong) throw new FlockError('usage', `${isWrong.typed}: takes no value`, { hint: helpHint(call) });
  const { default: yargs } = await import('yargs');
  const options = flags.map(({ name, alias, placeholder, isList }) => [
    name,
    {
      type: placeholder === undefined ? ('boolean' as const) : ('string' as const),
      ...(alias !== undefined && { alias }),
      ...(isList && { array: true, nargs: 1 }),
    },
  ]);
  const parsed: Record<string, unknown> = yargs(
    given.map(({ typed, value }) => (value === undefined ? typed : `${typed}=${value}`)),
  )
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail(false)
    .strict()
    .options(Object.fromEntries(options))
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
    })
    .parseSync();
  const twice = flags.find(({ name, isList }) => !isList && Array.isArray(parsed[name]));
  if (twice)
    throw new FlockError('usage', `--${twice.name}: should be given once`, { hint: 'give each flag once' });
  return Object.fromEntries(
    flags.flatMap(({ name }) => (parsed[name] === undefined ? [] : [[name, parsed[name]]])),
  );
}

/** @throws {FlockError} `usage` */
function checkPositionals(
  { given, positionals: words }: Line,
  { positionals, flags }: Pick<Command, 'positionals' | 'flags'>,
  call: string,
): void {
  const name = call.split(' ').at(-1) ?? '';
  const unknown = given.find(({ flag }) => !flag);
  if (unknown) {
    const hint = hintForUnknown(unknown.typed, { positionals, flags }, call);
    throw new FlockError('usage', `there is no flag ${unknown.typed}`, { hint });
  }
  const hint = helpHint(call);
  const empty = given.find(({ flag, value }) => flag?.placeholder !== undefined && value === undefined);
  if (empty) throw new FlockError('usage', `${empty.typed}: a value is missing`, { hint });
  const missing = positionals[words.length];
  if (missing && !missing.isOptional)
    throw new FlockError('usage', `${name}: ${shownPositional(missing)} is missing`, { hint });
  // The word is not repeated: it may be a PIN or a password in the wrong place.
  if (words.length > positionals.length) throw new FlockError('usage', `${name}: a word too many`, { hint });
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

const helpHint = (call: string): string => `${call} --help shows how it is called`;
