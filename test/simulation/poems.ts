import type { Happening, Scenario } from './scenario.ts';

type Edit = Extract<Happening, { what: 'append' | 'fix' }>;

/** The poems of a flock while people edit them, and what may have been posted of each. */
export class Poems {
  readonly #lines: Map<string, string[]>;
  readonly #skips: boolean;
  /** How lines read before they were corrected, where they may have been posted so: bot and line. */
  readonly #before = new Map<string, string>();

  /** How many characters of a poem are there while it is being written. */
  readonly #torn = new Map<string, number>();
  /** When each was written last. Milliseconds of true time. */
  readonly #written = new Map<string, number>();

  /** How many lines X had, or was about to have, when a line was added: bot and line. */
  readonly #addedAfter = new Map<string, number>();

  constructor({ poems, bots }: Scenario) {
    this.#lines = new Map(poems);
    this.#skips = bots.some(({ settings }) => settings.refrain === 'skip');
  }

  /** A poem as its file holds it. */
  linesOf(bot: string): readonly string[] {
    return this.#lines.get(bot) ?? [];
  }

  /** What its file holds now. */
  textOf(bot: string): string {
    const text = this.linesOf(bot).join('\n');
    return text.slice(0, this.#torn.get(bot) ?? text.length);
  }

  writtenAt(bot: string): number | undefined {
    return this.#written.get(bot);
  }

  /** Its file is written anew, and as much of it is there. @param share - from 0 to 1, which is all of it */
  write(bot: string, share: number, now: number): void {
    const { length } = this.linesOf(bot).join('\n');
    this.#torn.set(bot, share >= 1 ? Infinity : Math.floor(length * share));
    this.#written.set(bot, now);
  }

  /** Every line of a poem in all its readings that may have been posted. */
  readingsOf(bot: string): string[][] {
    return this.linesOf(bot).map((line, at) => [line, this.#before.get(`${bot} ${at}`) ?? line]);
  }

  /** Whether a line was added to a poem once so many lines had been posted, or later: earlier passes did without it. */
  isAddedAfter(bot: string, line: number, posted: number): boolean {
    return (this.#addedAfter.get(`${bot} ${line}`) ?? -1) >= posted;
  }

  /** @param reached - how many lines X has, or is about to have */
  edit(edit: Edit, reached: number, now: number): void {
    const { bot } = edit;
    this.#written.set(bot, now);
    if (edit.what === 'append') {
      this.#addedAfter.set(`${bot} ${this.linesOf(bot).length}`, reached);
      this.#lines.set(bot, [...this.linesOf(bot), edit.line]);
    } else this.#fix(edit, reached);
  }

  /** Corrects a line. Where a post may have begun to say it, it may have been said the old way. */
  #fix({ bot, which, posted }: Extract<Edit, { what: 'fix' }>, reached: number): void {
    const poem = this.linesOf(bot);
    // The next post may be under way, with two lines; and of a bot that skips, X's log does not tell how far it is.
    const begun = this.#skips ? poem.length : Math.min(poem.length, reached + 2);
    const first = posted ? 0 : begun;
    if (first === poem.length) return;
    const line = first + (which % (poem.length - first));
    const text = poem[line] ?? '';
    this.#lines.set(bot, poem.with(line, `${text}, corrected`));
    if (line < begun) this.#before.set(`${bot} ${line}`, text);
  }
}
