import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ownFile } from '../fs.ts';
import { botOfBundle } from '../keys/bundle.ts';
import { botNameOf, formerNameOf, isPoem } from '../poems/bot-name.ts';
import { grouped } from '../text.ts';
import type { FlagManual, Manual, ValueManual, VerbManual } from './help.ts';

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
  { verbs, everywhere }: Pick<Manual, 'verbs' | 'everywhere'>,
  words: readonly string[],
  botsAt: BotsAt,
): Completion {
  const current = words.at(-1) ?? '';
  const [called, ...before] = words.slice(0, -1);
  // A flag has begun with its dash: no other Tab should come to one.
  const isFlag = current.startsWith('-');
  if (called === undefined) return only(current, isFlag ? everywhere.map(dashed) : verbs.map(named));
  const verb = verbs.find(({ name }) => name === called);
  if (!verb) return nothing;
  const typed = read(before, verb);
  const { waiting, hasEnded } = typed;
  const bots = (): readonly string[] => botsAt(placesIn(typed, verb));
  const may = { bots, current, dash: hasEnded };
  if (waiting) return valuesOf(waiting, may);
  const equals = hasEnded ? null : /^--([^=]+)=/.exec(current);
  if (equals) {
    const [start, name] = equals;
    const flag = verb.flags.find((known) => known.name === name && known.shown !== undefined);
    return flag ? valuesOf(flag, { ...may, start, dash: true }) : nothing;
  }
  const word = verb.words[typed.words.length];
  if (word && (hasEnded || !isFlag)) return valuesOf(word, may);
  return hasEnded || !isFlag
    ? nothing
    : only(current, flagsLeft([...verb.flags, ...everywhere], typed).map(dashed));
}

const nothing: Completion = { candidates: [], paths: 'none' };

const named = ({ name, summary }: VerbManual): Candidate => ({ word: name, about: summary });
const dashed = ({ name, about }: FlagManual): Candidate => ({ word: `--${name}`, about });

const only = (current: string, candidates: readonly Candidate[]): Completion => ({
  candidates: candidates.filter(({ word }) => word.startsWith(current)),
  paths: 'none',
});

/** What was typed after the verb and before the cursor. */
interface Typed {
  words: string[];
  flags: Map<string, string>;
  /** The flag whose value the cursor is at. */
  waiting: FlagManual | undefined;
  /** Whether `--` has ended the flags. */
  hasEnded: boolean;
}

function read(before: readonly string[], verb: VerbManual): Typed {
  const typed: Typed = { words: [], flags: new Map(), waiting: undefined, hasEnded: false };
  for (const part of before) {
    if (typed.waiting) {
      typed.flags.set(typed.waiting.name, part);
      typed.waiting = undefined;
    } else if (typed.hasEnded || !part.startsWith('-')) typed.words.push(part);
    else if (part === '--') typed.hasEnded = true;
    else {
      const [name = '', ...value] = part.replace(/^--?/, '').split('=');
      typed.flags.set(name, value.join('='));
      if (value.length > 0) continue;
      typed.waiting = verb.flags.find((flag) => flag.name === name && flag.shown !== undefined);
    }
  }
  return typed;
}

function placesIn({ flags, words }: Typed, verb: VerbManual): Places {
  const place = (name: string): string | undefined =>
    flags.get(name) ?? words[verb.words.findIndex((word) => word.name === name)];
  return { root: place('root'), keys: place('keys'), poems: place('poems') };
}

const flagsLeft = (flags: readonly FlagManual[], typed: Typed): FlagManual[] =>
  flags.filter(({ name, isMany }) => isMany || !typed.flags.has(name));

interface May {
  bots: () => readonly string[];
  current: string;
  /** What stands before the value in the same word. */
  start?: string;
  /** Whether a name that begins with a dash would not be taken for a flag. */
  dash: boolean;
}

function valuesOf({ kind, suggested }: ValueManual, { bots, current, start = '', dash }: May): Completion {
  if (kind === 'file' || kind === 'folder') return { candidates: [], paths: `${kind}s` };
  const all = kind === 'bot' ? bots() : suggested;
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
    process.stdout.write(shown(complete(readManual(program), words, botNames)));
  } catch {
    // No completion is better than an error in the middle of a line.
  }
}

/** Variables that are set for the call stand before the program's name. */
function wordsOfBash(line: string): string[] {
  const words = typedWords(line);
  return words.slice(words.findIndex((word) => !/^\w+=/.test(word)) + 1);
}

/** The build wrote it from this very program's tables, and to parse it would take as long as all the rest. */
const readManual = (program: string): Manual =>
  JSON.parse(readFileSync(ownFile(`dist/man/${program}.json`), 'utf8')) as Manual;

const shown = ({ paths, candidates }: Completion): string =>
  [paths, ...candidates.map(({ word, about }) => (about === '' ? word : `${word}\t${about}`)), ''].join('\n');
