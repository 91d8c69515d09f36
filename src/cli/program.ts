import yargs, { type Argv } from 'yargs';
import { exitCodes, FlockError, messageOf, type Exit } from '../errors.ts';
import type { Command } from './command.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { version } from './version.ts';

/** A verb in a program's table; its file is loaded only when it is called. */
export interface Verb {
  /** As the help shows it: `reauth <bot>`. */
  usage: string;
  summary: string;
  load: () => Promise<Command>;
}

export interface Program {
  name: string;
  about: string;
  verbs: readonly Verb[];
}

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

async function parseAndRun(
  { name, about, verbs }: Program,
  argv: readonly string[],
  terminal: Terminal,
): Promise<Exit> {
  let exit: Exit = 'done';
  const parser = yargs([...argv])
    .scriptName(name)
    .usage(`${about}\n\n  $0 <command>`)
    .version(version())
    .alias({ h: 'help' })
    .wrap(Math.min(100, terminal.columns))
    .strict()
    .demandCommand(1, 'which command?')
    .exitProcess(false)
    .parserConfiguration({
      'boolean-negation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .fail((message: string | null, error: unknown) => {
      if (error instanceof Error && error.name !== 'YError') throw error;
      const [first = 'wrong usage'] = (message ?? '').split('\n');
      throw new FlockError('usage', first, {
        hint: `${name} --help lists the commands, ${name} <command> --help its flags`,
      });
    });
  for (const verb of verbs) {
    addVerb(parser, verb, async (command, args) => {
      exit = await command.run(args, terminal);
    });
  }
  await parser.parseAsync();
  return exit;
}

function addVerb(
  parser: Argv,
  { usage, summary, load }: Verb,
  run: (command: Command, args: unknown) => Promise<void>,
): void {
  parser.command(
    usage,
    summary,
    async (verb) => {
      const { words = {}, flags, examples = [] } = await load();
      for (const [word, options] of Object.entries(words)) verb.positional(word, options);
      for (const [call, does] of examples) verb.example(call, does);
      return verb.options(flags);
    },
    async (args) => run(await load(), args),
  );
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

/** Ends quietly when the reader of a pipe has seen enough. */
function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
}
