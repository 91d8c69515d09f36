import { type Dirent, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { botOfBundle } from '../keys/bundle.ts';
import { botNameOf, formerNameOf, isPoem } from '../poems/bot-name.ts';
import { grouped } from '../text.ts';
import {
  builtManual,
  type CommandManual,
  type Flag,
  globalFlags,
  type Line,
  type Manual,
  readLine,
} from './manual.ts';

/** A word that could stand where the cursor is. */
interface Candidate {
  word: string;
  /** What it means, in a line; may be empty. */
  about: string;
}

export interface Completion {
  candidates: Candidate[];
  /** What of the disk could stand there too, for the shell to look at. */
  paths: 'none' | 'files' | 'folders';
}

/** Where the line says that the flock is. */
export interface Places {
  root: string | undefined;
  keys: string | undefined;
  poems: string | undefined;
}

export type BotsAt = (places: Places) => readonly string[];

/**
 * What could stand at the cursor.
 *
 * @param words - the line up to the cursor, without the program's name; the last is the one to complete, perhaps empty
 * @param botsAt - the names of the bots of a flock; asked only where one is wanted
 */
export function complete(
  { commands }: Pick<Manual, 'commands'>,
  words: readonly string[],
  botsAt: BotsAt,
): Completion {
  const current = words.at(-1) ?? '';
  const [called, ...before] = words.slice(0, -1);
  // A flag has begun with its dash: no other Tab should come to one.
  const isFlag = current.startsWith('-');
  if (called === undefined) return only(current, isFlag ? globalFlags.map(dashed) : commands.map(named));
  const command = commands.find(({ name }) => name === called);
  if (!command) return nothing;
  const line = readLine(before, command.flags);
  const { expecting, hasEnded } = line;
  const bots = (): readonly string[] => botsAt(placesIn(line, command));
  const may = { bots, current, dash: hasEnded };
  if (expecting) return valuesOf(expecting, may);
  const equals = hasEnded ? null : /^--([^=]+)=/.exec(current);
  if (equals) {
    const [start, name] = equals;
    const flag = command.flags.find((known) => known.name === name && known.placeholder !== undefined);
    return flag ? valuesOf(flag, { ...may, start, dash: true }) : nothing;
  }
  const positional = command.positionals[line.positionals.length];
  if (positional && (hasEnded || !isFlag)) return valuesOf(positional, may);
  return hasEnded || !isFlag
    ? nothing
    : only(current, flagsLeft([...command.flags, ...globalFlags], line).map(dashed));
}

const nothing: Completion = { candidates: [], paths: 'none' };

const named = ({ name, summary }: CommandManual): Candidate => ({ word: name, about: summary });
const dashed = ({ name, description }: Flag): Candidate => ({ word: `--${name}`, about: description });

const only = (current: string, candidates: readonly Candidate[]): Completion => ({
  candidates: candidates.filter(({ word }) => word.startsWith(current)),
  paths: 'none',
});

function placesIn({ given, positionals }: Line, command: CommandManual): Places {
  const place = (name: string): string | undefined =>
    given.findLast(({ flag }) => flag?.name === name)?.value ??
    positionals[command.positionals.findIndex((positional) => positional.name === name)];
  return { root: place('root'), keys: place('keys'), poems: place('poems') };
}

const flagsLeft = (flags: readonly Flag[], { given }: Line): Flag[] =>
  flags.filter(({ name, isList }) => isList || !given.some(({ typed }) => typed === `--${name}`));

interface May {
  bots: () => readonly string[];
  current: string;
  /** What stands before the value in the same word. */
  start?: string;
  /** Whether a name that begins with a dash would not be taken for a flag. */
  dash: boolean;
}

function valuesOf(
  { kind, suggestions }: Pick<Flag, 'kind' | 'suggestions'>,
  { bots, current, start = '', dash }: May,
): Completion {
  if (kind === 'file' || kind === 'folder') return { candidates: [], paths: `${kind}s` };
  const all = kind === 'bot' ? bots() : suggestions;
  const good = all.filter((value) => dash || !value.startsWith('-'));
  return only(
    current,
    good.map((value) => ({ word: start + value, about: '' })),
  );
}

/**
 * The names of the bots of a flock, sorted, from the names of its key bundles and poems alone. No file is opened, and what
 * cannot be read has no bots.
 *
 * @param most - the files and folders that are looked at for poems: somebody may name the whole disk as their folder
 */
export function botNames({ root = '.', keys, poems }: Places, most = 50_000): string[] {
  const folder = fromHome(root);
  const bundles = entriesOf(keys === undefined ? path.join(folder, 'keys') : fromHome(keys));
  const names = new Set<string | undefined>(bundles.map(({ name }) => botOfBundle(name)));
  const files = poemsBelow(poems === undefined ? path.join(folder, 'poems') : fromHome(poems), most);
  // A poem whose bot has a bundle under the name of an older rule has no other.
  const byFormer = [...grouped(files, formerNameOf)].filter(
    ([name, same]) => same.length > 1 || !names.has(name),
  );
  for (const file of byFormer.flatMap(([, same]) => same)) names.add(botNameOf(file));
  return [...names].filter((name) => name !== undefined).sort();
}

/** The file names of the poems below a folder, the nearest first. */
function poemsBelow(top: string, most: number): string[] {
  const folders = [top];
  const found: string[] = [];
  let left = most;
  for (const folder of folders) {
    const entries = entriesOf(folder).filter(({ name }) => !name.startsWith('.'));
    for (const entry of entries) {
      if (entry.isDirectory()) folders.push(path.join(folder, entry.name));
      else if (isPoem(entry.name)) found.push(entry.name);
    }
    left -= entries.length + 1;
    if (left < 0) break;
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** A completion sees the line before the shell has put the home folder in. */
const fromHome = (folder: string): string => folder.replace(/^~(?=\/|$)/, () => os.homedir());

/**
 * The words of a line of bash, without what quotes them; the last is the unfinished one, perhaps empty. What bash would expand is
 * left as it is: nothing is looked up, and nothing is run.
 */
export function typedWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === '' && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === quote) quote = '';
    else if (quote === '' && /['"]/.test(char)) {
      quote = char;
      word ??= '';
    } else if (char === '\\' && (quote === '' || (quote === '"' && /["$\\`]/.test(line.charAt(at + 1))))) {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else word = (word ?? '') + char;
  }
  return [...words, word ?? ''];
}

/**
 * Prints what could stand at the cursor of a shell's line: what of the disk could (`none`, `files` or `folders`), then a line
 * for each candidate, a tab between it and what it means. Whatever goes wrong, nothing is printed: somebody is typing.
 *
 * @param argv - `bash LINE`, or `zsh WORD…` and `fish WORD…` without the program's name and quotes; `--` after the shell
 */
export function answerShell(program: string, [shell, , ...rest]: readonly string[]): void {
  process.stdout.on('error', () => undefined);
  try {
    const words = shell === 'bash' ? wordsOfBash(rest[0] ?? '') : rest;
    process.stdout.write(shown(complete(builtManual(program), words, botNames)));
  } catch {
    // No completion is better than an error in the middle of a line.
  }
}

/** Variables that are set for the call stand before the program's name. */
function wordsOfBash(line: string): string[] {
  const words = typedWords(line);
  return words.slice(words.findIndex((word) => !/^\w+=/.test(word)) + 1);
}

const shown = ({ paths, candidates }: Completion): string =>
  [paths, ...candidates.map(({ word, about }) => (about === '' ? word : `${word}\t${about}`)), ''].join('\n');
