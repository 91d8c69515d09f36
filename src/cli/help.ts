import { wrapAnsi } from 'fast-wrap-ansi';
import { type Exit, exitCodes } from '../errors.ts';
import { listed } from '../text.ts';
import {
  type CommandManual,
  type Flag,
  globalFlags,
  type Manual,
  type Positional,
  shownPositional,
  usageOf,
} from './manual.ts';

/** What `--help` says of a program. @param columns - how wide it may be */
export function programHelp({ name, description, firstSteps, commands }: Manual, columns: number): string {
  const usages = commands.map((command): Row => [usageOf(command), command.summary]);
  return page(columns, [
    description,
    `Usage: ${name} <command> [flags]`,
    ['Commands', rows(usages)],
    ['Help', rows(globalFlags.map(rowOfFlag))],
    ['First steps', calls(firstSteps)],
    ['Exit codes', rows(exits.map((exit) => [String(exitCodes[exit]), exitTexts[exit]]))],
    `More: ${name} <command> --help, and man ${name}`,
  ]);
}

/** What `--help` says of a command. */
export function commandHelp(command: CommandManual, program: string, columns: number): string {
  const { summary, positionals, flags, examples } = command;
  return page(columns, [
    `${summary}.`,
    `Usage: ${program} ${usageOf(command)} [flags]`,
    ['Arguments', rows(positionals.map(rowOfPositional))],
    ...grouped([...flags, ...globalFlags]).map(
      ([group, own]) => [group, rows(own.map(rowOfFlag))] satisfies Section,
    ),
    ['Examples', calls(examples)],
    ['Exit codes', rows([...exitRows(command), ['others', `see ${program} --help`]])],
  ]);
}

/** What each exit code means. */
const exitTexts: Record<Exit, string> = {
  done: 'done',
  partly: 'done in part, or something is wrong that needs you',
  usage: 'the command line is wrong',
  data: 'a poem, a key bundle or another file is bad',
  unavailable: 'a service cannot be reached, or does not do what it should',
  cannotCreate: 'a file or folder cannot be made',
  io: 'a file cannot be read or written',
  tryLater: 'not now: try again later',
  permission: 'a secret is open to others, or a permission is missing',
  config: 'a setting is missing or wrong',
  interrupted: 'interrupted',
};

const exits = Object.keys(exitTexts).filter((name): name is Exit => name in exitTexts);

/** The codes with which every command may end, and those that mean something of its own. */
const exitRows = ({ exits: own }: CommandManual): Row[] =>
  exits
    .filter((exit) => ['done', 'usage'].includes(exit) || own[exit] !== undefined)
    .map((exit) => [String(exitCodes[exit]), own[exit] ?? exitTexts[exit]]);

/** The flags under each heading, in the order in which they come. */
function grouped(flags: readonly Flag[]): [group: string, flags: Flag[]][] {
  const groups = new Map<string, Flag[]>();
  for (const flag of flags) groups.set(flag.group, [...(groups.get(flag.group) ?? []), flag]);
  return [...groups];
}

type Row = readonly [label: string, text: string];
type Block = (columns: number) => string;
type Section = [heading: string, block: Block | undefined];

const rowOfPositional = (positional: Positional): Row => [
  shownPositional(positional),
  positional.description + among(positional.choices),
];

function rowOfFlag(flag: Flag): Row {
  const { name, alias, placeholder } = flag;
  const value = placeholder === undefined ? '' : ` ${placeholder}`;
  return [`${alias === undefined ? '' : `-${alias}, `}--${name}${value}`, textOfFlag(flag)];
}

const textOfFlag = ({ description, choices, default: usual }: Flag): string =>
  description + among(choices) + (usual === undefined ? '' : ` (default: ${usual})`);

/** What may be chosen, after what it is for. */
const among = (choices: readonly string[]): string =>
  choices.length === 0 ? '' : `: ${listed(choices, 'or')}`;

function page(columns: number, parts: readonly (string | Section)[]): string {
  const shown = parts.flatMap((part) => {
    if (typeof part === 'string') return [wrapAnsi(part, columns)];
    const [heading, block] = part;
    return block ? [`${heading}:\n${block(columns)}`] : [];
  });
  return `${shown.join('\n\n')}\n`;
}

/** The longest label that has its text beside it. */
const widest = 24;
/** The least room that a text has beside its label. */
const minBeside = 16;
/** How far in a text is below its label. */
const below = 6;

