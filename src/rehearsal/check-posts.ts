import type { Cursor } from '../ledger/state.ts';
import { asKept, withoutControls } from '../poems/tweet-text.ts';
import type { BotSettings } from '../config/flock-file.ts';

/** A text that an account posted, or that X refused as a repetition. Milliseconds since 1970. */
export interface RehearsedPost {
  text: string;
  instant: number;
}

/** What a bot's account should say: the poem from a place on. */
export interface Expected {
  /** The poem's lines; at least one. */
  texts: readonly string[];
  /** The same when the poem begins again, where it is split otherwise then. */
  again?: readonly string[];
  from: Pick<Cursor, 'next' | 'ahead'>;
  atEnd: 'loop' | 'stop';
  refrain: BotSettings['refrain'];
}

/** How an account says otherwise: a line once too often, a line left out, or a text that has no place there. */
export interface Break {
  what: 'twice' | 'skipped' | 'strange';
  /** Where in the poem, counted from 1. */
  line: number;
  instant: number;
}

/** What an account says, held against the poem. */
export interface Checked {
  breaks: readonly Break[];
  /** Posts of two lines: a refrain with its follower. */
  joined: number;
  /** Refrains that X refused, and that `refrain: skip` lets go. */
  passedOver: number;
  /** The first line that was not said; as many as the poem has lines where all were. */
  next: number;
}

/**
 * Reads an account as a stranger would, who has the poem and has never seen a ledger: are its posts the poem's lines, in order,
 * none twice, none left out?
 *
 * @param posts - all of them, oldest first
 * @param repeats - what X refused as a repetition, oldest first
 */
export function checkPosts(
  expected: Expected,
  posts: readonly RehearsedPost[],
  repeats: readonly RehearsedPost[],
): Checked {
  const reader = new Reader(expected, repeats);
  for (const post of posts) reader.read(post);
  return reader;
}

/** A line as X keeps it. */
const kept = (text: string): string => asKept(withoutControls(text));

/** How far from its place a text is looked for that is not the one expected. Lines. */
const around = 50;

class Reader implements Checked {
  readonly breaks: Break[] = [];
  joined = 0;
  passedOver = 0;
  next: number;
  #texts: readonly string[];
  #said: readonly string[];
  readonly #again: readonly string[];
  readonly #atEnd: 'loop' | 'stop';
  readonly #refusals: Refusals | undefined;
  #ahead: Set<number>;
  /** Lines read so far. */
  #lines = 0;

  constructor({ texts, again = texts, from, atEnd, refrain }: Expected, repeats: readonly RehearsedPost[]) {
    this.#texts = texts;
    this.#said = texts.map(kept);
    this.#again = again;
    this.#atEnd = atEnd;
    this.#refusals = refrain === 'skip' ? new Refusals(repeats) : undefined;
    this.next = from.next;
    this.#ahead = new Set(from.ahead);
  }

  read({ text, instant }: RehearsedPost): void {
    this.#beginAgain();
    this.#passOver(text, instant);
    this.#refusals?.forgetUntil(instant);
    if (text === this.#said[this.next]) this.#done();
    else if (this.#isJoined(text)) {
      this.joined++;
      this.#done();
      this.#done();
    } else this.#stumble(text, instant);
  }

  #done(): void {
    this.#lines++;
    do this.next++;
    while (this.#ahead.has(this.next));
  }

  #beginAgain(): void {
    if (this.next < this.#texts.length || this.#atEnd === 'stop') return;
    this.next = 0;
    this.#ahead.clear();
    if (this.#texts === this.#again) return;
    this.#texts = this.#again;
    this.#said = this.#again.map(kept);
  }

  /** Passes over refrains that were refused since the last post. */
  #passOver(text: string, instant: number): void {
    for (const _ of this.#texts) {
      const said = this.#said[this.next];
      if (said === undefined || said === text || this.#refusals?.has(said, instant) !== true) return;
      this.passedOver++;
      this.#done();
      this.#beginAgain();
    }
  }

  #isJoined(text: string): boolean {
    const [line, following] = [this.#texts[this.next], this.#texts[this.next + 1]];
    if (line === undefined || following === undefined || this.#ahead.has(this.next + 1)) return false;
    return text === kept(`${line}\n${following}`);
  }

  /** Says what is wrong, and goes on at the nearest line that has this text. */
  #stumble(text: string, instant: number): void {
    const all = this.#texts.length;
    const note = (what: Break['what'], line: number): void =>
      void this.breaks.push({ what, line: line + 1, instant });
    for (let distance = 1; distance <= Math.min(around, all); distance++) {
      const before = this.#lineAt(this.next - distance);
      if (distance <= this.#lines && this.#said[before] === text) {
        note('twice', before);
        return;
      }
      const after = this.#lineAt(this.next + distance);
      const comes = after > this.next ? !this.#ahead.has(after) : this.#atEnd === 'loop';
      if (!comes || this.#said[after] !== text) continue;
      while (this.next !== after) {
        note('skipped', this.next);
        this.#done();
        this.#beginAgain();
      }
      this.#done();
      return;
    }
    note('strange', Math.min(this.next, all - 1));
  }

  /** The poem begins again after its end, and had an end before its beginning. */
  #lineAt(line: number): number {
    const all = this.#texts.length;
    return (line + all) % all;
  }
}

/** What X has refused as a repetition since the last post. */
class Refusals {
  readonly #repeats: readonly RehearsedPost[];
  #from = 0;

  constructor(repeats: readonly RehearsedPost[]) {
    this.#repeats = repeats;
  }

  forgetUntil(instant: number): void {
    while ((this.#repeats[this.#from]?.instant ?? Infinity) < instant) this.#from++;
  }

  has(text: string, until: number): boolean {
    for (let n = this.#from; n < this.#repeats.length; n++) {
      const repeat = this.#repeats[n];
      if (!repeat || repeat.instant > until) return false;
      if (repeat.text === text) return true;
    }
    return false;
  }
}
