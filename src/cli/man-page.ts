import { wrapAnsi } from 'fast-wrap-ansi';
import { type Exit, exitCodes } from '../errors.ts';
import { among, type FlagManual, type Manual, type VerbManual } from './help.ts';

/** A name, and what there is to say about it. */
type Entry = readonly [name: string, about: string];

/** What the man page of each program tells besides its verbs. */
const descriptions: Partial<Record<string, readonly string[]>> = {
  keymaker: [
    'A flock is a folder of poems, and one X account (a bot) for each. keymaker walks the poems, asks which bots to make, lets ' +
      'a person authorize the app for each account, checks that it is the right one, and writes a key bundle for each bot. ' +
      'flockd(1) then posts the poems.',
    'Questions are asked one by one. Without a terminal the answers are read from standard input, one a line, in the same order. ' +
      'No secret is taken from the command line, and none is printed.',
  ],
  flockd: [
    'A flock is a folder of poems, and one X account (a bot) for each, whose keys keymaker(1) has made. flockd posts the next ' +
      'line of each poem whenever the schedule of its bot says so: never twice, never skipped, never as the wrong account.',
    'What is about to be posted is in the ledger before it is sent, and what came of it is in the ledger before anything is ' +
      'built on it. A post whose fate is unknown is in doubt: that bot posts nothing more until its timeline has settled the ' +
      'question. A bot that needs a person is parked, and status says why and what to do.',
  ],
};

const files: readonly Entry[] = [
  [
    'poems/**/*.txt',
    'One poem a file, in UTF-8; each line that is not blank is one post. The bot has the name of the file.',
  ],
  [
    'keys/<bot>.json',
    'The key bundle of a bot, for its owner alone to read. With .age after it, the same encrypted with age(1).',
  ],
  ['flock.json', 'Settings: schedule, timezone, and what else differs from bot to bot. Optional.'],
  ['prices.json', 'What X charges, where that has changed since this program was made. Optional.'],
  ['apikeys.json', 'The app keys, where the environment does not hold them. Optional.'],
  [
    'state/',
    'The ledger of flockd: a line of JSON for each thing it did. It can be read while flockd runs, and is not to be edited.',
  ],
  ['state/stop', 'While this file is there, nothing is posted.'],
];

const environment: readonly Entry[] = [
  ['CONSUMER_TOKEN, CONSUMER_TOKEN_SECRET', 'The app keys.'],
  ['CONSUMER_TOKEN_FILE, CONSUMER_TOKEN_SECRET_FILE', 'Files that hold them.'],
  ['KEYMAKER_API_URL', 'The base of the X API; plain http only to this machine itself.'],
  ['KEYMAKER_IDENTITY_FILE', 'The age identity that opens encrypted bundles.'],
  ['FLOCKD_SOCKETS', 'How many posts are under way at a time; 64 where it is not set.'],
  [
    'CREDENTIALS_DIRECTORY',
    'Of systemd(1): its files keys_<bot>.json are the bundles where no --keys is given, its file identity the age identity.',
  ],
  ['STATE_DIRECTORY', 'Where the ledger is, instead of state/ in the root.'],
  [
    'NO_COLOR',
    'Where it is set to anything, there are no colours; nor are there on a dumb TERM, or away from a terminal.',
  ],
  ['FORCE_COLOR, CLICOLOR_FORCE', 'Colours even where they would not be; FORCE_COLOR=0 is none.'],
];

/** What a program that ends in each way has met. */
const exits: Record<Exit, string> = {
  done: 'All is done.',
  partly: 'It is done in part, or something is not well.',
  usage: 'The command line is wrong.',
  data: 'A poem or a key bundle is bad.',
  unavailable: 'A service is not available.',
  cannotCreate: 'A file or folder cannot be made.',
  io: 'The disk failed.',
  tryLater: 'Not now: try again later.',
  permission: 'A secret is open to others, or the right to something is missing.',
  config: 'A setting is missing or wrong.',
  interrupted: 'It was interrupted.',
};

const seeAlso: Partial<Record<string, readonly string[]>> = {
  keymaker: ['flockd(1)', 'age(1)'],
  flockd: ['keymaker(1)', 'journalctl(1)', 'systemctl(1)', 'systemd.service(5)'],
};

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
