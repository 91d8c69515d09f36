import yargs, { type Argv, type Options } from 'yargs';
import type { Exit } from '../errors.ts';
import type { Command, Program, Verb } from './command.ts';
import { globalFlags, usageError } from './help.ts';
import type { Terminal } from './terminal.ts';

/**
 * Finds the verb that a command line calls, parses the rest of the line and runs it.
 *
 * @throws {FlockError} `usage` where the line is wrong, and whatever the verb throws
 */
export async function callVerb(program: Program, argv: readonly string[], terminal: Terminal): Promise<Exit> {
  let exit: Exit = 'done';
  let flags: string[] = [];
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
      throw usageError(program, argv, message ?? '', flags);
    });
  for (const verb of program.verbs) {
    const load = async (): Promise<Command> => {
      const command = await verb.load();
      flags = [...Object.keys(command.flags), ...globalFlags.map(({ name }) => name)];
      return command;
    };
    addVerb(parser, { ...verb, load }, async (command, args) => {
      exit = await command.run(unshield(args), terminal);
    });
  }
  try {
    await parser.parseAsync();
  } catch (error) {
    // What yargs finds wrong before it has chosen a command does not come through `fail`.
    throw error instanceof Error && error.name === 'YError'
      ? usageError(program, argv, error.message, flags)
      : error;
  }
  return exit;
}

/** Nothing of it is in the help of yargs, which is never shown and yet made on every call. */
function addVerb(
  parser: Argv,
  { usage, load }: Verb,
  run: (command: Command, args: Record<string, unknown>) => Promise<void>,
): void {
  parser.command(
    usage,
    false,
    async (verb) => {
      const { words = {}, flags } = await load();
      verb.usage('');
      for (const [word, options] of Object.entries(words))
        verb.positional(word, { ...options, hidden: true });
      return verb.options(mapValues(flags, withValue));
    },
    async (args) => run(await load(), args),
  );
}

/** A flag that takes a value is never given without one. Those that are given again and again say so themselves. */
const withValue = (options: Options): Options => ({
  ...options,
  hidden: true,
  ...(options.type === 'string' && options.array !== true && { requiresArg: true }),
});

const mapValues = <From, To>(object: Record<string, From>, change: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));

/** Stands for the first dash of a word that yargs would take for a flag all the same: one after `--`, and a bot called `---`. */
const dash = '\ue000';

function shield(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  const [before, after] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  return [
    ...before.map((word) => word.replace(/^-(?=--)/, dash)),
    ...after.map((word) => word.replace(/^-/, dash)),
  ];
}

const unshield = (args: Record<string, unknown>): Record<string, unknown> =>
  mapValues(args, (value) => (typeof value === 'string' ? value.replace(dash, '-') : value));
