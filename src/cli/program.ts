import pc from 'picocolors';
import { wantsColor } from '../config/environment.ts';
import { type Exit, exitCodes, FlockError, messageOf } from '../errors.ts';
import { nearest } from '../text.ts';
import {
  type Argument,
  type Command,
  globalFlags,
  type Line,
  type Program,
  readLine,
  readManual,
  shownPositional,
} from './manual.ts';
import type { Terminal } from './terminal.ts';

/** The program keymaker, and where each of its commands is. */
export const keymaker: Program = {
  name: 'keymaker',
  description: 'Makes the keys of a flock: one account for each poem.',
  firstSteps: [
    ['keymaker sandbox', 'try everything without an account'],
    ['keymaker make-keys ./poems', 'get a link and enter a PIN for each poem; then: flockd run'],
  ],
  commands: {
    init: async () => (await import('./keymaker/init.ts')).init,
    'make-keys': async () => (await import('./keymaker/make-keys.ts')).makeKeys,
    reauth: async () => (await import('./keymaker/one-bot.ts')).reauth,
    begin: async () => (await import('./keymaker/one-bot.ts')).begin,
    finish: async () => (await import('./keymaker/one-bot.ts')).finish,
    serve: async () => (await import('./keymaker/serve.ts')).serve,
    list: async () => (await import('./keymaker/list.ts')).list,
    doctor: async () => (await import('./keymaker/doctor.ts')).doctor,
    import: async () => (await import('./keymaker/import.ts')).importKeys,
    revoke: async () => (await import('./keymaker/one-bot.ts')).revoke,
    encrypt: async () => (await import('./keymaker/encrypt.ts')).encrypt,
    sandbox: async () => (await import('./keymaker/sandbox.ts')).sandbox,
    completion: async () => (await import('./completion.ts')).completion('keymaker'),
  },
};

/** The program flockd, and where each of its commands is. */
export const flockd: Program = {
  name: 'flockd',
  description: 'Posts the lines of a flock of poems, each bot on its schedule, for years.',
  firstSteps: [
    ['keymaker make-keys ./poems', 'make a key for each bot'],
    ['flockd run', 'in the same folder: post their lines on their schedules'],
  ],
  commands: {
    run: async () => (await import('./flockd/run.ts')).run,
    status: async () => (await import('./flockd/status.ts')).status,
    plan: async () => (await import('./flockd/plan.ts')).plan,
    rehearse: async () => (await import('./flockd/rehearse.ts')).rehearse,
    reload: async () => (await import('./flockd/control.ts')).reload,
    healthcheck: async () => (await import('./flockd/healthcheck.ts')).healthcheck,
    resolve: async () => (await import('./flockd/control.ts')).resolve,
    pause: async () => (await import('./flockd/control.ts')).pause,
    resume: async () => (await import('./flockd/control.ts')).resume,
    post: async () => (await import('./flockd/post.ts')).post,
    rename: async () => (await import('./flockd/control.ts')).rename,
    export: async () => (await import('./flockd/backup.ts')).exportLedger,
    restore: async () => (await import('./flockd/backup.ts')).restore,
    'test-hooks': async () => (await import('./flockd/test-hooks.ts')).testHooks,
    install: async () => (await import('./flockd/service.ts')).install,
    uninstall: async () => (await import('./flockd/service.ts')).uninstall,
    logs: async () => (await import('./flockd/service.ts')).logs,
    unit: async () => (await import('./flockd/service.ts')).unit,
    completion: async () => (await import('./completion.ts')).completion('flockd'),
  },
};

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
  mustHaveNode();
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

/** @throws {FlockError} `unavailable` on a Node that is older than package.json wants; npm only warns of it */
function mustHaveNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  const message = `Node 20.19 or newer is needed, and this is ${process.versions.node}`;
  throw new FlockError('unavailable', message, {
    hint: 'install a newer one: https://nodejs.org/en/download',
  });
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
  { positionals, flags }: Pick<Command, 'positionals' | 'flags'>,
  call: string,
): Promise<Record<string, unknown>> {
  const { given, positionals: typed } = readLine(words, flags);
  const refuse = (message: string, hint = helpHint(call)): never => {
    throw new FlockError('usage', message, { hint });
  };
  const name = call.split(' ').at(-1) ?? '';
  const unknown = given.find(({ flag }) => !flag);
  if (unknown)
    refuse(`there is no flag ${unknown.typed}`, hintForUnknown(unknown.typed, { positionals, flags }, call));
  const empty = given.find(({ flag, value }) => flag?.placeholder !== undefined && value === undefined);
  if (empty) refuse(`${empty.typed}: a value is missing`);
  const missing = positionals[typed.length];
  if (missing && !missing.isOptional) refuse(`${name}: ${shownPositional(missing)} is missing`);
  // The word is not repeated: it may be a PIN or a password in the wrong place.
  if (typed.length > positionals.length) refuse(`${name}: a word too many`);
  const valued = given.find(
    ({ flag, value = '' }) => flag?.placeholder === undefined && !/^(?:true|false)?$/.test(value),
  );
  if (valued) refuse(`${valued.typed}: takes no value`);
  const parsed = await parseFlags(given, flags);
  const twice = flags.find((flag) => !flag.isList && Array.isArray(parsed[flag.name]));
  if (twice) refuse(`--${twice.name}: should be given once`, 'give each flag once');
  return {
    ...Object.fromEntries(positionals.map((positional, at) => [positional.name, typed[at]])),
    ...Object.fromEntries(
      flags.flatMap((flag) => (parsed[flag.name] === undefined ? [] : [[flag.name, parsed[flag.name]]])),
    ),
  };
}

async function parseFlags(
  given: Line['given'],
  flags: readonly Argument[],
): Promise<Record<string, unknown>> {
  const { default: yargs } = await import('yargs');
  const options = flags.map(({ name, alias, placeholder, isList }) => [
    name,
    {
      type: placeholder === undefined ? ('boolean' as const) : ('string' as const),
      ...(alias !== undefined && { alias }),
      ...(isList && { array: true, nargs: 1 }),
    },
  ]);
  return yargs(given.map(({ typed, value }) => (value === undefined ? typed : `${typed}=${value}`)))
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
}

function hintForUnknown(
  typed: string,
  { positionals, flags }: Pick<Command, 'positionals' | 'flags'>,
  call: string,
): string {
  if (/^-[^-]./.test(typed) && positionals.length > 0)
    return `a name that begins with - goes last, after --: ${call} -- ${typed}`;
  const names = [...flags, ...globalFlags].map(({ name }) => name);
  const meant = nearest(typed.replace(/^-+/, ''), names);
  return meant === undefined ? helpHint(call) : `did you mean --${meant}?`;
}

const helpHint = (call: string): string => `${call} --help shows how it is called`;
