import { wrapAnsi } from 'fast-wrap-ansi';
import { exitCodes, type Exit } from '../errors.ts';
import { among } from './help-page.ts';
import { descriptions, environment, exits, files, seeAlso, type Entry } from './man-sections.ts';
import type { FlagManual, Manual, VerbManual } from './manual.ts';

/** The man page of a program, in roff. @param date - as `2026-08-31`. @see man(7) */
export function manPage(manual: Manual, { version, date }: { version: string; date: string }): string {
  const { name, about, verbs, everywhere } = manual;
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date} ${quoted(`keymaker ${version}`)} "Manual of the flock"`,
    // Calls are copied from here: no word is broken, and no space is stretched.
    '.nh',
    '.ad l',
    ...section('NAME', [wrapAnsi(`${name} \\- ${escaped(phrase(about))}`, lineLength)]),
    ...section('SYNOPSIS', synopsis(name)),
    ...section('DESCRIPTION', paragraphs(descriptions[name] ?? [])),
    ...section('COMMANDS', [...verbs.flatMap(verbLines), ...subsection('Flags of every command')]),
    ...everywhere.flatMap(flagLines),
    ...section('FILES', [text("Below the flock's folder:"), ...files.flatMap(entryLines)]),
    ...section('ENVIRONMENT', environment.flatMap(entryLines)),
    ...section('EXIT STATUS', exitEntries.flatMap(entryLines)),
    ...section(
      'EXAMPLES',
      verbs.flatMap(({ examples }) => examples.flatMap(entryLines)),
    ),
    ...section('SEE ALSO', references(seeAlso[name] ?? [])),
  ];
  return `${lines.join('\n')}\n`;
}

const section = (heading: string, lines: readonly string[]): string[] => [`.SH ${quoted(heading)}`, ...lines];
const subsection = (heading: string): string[] => [`.SS ${quoted(heading)}`];

const synopsis = (name: string): string[] => [
  `${bold(name)} ${italic('command')} [${italic('word')}] [${italic('flags')}]`,
  '.br',
  `${bold(name)} [${italic('command')}] ${bold('--help')}`,
  '.br',
  `${bold(name)} ${bold('--version')}`,
];

const paragraphs = (all: readonly string[]): string[] =>
  all.flatMap((paragraph, index) => (index === 0 ? [text(paragraph)] : ['.PP', text(paragraph)]));

const verbLines = ({ usage, summary, words, flags }: VerbManual): string[] => [
  ...subsection(usage),
  text(sentence(summary)),
  ...words.flatMap(({ shown, about, choices }) => item(italic(shown), about + among(choices))),
  ...flags.flatMap(flagLines),
];

function flagLines({ name, alias, shown, about, choices, default: usual }: FlagManual): string[] {
  const names = [...(alias === undefined ? [] : [`-${alias}`]), `--${name}`].map(bold).join(', ');
  const label = shown === undefined ? names : `${names} ${italic(shown)}`;
  return item(label, about + among(choices) + (usual === undefined ? '' : ` (default: ${usual})`));
}

const exitEntries: Entry[] = Object.entries(exitCodes).map(([exit, code]) => [
  String(code),
  exits[exit as Exit],
]);

const entryLines = ([name, about]: Entry): string[] => item(bold(name), about);

const item = (label: string, about: string): string[] => ['.TP', label, text(sentence(about))];

const references = (pages: readonly string[]): string[] =>
  pages.map((page, index) => {
    const [name = '', chapter = ''] = page.replace(')', '').split('(');
    return `.BR ${name} (${chapter})${index < pages.length - 1 ? ',' : ''}`;
  });

const sentence = (about: string): string =>
  (about.charAt(0).toUpperCase() + about.slice(1)).replace(/[^.:]$/, '$&.');
const phrase = (about: string): string => about.charAt(0).toLowerCase() + about.slice(1).replace(/\.$/, '');

const bold = (words: string): string => `\\fB${escaped(words)}\\fR`;
const italic = (words: string): string => `\\fI${escaped(words)}\\fR`;

/** An argument of a macro. */
const quoted = (words: string): string => `"${escaped(words).replaceAll('"', '\\(dq')}"`;

/** Of the source; mandoc wants no more than 80. */
const lineLength = 76;

/** Lines of text as short as roff likes them, none of which its first word makes a macro. */
const text = (words: string): string => wrapAnsi(escaped(words), lineLength).replaceAll(/^[.']/gm, '\\&$&');

const characters: Partial<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
};

/** Characters as they are: roff would make typographers' quotes, accents and hyphens of some, and commands of others. */
const escaped = (words: string): string =>
  words
    .replaceAll(/[\\'`^~-]/g, (character) => characters[character] ?? character)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/gu, (character) => `\\[u${hex(character)}]`);

const hex = (character: string): string =>
  (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
