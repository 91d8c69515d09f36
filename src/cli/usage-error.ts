import { FlockError } from '../errors.ts';
import { nearest } from '../text.ts';
import type { Program, Verb } from './command.ts';
import { helpHint } from './help-hint.ts';
import { oneOf } from './help-page.ts';

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
