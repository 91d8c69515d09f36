import yargs, { type Argv } from 'yargs';
import { exitCodes, FlockError, messageOf, type Exit } from '../errors.ts';
import { nearest } from '../flock/nearest.ts';
import type { Command, Program, Verb } from './command.ts';
import { oneOf, programHelp, verbHelp } from './help-page.ts';
import { everywhere, verbManualOf } from './manual.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { version } from './version.ts';

/**
 * Runs a program once: finds the verb, parses its command line, runs it, and turns whatever it throws into one line,
 * a hint and an exit code. Nothing else in the project maps an error to an exit code.
 */
export async function runProgram(program: Program, argv: readonly string[]): Promise<void> {
  endWithReader();
  using terminal = openTerminal(program.name, argv.includes('--json'));
  try {
    process.exitCode = exitCodes[await parseAndRun(program, argv, terminal)];
  } catch (error) {
    process.exitCode = exitCodes[report(error, terminal)];
  }
}

async function parseAndRun(program: Program, argv: readonly string[], terminal: Terminal): Promise<Exit> {
  if (has(argv, '--help', '-h') || has(argv, '--version')) {
    const columns = Math.min(100, terminal.columns);
    terminal.print(has(argv, '--version') ? `${version()}\n` : await helpOf(program, argv, columns));
    return 'done';
  }
  let exit: Exit = 'done';
  const parser = yargs(shield(argv))
    .scriptName(program.name)
    .version(false)
    .help(false)
    .strict()
    .demandCommand(1, 'which command?')
    .exitProcess(false)
    .parserConfiguration({
      'boolean-negation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .fail((message: string | null, error: unknown) => {
      if (error instanceof Error) throw error;
      throw usageError(program, argv, message ?? '');
    });
  for (const verb of program.verbs) {
    addVerb(parser, verb, async (command, args) => {
      exit = await command.run(unshield(args), terminal);
    });
  }
  try {
    await parser.parseAsync();
  } catch (error) {
    // What yargs finds wrong before it has chosen a command does not come through `fail`.
    throw error instanceof Error && error.name === 'YError'
      ? usageError(program, argv, error.message)
      : error;
  }
  return exit;
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

const calledIn = (argv: readonly string[]): string | undefined => argv.find((word) => !word.startsWith('-'));
const nameOf = ({ usage }: Verb): string => usage.split(' ')[0] ?? '';

function addVerb(
  parser: Argv,
  { usage, summary, load }: Verb,
  run: (command: Command, args: Record<string, unknown>) => Promise<void>,
): void {
  parser.command(
    usage,
    summary,
    async (verb) => {
      const { words = {}, flags } = await load();
      for (const [word, options] of Object.entries(words)) verb.positional(word, options);
      return verb.options(flags);
    },
    async (args) => run(await load(), args),
  );
}

/** yargs' own words for a mistake name neither what is missing nor what was meant. */
function usageError({ name, verbs }: Program, argv: readonly string[], message: string): FlockError {
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
  const word = /<\w+>/.exec(verb.usage)?.[0] ?? '';
  const dashed = argv.find((part) => /^-[^-]./.test(part));
  const said = saidBetter(message, called, word, argv);
  const hint =
    dashed !== undefined && word !== ''
      ? `a name that begins with - goes last, after --: ${name} ${called} -- ${dashed}`
      : `${name} ${called} --help shows how it is called`;
  return new FlockError('usage', said, { hint });
}

/** A word too many is not repeated: it may be a PIN or a password, put where it does not belong. */
function saidBetter(message: string, called: string, word: string, argv: readonly string[]): string {
  const [first = 'wrong usage'] = message.split('\n');
  if (first.startsWith('Not enough non-option')) return `${called}: ${word} is missing`;
  const [, name = '', choices] = /Argument: ([\w-]+), Given: .*, Choices: (.+)/.exec(message) ?? [];
  if (choices !== undefined) {
    return `${word === `<${name}>` ? word : `--${name}`}: must be ${oneOf(choices.replaceAll('"', '').split(', '))}`;
  }
  const [, names] = /^Unknown arguments?: (.+)$/.exec(first) ?? [];
  const isFlag = (name: string): boolean =>
    argv.some((part) => part.startsWith('-') && part.replace(/^-+/, '').split('=')[0] === name);
  if (names !== undefined && !names.split(', ').every(isFlag)) return `${called}: a word too many`;
  return first.charAt(0).toLowerCase() + first.slice(1);
}

/** Stands for the first dash of a word after `--`, which yargs would take for a flag all the same. */
const dash = '\ue000';

function shield(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  if (end < 0) return [...argv];
  return [...argv.slice(0, end), ...argv.slice(end + 1).map((word) => word.replace(/^-/, dash))];
}

const unshield = (args: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace(dash, '-') : value,
    ]),
  );

/** Prints what went wrong. @returns the exit it is */
function report(error: unknown, terminal: Terminal): Exit {
  if (error instanceof FlockError) {
    terminal.warn(error.message, error.hint);
    return error.exit;
  }
  terminal.warn(`this is a bug: ${messageOf(error)}`, 'please report it with the command that led to it');
  return 'partly';
}

/** Ends quietly when the reader of a pipe has seen enough. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
}
