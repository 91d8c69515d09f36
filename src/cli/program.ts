import { type Exit, exitCodes, FlockError, messageOf } from '../errors.ts';
import { nearest } from '../text.ts';
import { helpHint, type Program, type Verb } from './command.ts';
import { everywhere, oneOf, programHelp, verbHelp, verbManualOf } from './help.ts';
import { openTerminal, type Terminal } from './terminal.ts';

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

/**
 * Runs a program once: finds the verb, parses its command line, runs it, and turns whatever it throws into one line,
 * a hint and an exit code. Nothing else in the project maps an error to an exit code.
 */
export async function runProgram(program: Program, argv: readonly string[]): Promise<void> {
  using terminal = openTerminal(program.name, argv.includes('--json'));
  try {
    process.exitCode = exitCodes[await parseAndRun(program, argv, terminal)];
  } catch (error) {
    process.exitCode = exitCodes[report(error, terminal)];
  }
}

/** What is asked for most, help, loads next to nothing. */
async function parseAndRun(program: Program, argv: readonly string[], terminal: Terminal): Promise<Exit> {
  if (has(argv, '--version')) {
    const { version } = await import('./version.ts');
    terminal.print(`${version()}\n`);
    return 'done';
  }
  if (has(argv, '--help', '-h')) {
    // Some terminals go to the next line by themselves after the last column.
    const columns = process.stdout.isTTY ? terminal.columns - 1 : terminal.columns;
    terminal.print(await helpOf(program, argv, Math.min(100, columns)));
    return 'done';
  }
  const { callVerb } = await import('./call-verb.ts');
  return callVerb(program, argv, terminal);
}

/** Whether one of the flags is on the line, before what is no flag any more. */
function has(argv: readonly string[], ...flags: string[]): boolean {
  const end = argv.indexOf('--');
  return argv.some((word, at) => flags.includes(word) && (end < 0 || at < end));
}

/** @throws {FlockError} `usage` where there is no such command */
async function helpOf(program: Program, argv: readonly string[], columns: number): Promise<string> {
  const { name, verbs } = program;
  const called = calledIn(argv);
  if (called === undefined) return programHelp({ ...program, everywhere }, columns);
  const verb = verbs.find((known) => nameOf(known) === called);
  if (!verb) throw usageError(program, argv, '');
  return verbHelp(await verbManualOf(verb), { name, everywhere }, columns);
}

/** Prints what went wrong. @returns the exit it is */
function report(error: unknown, terminal: Terminal): Exit {
  if (error instanceof FlockError) {
    terminal.warn(error.message, error.hint);
    return error.exit;
  }
  terminal.warn(`this is a bug: ${messageOf(error)}`, 'please report it with the command that led to it');
  return 'partly';
}
