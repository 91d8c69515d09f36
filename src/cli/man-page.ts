import { bold, escaped, filled, italic, quoted, title } from '../manual/roff.ts';
import { sectionAsRoff, slugOf, topicNames } from '../manual/manual.ts';
import { among, exitRows, type Row, textOfFlag } from './help.ts';
import {
  type Argument,
  type CommandManual,
  globalFlags,
  type Manual,
  shownPositional,
  usageOf,
} from './manual.ts';

/** The descriptions in the man pages. */
const descriptions: Partial<Record<string, readonly string[]>> = {
  keymaker: [
    'A flock is a folder of poems and one X account (a bot) for each. keymaker walks the poems and asks which bots to make. A ' +
      'person authorizes the app for each account; keymaker checks that it is the right account and writes a key bundle for ' +
      'the bot. flockd(1) then posts the poems.',
    'Questions come one by one. Without a terminal, the answers are read from standard input, one a line, in the same order. ' +
      'No secret is taken from the command line, and none is printed.',
  ],
  flockd: [
    'A flock is a folder of poems and one X account (a bot) for each, with keys made by keymaker(1). flockd posts the next line ' +
      'of each poem on the schedule of its bot: never twice, never skipped, never as the wrong account.',
    'Each post is written to the ledger before it is sent, and its outcome before anything follows from it. A post with an ' +
      'unknown outcome is in doubt: that bot posts nothing more until its timeline answers the question. A bot that ' +
      'needs you posts nothing until a fault is repaired; flockd status says which, and how.',
  ],
};

const seeAlso: Partial<Record<string, readonly string[]>> = {
  keymaker: ['flockd(1)', 'age(1)'],
  flockd: ['keymaker(1)', 'journalctl(1)', 'systemctl(1)', 'systemd.service(5)'],
};

/** The man page of a program, in roff. @param date - as `2026-08-31`. @see man(7) */
export function manPage(manual: Manual, { version, date }: { version: string; date: string }): string {
  const { name, description, commands } = manual;
  const lines = [
    title(name, 1, { version, date }),
    ...section('NAME', [filled(`${name} \\- ${escaped(phrase(description))}`)]),
    ...section('SYNOPSIS', synopsis(name)),
    ...section('DESCRIPTION', paragraphs(descriptions[name] ?? [])),
    ...section('COMMANDS', [
      ...commands.flatMap(commandLines),
      ...subsection('Flags of every command'),
      ...globalFlags.flatMap(flagLines),
    ]),
    ...section('FILES', [
      text("Below the flock's folder:"),
      sectionAsRoff('flock.json', 'The files of a flock'),
    ]),
    ...section('ENVIRONMENT', [sectionAsRoff('flock.json', 'The environment')]),
    ...section('EXIT STATUS', exitRows.flatMap(entryLines)),
    ...section(
      'EXAMPLES',
      commands.flatMap(({ examples }) => examples.flatMap(entryLines)),
    ),
    ...section(
      'SEE ALSO',
      references([...(seeAlso[name] ?? []), ...topicNames.map((topic) => `keymaker-${slugOf(topic)}(7)`)]),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

const section = (heading: string, lines: readonly string[]): string[] => [`.SH ${quoted(heading)}`, ...lines];
const subsection = (heading: string): string[] => [`.SS ${quoted(heading)}`];

const synopsis = (name: string): string[] => [
  `${bolded(name)} ${slanted('command')} [${slanted('arguments')}] [${slanted('flags')}]`,
  '.br',
  `${bolded(name)} [${slanted('command')}] ${bolded('--help')}`,
  '.br',
  `${bolded(name)} ${bolded('--version')}`,
];

const paragraphs = (all: readonly string[]): string[] =>
  all.flatMap((paragraph, index) => (index === 0 ? [text(paragraph)] : ['.PP', text(paragraph)]));

const commandLines = (command: CommandManual): string[] => [
  ...subsection(usageOf(command)),
  text(sentence(command.summary)),
  ...command.positionals.flatMap((positional) =>
    item(slanted(shownPositional(positional)), positional.description + among(positional.choices)),
  ),
  ...command.flags.flatMap(flagLines),
];

function flagLines(flag: Argument): string[] {
  const { name, alias, placeholder } = flag;
  const names = [...(alias === undefined ? [] : [`-${alias}`]), `--${name}`].map(bolded).join(', ');
  return item(placeholder === undefined ? names : `${names} ${slanted(placeholder)}`, textOfFlag(flag));
}

const entryLines = ([name, about]: Row): string[] => item(bolded(name), about);

const item = (label: string, about: string): string[] => ['.TP', label, text(sentence(about))];

const references = (pages: readonly string[]): string[] =>
  pages.map((page, index) => {
    const [name = '', chapter = ''] = page.replace(')', '').split('(');
    return `.BR ${name} (${chapter})${index < pages.length - 1 ? ',' : ''}`;
  });

const sentence = (about: string): string =>
  (about.charAt(0).toUpperCase() + about.slice(1)).replace(/[^.:]$/, '$&.');
const phrase = (about: string): string => about.charAt(0).toLowerCase() + about.slice(1).replace(/\.$/, '');

const bolded = (words: string): string => bold(escaped(words));
const slanted = (words: string): string => italic(escaped(words));
const text = (words: string): string => filled(escaped(words));
