import { FlockError } from '../errors.ts';
import { nearest } from '../flock/nearest.ts';
import type { Program, Verb } from './command.ts';
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
 */
export function usageError({ name, verbs }: Program, argv: readonly string[], message: string): FlockError {
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
