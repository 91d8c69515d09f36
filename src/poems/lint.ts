import type { PriceTable } from '../cost.ts';
import { grouped } from '../text.ts';
import type { Line, Split, Unit } from './poem.ts';
import { asKept, controls, type Entity, type TextRules, withoutControls } from './tweet-text.ts';

/*
 * Warnings about a poem: what its network will make of its lines that the author may not have meant. They never change what is
 * posted.
 */

/** A warning about one line. */
interface Lint {
  code: Entity['kind'] | 'refrain' | 'split' | 'leading-space' | 'control-character' | 'shared-text';
  /** The line of the file, counted from 1. */
  line: number;
  /** The warning, in one line. */
  message: string;
}

/** A warning about the poem of one of several bots. */
export interface LintOfBot extends Lint {
  bot: string;
  /** The poem's file, as messages show it. */
  file: string;
}

interface LintOptions extends Split {
  prices: PriceTable;
  /** Undefined where the network takes repetitions. */
  pace: Pace | undefined;
}

/** The warnings about a poem, in the order of its lines. */
export function lintPoem(lines: readonly Line[], { unit, rules, prices, pace }: LintOptions): Lint[] {
  const lints = [
    ...(rules.dropsLeadingSpace ? lines.flatMap((line) => leadingSpace(line, rules)) : []),
    ...lines.flatMap(lintControls),
    ...lintEntities(lines, rules, prices),
    ...lintSplits(lines, unit),
    ...(pace ? lintRefrains(lines, rules, pace) : []),
  ];
  return lints.sort((a, b) => a.line - b.line);
}

/** Warns of links, mentions, hashtags and cashtags, row by row and kind by kind: only a stanza has several rows. */
function lintEntities(lines: readonly Line[], rules: TextRules, prices: PriceTable): Lint[] {
  return lines.flatMap(({ text, at }) => {
    const entities = rules.entitiesIn(text);
    const rowOf = (entity: Entity): number => text.slice(0, entity.at).match(/\n/g)?.length ?? 0;
    const groups = grouped(entities, (entity) => `${rowOf(entity)} ${entity.kind}`);
    return [...groups.values()].flatMap((group) => {
      const [first, ...others] = group;
      if (!first) return [];
      const { kind } = first;
      const noun = kind === 'accidental-link' ? 'link' : kind;
      const areMany = others.length > 0;
      const names = group.map((entity) => entity.text).join(', ');
      const inText = entities.filter((entity) => entity.kind === kind).length;
      const effect = rules.effectOf({ kind, areMany, inText, prices });
      const message = `${names} ${areMany ? `are ${noun}s` : `is a ${noun}`}${effect}`;
      return [{ code: kind, line: at + rowOf(first), message }];
    });
  });
}

/** How a poem is posted, as far as it matters to refrains. Durations in milliseconds. */
export interface Pace {
  /** The time from one post to the next, or undefined if the schedule has fewer than two slots. */
  every: number | undefined;
  /** How long X probably refuses a repeated text, and how long it may. */
  remembers: { surely: number; maybe: number };
  refrain: 'join' | 'defer' | 'skip';
  atEnd: 'loop' | 'stop';
}

