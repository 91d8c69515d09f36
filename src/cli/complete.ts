import type { FlagManual, Manual, ValueManual, VerbManual } from './manual.ts';

/** A word that could stand where the cursor is. */
export interface Candidate {
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
