import type { Cursor } from '../ledger/state.ts';
import { asKept, withoutControls } from '../poems/tweet-text.ts';
import type { BotSettings } from '../config/flock-file.ts';
import type { NetworkName } from '../networks/network.ts';

/** A text that an account posted, or that its network refused as a repetition. Milliseconds since 1970. */
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
  network: NetworkName;
}

/** How an account says otherwise: a line once too often, a line left out, or a text that has no place there. */
interface Break {
  what: 'twice' | 'skipped' | 'strange';
  /** Where in the poem, counted from 1. */
  line: number;
  instant: number;
}

/** What an account says, held against the poem. */
export type Checked = Pick<Reader, 'breaks' | 'joined' | 'passedOver' | 'next'>;

/**
 * Reads an account as a stranger would, who has the poem and has never seen a ledger: are its posts the poem's lines, in order,
 * none twice, none left out?
 *
 * @param posts - all of them, oldest first
 * @param repeats - what its network refused as a repetition, oldest first
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

/** How a network keeps a line: X composes its characters and trims it, the others take it as it is. */
const keeping = (network: NetworkName) => (text: string) =>
  network === 'x' ? asKept(withoutControls(text)) : withoutControls(text);

/** How far from its place a text is looked for that is not the one expected. Lines. */
const around = 50;

class Reader {
  readonly breaks: Break[] = [];
  /** Posts of two lines: a refrain with its follower. */
  joined = 0;
  /** Refrains that X refused, and that `refrain: skip` lets go. */
  passedOver = 0;
  /** The first line that was not said; as many as the poem has lines where all were. */
  next: number;
  #texts: readonly string[];
  #said: readonly string[];
  readonly #expected: Expected;
  readonly #kept: (text: string) => string;
  readonly #ahead: Set<number>;
  readonly #repeats: readonly RehearsedPost[];
  /** The first repetition that X refused since the last post. */
  #repeat = 0;
  /** Lines read so far. */
  #lines = 0;

  constructor(expected: Expected, repeats: readonly RehearsedPost[]) {
    this.#expected = expected;
    this.#kept = keeping(expected.network);
    this.#texts = expected.texts;
    this.#said = this.#texts.map(this.#kept);
    this.#repeats = expected.refrain === 'skip' ? repeats : [];
    this.next = expected.from.next;
    this.#ahead = new Set(expected.from.ahead);
  }

  read({ text, instant }: RehearsedPost): void {
    this.#beginAgain();
    this.#passOver(text, instant);
    while ((this.#repeats[this.#repeat]?.instant ?? Infinity) < instant) this.#repeat++;
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
    const { atEnd, again } = this.#expected;
    if (this.next < this.#texts.length || atEnd === 'stop') return;
    this.next = 0;
    this.#ahead.clear();
    if (again === undefined || this.#texts === again) return;
    this.#texts = again;
    this.#said = again.map(this.#kept);
  }

  /** Passes over refrains that were refused since the last post. */
  #passOver(text: string, instant: number): void {
    for (const _ of this.#texts) {
      const said = this.#said[this.next];
      if (said === undefined || said === text || !this.#isRefused(said, instant)) return;
      this.passedOver++;
      this.#done();
      this.#beginAgain();
    }
  }

  /** Whether X has refused a text as a repetition since the last post. */
  #isRefused(said: string, until: number): boolean {
    for (let n = this.#repeat; n < this.#repeats.length; n++) {
      const { text, instant = Infinity } = this.#repeats[n] ?? {};
      if (instant > until) return false;
      if (text === said) return true;
    }
    return false;
  }

  #isJoined(text: string): boolean {
    const [line, following] = [this.#texts[this.next], this.#texts[this.next + 1]];
    if (line === undefined || following === undefined || this.#ahead.has(this.next + 1)) return false;
    return text === this.#kept(`${line}\n${following}`);
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
      const comes = after > this.next ? !this.#ahead.has(after) : this.#expected.atEnd === 'loop';
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