/** Warns of repeated lines: how soon they repeat, also when the poem begins again, and what the bot does if X refuses them. */
function lintRefrains(lines: readonly Line[], rules: TextRules, pace: Pace): Lint[] {
  const { length } = lines;
  const texts = lines.map(({ text }) => asKept(withoutControls(text)));
  const lints: Lint[] = [];
  /** @param posts - the number of posts after which the line repeats */
  const warn = (index: number, posts: number, message: string): void =>
    void lints.push({
      code: 'refrain',
      line: lines[index]?.at ?? 0,
      message: message + effectOfRefrain(texts, index, posts, { ...pace, rules }),
    });
  const repeats = (index: number, posts: number): string =>
    `repeats line ${lines[index]?.at ?? 0}${pace.every === undefined ? '' : `, ${distance(posts, pace.every)} after it`}`;
  const lastSeen = new Map<string, number>();
  for (const [index, text] of texts.entries()) {
    const before = lastSeen.get(text);
    lastSeen.set(text, index);
    if (before !== undefined) warn(index, index - before, repeats(before, index - before));
  }
  if (pace.atEnd === 'stop' || pace.every === undefined || length === 0) return lints;
  const whole = refusalRisk(length, pace);
  if (whole > 0) warn(0, length, `the poem begins again ${distance(length, pace.every)} after it began`);
  const seen = new Set<string>();
  for (const [index, text] of texts.entries()) {
    const last = lastSeen.get(text) ?? index;
    const gap = length - last + index;
    // The warning about the whole poem covers lines that X refuses no more probably.
    if (seen.has(text) || last === index || refusalRisk(gap, pace) <= whole) continue;
    seen.add(text);
    warn(index, gap, `when the poem begins again, ${repeats(last, gap)}`);
  }
  return lints;
}

/** Whether X refuses a line that repeats after a number of posts: 0 hardly, 1 perhaps, 2 probably. */
function refusalRisk(posts: number, { every, remembers }: Pace): 0 | 1 | 2 {
  if (every === undefined) return 1;
  if (posts * every < remembers.surely) return 2;
  return posts * every <= remembers.maybe ? 1 : 0;
}

/** What happens to a line that repeats after a number of posts. */
function effectOfRefrain(
  texts: readonly string[],
  index: number,
  posts: number,
  pace: Pace & Pick<Split, 'rules'>,
): string {
  const may = [undefined, 'X may refuse it', 'X will probably refuse it'][refusalRisk(posts, pace)];
  if (may === undefined) return '';
  const obstacle = whyNotJoined(texts, index, pace.rules);
  const policies = {
    join:
      obstacle === undefined
        ? 'it goes into one post with the line after it'
        : `it waits until X takes it (${obstacle})`,
    defer: 'it waits until X takes it',
    skip: 'it is passed over',
  };
  return `: ${may}, and then ${policies[pace.refrain]}`;
}

/** Why a line cannot be joined with the next one, if it cannot. */
function whyNotJoined(texts: readonly string[], index: number, { fits }: TextRules): string | undefined {
  const following = texts[index + 1];
  if (following === undefined) return texts.length === 1 ? 'it is the only line' : 'it is the last line';
  const isFit = fits(`${texts[index] ?? ''}\n${following}`);
  return isFit ? undefined : 'the line after it does not fit into its post';
}

const units = [
  ['years', 365.25 * 86_400_000],
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1000],
] as const;

/** `about 3 hours`: in the largest unit that gives 2 or more. @param every - the time from one post to the next */
function distance(posts: number, every: number): string {
  const [unit, length] = units.find(([, ms]) => posts * every >= 1.95 * ms) ?? ['seconds', 1000];
  return `about ${Math.round((posts * every) / length)} ${unit}`;
}

function leadingSpace({ text, at }: Line, { title }: TextRules): Lint[] {
  const { length } = /^\s*/u.exec(text)?.[0] ?? '';
  if (length === 0) return [];
  const spaces = length === 1 ? 'a space' : `${length} spaces`;
  return [{ code: 'leading-space', line: at, message: `begins with ${spaces}, which ${title} drops` }];
}

/**
 * Warns of control characters, which are not posted. Those of C1 are quotes and dashes of a Windows-1252 file that was read as
 * Latin-1.
 */
