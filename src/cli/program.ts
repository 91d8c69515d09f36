import { type Exit, exitCodes, FlockError, messageOf } from '../errors.ts';
import type { Program } from './command.ts';
import { calledIn, globalFlags, nameOf, programHelp, usageError, verbHelp, verbManualOf } from './help.ts';
import { openTerminal, type Terminal } from './terminal.ts';

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
  if (called === undefined) return programHelp({ ...program, everywhere: globalFlags }, columns);
  const verb = verbs.find((known) => nameOf(known) === called);
  if (!verb) throw usageError(program, argv, '');
  return verbHelp(await verbManualOf(verb), { name, everywhere: globalFlags }, columns);
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
