import { type Dirent, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { botOfBundle } from '../keys/store.ts';
import { botNameOf, formerNameOf, isPoem } from '../poems/bot-name.ts';
import { grouped } from '../text.ts';
import {
  type Argument,
  builtManual,
  type CommandManual,
  globalFlags,
  type Line,
  type Manual,
  readLine,
} from './manual.ts';

/** A completion of the word at the cursor. */
interface Candidate {
  word: string;
  /** Its meaning, in a line; may be empty. */
  about: string;
}

interface Completion {
  candidates: Candidate[];
  /** The paths that the shell should offer, too. */
  paths: 'none' | 'files' | 'folders';
}

/** The folders of the flock that a line names. */
export interface Places {
  root: string | undefined;
  keys: string | undefined;
  poems: string | undefined;
}

const nothing: Completion = { candidates: [], paths: 'none' };

/**
 * Completes the last word of a line.
 *
 * @param words - the line up to the cursor, without the program's name; the last may be empty
 * @param botsAt - the names of the bots of a flock; called only if one is wanted
 */
export function complete(
  { commands, pages }: Pick<Manual, 'commands' | 'pages'>,
  words: readonly string[],
  botsAt: (places: Places) => readonly string[],
): Completion {
  const current = words.at(-1) ?? '';
  const [called, ...before] = words.slice(0, -1);
  // Flags are offered only after a dash, so that Tab shows the commands and bots.
  const isFlag = current.startsWith('-');
  if (called === undefined)
    return only(current, isFlag ? globalFlags.map(dashed) : [...commands.map(named), helpWord]);
  if (called === 'help' && before.length === 0)
    return only(current, [
      ...commands.map(named),
      ...pages.map((word) => ({ word, about: 'a page of the manual' })),
    ]);
  const command = commands.find(({ name }) => name === called);
  if (!command) return nothing;
  const line = readLine(before, command.flags);
  const { expecting, given, hasEnded, positionals } = line;
  /** @param start - the part of the word before the value */
  const values = ({ kind, suggestions }: Pick<Argument, 'kind' | 'suggestions'>, start = ''): Completion => {
    if (kind === 'file' || kind === 'folder') return { candidates: [], paths: `${kind}s` };
    const all = kind === 'bot' ? botsAt(placesIn(line, command)) : suggestions;
    // Elsewhere a name that begins with a dash would be read as a flag.
    const valid = hasEnded || start !== '' ? all : all.filter((value) => !value.startsWith('-'));
    return only(
      current,
      valid.map((value) => ({ word: start + value, about: '' })),
    );
  };
  if (expecting) return values(expecting);
  if (hasEnded || !isFlag) {
    const positional = command.positionals[positionals.length];
    return positional ? values(positional) : nothing;
  }
  const [start, name] = /^--([^=]+)=/.exec(current) ?? [];
  if (start !== undefined) {
    const flag = command.flags.find((known) => known.name === name && known.placeholder !== undefined);
    return flag ? values(flag, start) : nothing;
  }
  const left = [...command.flags, ...globalFlags].filter(
    (flag) => flag.isList || !given.some(({ typed }) => typed === `--${flag.name}`),
  );
  return only(current, left.map(dashed));
}

/** It is no command, since it shows the help of commands. */
const helpWord: Candidate = { word: 'help', about: 'Show the help of a command, or a page of the manual' };

const named = ({ name, summary }: CommandManual): Candidate => ({ word: name, about: summary });
const dashed = ({ name, description }: Argument): Candidate => ({ word: `--${name}`, about: description });

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

/**
 * The sorted names of the bots of a flock, by the file names of its key bundles and poems. No file is opened. A folder that
 * cannot be read has no bots.
 *
 * @param maxEntries - the maximum number of files and folders to search for poems: the folder may be the whole disk
 */
export function botNames({ root = '.', keys, poems }: Places, maxEntries = 50_000): string[] {
  const folder = fromHome(root);
  const bundles = entriesOf(keys === undefined ? path.join(folder, 'keys') : fromHome(keys));
  const names = new Set<string | undefined>(bundles.map(({ name }) => botOfBundle(name)));
  const files = poemsBelow(poems === undefined ? path.join(folder, 'poems') : fromHome(poems), maxEntries);
  // A poem whose bot has a bundle under a name of the older rule has no other bot.
  const byFormer = [...grouped(files, formerNameOf)].filter(
    ([name, same]) => same.length > 1 || !names.has(name),
  );
  for (const file of byFormer.flatMap(([, same]) => same)) names.add(botNameOf(file));
  return [...names].filter((name) => name !== undefined).sort();
}

/** The file names of the poems below a folder, the nearest first. */
function poemsBelow(top: string, maxEntries: number): string[] {
  const folders = [top];
  const found: string[] = [];
  let left = maxEntries;
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

/** The shell has not yet replaced `~` in the line. */
const fromHome = (folder: string): string => folder.replace(/^~(?=\/|$)/, () => os.homedir());

/**
 * The words of a line of bash, unquoted. The last one is unfinished, and may be empty. Nothing is expanded or run.
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
 * Prints the completions of a line: first `none`, `files` or `folders`, the paths that the shell should offer, then a line for
 * each candidate: the word, a tab and its meaning. After an error nothing is printed, since the person is typing.
 *
 * @param argv - the shell, `--`, and the line: in one word for bash, in unquoted words without the program's name for others
 */
export function answerShell(program: string, [shell, , ...rest]: readonly string[]): void {
  process.stdout.on('error', () => undefined);
  try {
    const words = shell === 'bash' ? wordsOfBash(rest[0] ?? '') : rest;
    process.stdout.write(shown(complete(builtManual(program), words, botNames)));
  } catch {
    // No completion is better than an error message in the line.
  }
}

/** The words after the program's name, which may follow variables of its environment. */
function wordsOfBash(line: string): string[] {
  const words = typedWords(line);
  return words.slice(words.findIndex((word) => !/^\w+=/.test(word)) + 1);
}

const shown = ({ paths, candidates }: Completion): string =>
  [paths, ...candidates.map(({ word, about }) => (about === '' ? word : `${word}\t${about}`)), ''].join('\n');