function lintControls({ text, at }: Line): Lint[] {
  return text.split('\n').flatMap((row, index) => {
    const names = [...new Set(Array.from(row.matchAll(controls), ([control]) => nameOf(control)))];
    if (names.length === 0) return [];
    const [s, them] = names.length === 1 ? ['', 'it'] : ['s', 'them'];
    const why = /[\x80-\x9f]/.test(row)
      ? '; they were quotes or dashes where a Windows-1252 file was converted as Latin-1: convert it again, with iconv -f windows-1252 -t utf-8'
      : '';
    const message = `holds the control character${s} ${names.join(', ')}, and is posted without ${them}${why}`;
    return [{ code: 'control-character', line: at + index, message }];
  });
}

/** The name of a control character; of an escape sequence, of its first. */
const nameOf = (control: string): string => {
  const code = control.codePointAt(0) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}${controlNames[code] ?? ''}`;
};

const controlNames: Record<number, string> = {
  0x07: ' (BEL)',
  0x08: ' (backspace)',
  0x0b: ' (vertical tab)',
  0x0c: ' (form feed)',
  0x1a: ' (^Z, the end of a DOS file)',
  0x1b: ' (ESC)',
  0x7f: ' (DEL)',
};

/** Warns of lines or stanzas that are too long for one post, and says where they break. */
function lintSplits(lines: readonly Line[], unit: Unit): Lint[] {
  const lints: Lint[] = [];
  for (let from = 0, to = 1; from < lines.length; from = to, to = from + 1) {
    while ((lines[to]?.part?.nth ?? 0) > 0) to++;
    const [first, ...rest] = lines.slice(from, to);
    if (!first || rest.length === 0) continue;
    const breaks = rest.slice(0, maxBreaks).map((piece) => breakBefore(piece, first));
    const more = rest.length > maxBreaks ? ', …' : '';
    const what = unit === 'stanza' ? 'this stanza' : 'this line';
    const message = `${what} is too long for one post and makes ${rest.length + 1}: it breaks before ${breaks.join(', ')}${more}`;
    lints.push({ code: 'split', line: first.at, message });
  }
  return lints;
}

const maxBreaks = 3;

/** The first words of a post, `“and the tide…”`, and its line if that differs from the first post's. */
function breakBefore({ text, at }: Line, first: Line): string {
  const words = text.trim().split(/\s+/u).slice(0, 3).join(' ');
  const begin = Array.from(words).slice(0, 24).join('');
  const shown = `“${begin}${begin.length < text.trim().length ? '…' : ''}”`;
  return at === first.at ? shown : `line ${at}, ${shown}`;
}

/** The poem of one of several bots. The file is as messages show it. */
type PoemOf = Pick<LintOfBot, 'bot' | 'file'> & { lines: readonly Line[] };

/**
 * Warns of texts that two bots of X share, which X forbids: once for each pair of bots, with the first line and the number of texts.
 * A text that many bots share is counted only between the first of them and each other one, so that there are never more pairs
 * than lines.
 */
export function findSharedTexts(poems: Iterable<PoemOf>): LintOfBot[] {
  /** The first bot that has a text, and the line. */
  const holders = new Map<string, { poem: PoemOf; at: number }>();
  const pairs = new Map<string, { poem: PoemOf; at: number; message: string; texts: Set<string> }>();
  for (const poem of poems) {
    for (const { text, at } of poem.lines) {
      const kept = asKept(withoutControls(text));
      const first = holders.get(kept);
      if (!first) holders.set(kept, { poem, at });
      else if (first.poem.bot !== poem.bot) {
        const key = `${first.poem.bot}\n${poem.bot}`;
        const message = `${first.poem.bot} has this text too (${first.poem.file}:${first.at})`;
        const pair = pairs.get(key) ?? { poem, at, message, texts: new Set() };
        pairs.set(key, pair);
        pair.texts.add(kept);
      }
    }
  }
  return Array.from(pairs.values(), ({ poem: { bot, file }, at, message, texts }) => {
    const others = texts.size > 1 ? `, and ${texts.size - 1} more of this poem` : '';
    const whole = `${message}${others}: X forbids one text on two accounts`;
    return { code: 'shared-text', bot, file, line: at, message: whole };
  });
}
