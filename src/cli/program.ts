import { type Exit, exitCodes, FlockError, messageOf } from '../errors.ts';
import {
  checkLine,
  type Command,
  findCommand,
  helpHint,
  type Line,
  noCommand,
  type Program,
  readLine,
  readManual,
} from './manual.ts';
import type { Terminal } from './terminal.ts';

/** Asked by completion scripts alone, and so in no help. */
const completing = 'complete';

/** Runs a program once. A shell that completes a line waits for the answer: nothing else is loaded for it. */
export async function start(program: Program, argv: readonly string[]): Promise<void> {
  if (argv[0] === completing) {
    const { answerShell } = await import('./complete.ts');
    answerShell(program.name, argv.slice(1));
    return;
  }
  const { openTerminal } = await import('./terminal.ts');
  using terminal = openTerminal(program.name, argv.includes('--json'));
  try {
    process.exitCode = exitCodes[await helpOrRun(program, argv, terminal)];
  } catch (error) {
    // The one place that maps an error to an exit code.
    process.exitCode = exitCodes[report(error, terminal)];
  }
}

async function helpOrRun(program: Program, argv: readonly string[], terminal: Terminal): Promise<Exit> {
  if (has(argv, '--version')) {
    const { version } = await import('./command.ts');
    terminal.print(`${version()}\n`);
    return 'done';
  }
  if (has(argv, '--help', '-h')) {
    // Some terminals go to the next line by themselves after the last column.
    const columns = process.stdout.isTTY ? terminal.columns - 1 : terminal.columns;
    terminal.print(await helpFor(program, argv, Math.min(100, columns)));
    return 'done';
  }
  return await callCommand(program, argv, terminal);
}

/** Whether one of the flags is on the line, before what is no flag any more. */
function has(argv: readonly string[], ...flags: string[]): boolean {
  const end = argv.indexOf('--');
  return argv.some((word, at) => flags.includes(word) && (end < 0 || at < end));
}

/** @throws {FlockError} `usage` where there is no such command */
async function helpFor(program: Program, argv: readonly string[], columns: number): Promise<string> {
  const { commandHelp, programHelp } = await import('./help.ts');
  const at = findCommand(argv, Object.keys(program.commands));
  if (at < 0 && argv.some((word) => !word.startsWith('-'))) throw noCommand(program, argv);
  const manual = await readManual(program);
  const command = manual.commands.find(({ name }) => name === argv[at]);
  return command ? commandHelp(command, manual.name, columns) : programHelp(manual, columns);
}

/** @throws {FlockError} `usage` where the line is wrong, and whatever the command throws */
async function callCommand(program: Program, argv: readonly string[], terminal: Terminal): Promise<Exit> {
  const at = findCommand(argv, Object.keys(program.commands));
  const name = argv[at] ?? '';
  const load = program.commands[name];
  if (!load) throw noCommand(program, argv);
  const command = await load();
  const line = readLine(argv.toSpliced(at, 1), command.flags);
  const call = `${program.name} ${name}`;
  checkLine(line, command, call);
  const args = { ...positionalsOf(line, command), ...(await flagsOf(line, command)) };
  return await command.run(args, terminal, helpHint(call));
}

const positionalsOf = (line: Line, { positionals }: Command): Record<string, string | undefined> =>
  Object.fromEntries(positionals.map(({ name }, at) => [name, line.positionals[at]]));

/** @throws {FlockError} `usage` for a flag that is given twice and takes one value */
async function flagsOf({ given }: Line, { flags }: Command): Promise<Record<string, unknown>> {
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
  if (!twice) return parsed;
  throw new FlockError('usage', `--${twice.name}: should be given once`, { hint: 'give each flag once' });
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