/** Labels with their texts beside them, or below where it is narrow; undefined where there are none. */
function rows(all: readonly Row[]): Block | undefined {
  if (all.length === 0) return undefined;
  const width = Math.max(...all.map(([label]) => label.length).filter((length) => length <= widest), 0);
  return (columns) => {
    const isWide = columns - width - 4 >= minBeside;
    const indent = isWide ? width + 4 : below;
    return all
      .map(([label, text]) => {
        const hung = hang(text, indent, columns);
        return isWide && label.length <= width
          ? `  ${label.padEnd(width)}${hung.slice(width + 2)}`
          : `  ${label}\n${hung}`;
      })
      .join('\n');
  };
}

/** Calls, each with what it does below; undefined where there are none. */
const calls = (all: CommandManual['examples']): Block | undefined =>
  all.length === 0
    ? undefined
    : (columns) => all.map(([call, does]) => `  ${call}\n${hang(does, below, columns)}`).join('\n');

const hang = (text: string, indent: number, columns: number): string =>
  wrapAnsi(text, Math.max(1, columns - indent)).replaceAll(/^/gm, ' '.repeat(indent));

/*
 * The man page.
 */

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

const seeAlso: Partial<Record<string, readonly string[]>> = {
  keymaker: ['flockd(1)', 'age(1)'],
  flockd: ['keymaker(1)', 'journalctl(1)', 'systemctl(1)', 'systemd.service(5)'],
};

/** The man page of a program, in roff. @param date - as `2026-08-31`. @see man(7) */
export function manPage(manual: Manual, { version, date }: { version: string; date: string }): string {
  const { name, description, commands } = manual;
  const lines = [
    `.TH ${name.toUpperCase()} 1 ${date} ${quoted(`keymaker ${version}`)} "Manual of the flock"`,
    // Calls are copied from here: no word is broken, and no space is stretched.
    '.nh',
    '.ad l',
    ...section('NAME', [wrapAnsi(`${name} \\- ${escaped(phrase(description))}`, lineLength)]),
    ...section('SYNOPSIS', synopsis(name)),
    ...section('DESCRIPTION', paragraphs(descriptions[name] ?? [])),
    ...section('COMMANDS', [...commands.flatMap(commandLines), ...subsection('Flags of every command')]),
    ...globalFlags.flatMap(flagLines),
    ...section('FILES', [text("Below the flock's folder:"), ...files.flatMap(entryLines)]),
    ...section('ENVIRONMENT', environment.flatMap(entryLines)),
    ...section('EXIT STATUS', exitEntries.flatMap(entryLines)),
    ...section(
      'EXAMPLES',
      commands.flatMap(({ examples }) => examples.flatMap(entryLines)),
    ),
    ...section('SEE ALSO', references(seeAlso[name] ?? [])),
  ];
  return `${lines.join('\n')}\n`;
}

const section = (heading: string, lines: readonly string[]): string[] => [`.SH ${quoted(heading)}`, ...lines];
const subsection = (heading: string): string[] => [`.SS ${quoted(heading)}`];

const synopsis = (name: string): string[] => [
  `${bold(name)} ${italic('command')} [${italic('arguments')}] [${italic('flags')}]`,
  '.br',
  `${bold(name)} [${italic('command')}] ${bold('--help')}`,
  '.br',
  `${bold(name)} ${bold('--version')}`,
];

const paragraphs = (all: readonly string[]): string[] =>
  all.flatMap((paragraph, index) => (index === 0 ? [text(paragraph)] : ['.PP', text(paragraph)]));

const commandLines = (command: CommandManual): string[] => [
  ...subsection(usageOf(command)),
  text(sentence(command.summary)),
  ...command.positionals.flatMap((positional) =>
    item(italic(shownPositional(positional)), positional.description + among(positional.choices)),
  ),
  ...command.flags.flatMap(flagLines),
];

function flagLines(flag: Flag): string[] {
  const { name, alias, placeholder } = flag;
  const names = [...(alias === undefined ? [] : [`-${alias}`]), `--${name}`].map(bold).join(', ');
  return item(placeholder === undefined ? names : `${names} ${italic(placeholder)}`, textOfFlag(flag));
}

const exitEntries = exits.map((exit): Entry => [String(exitCodes[exit]), exitTexts[exit]]);

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
