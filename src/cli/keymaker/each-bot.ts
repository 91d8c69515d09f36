import path from 'node:path';
import type { Context, Places } from '../../context.ts';
import { attemptAsync, type Exit, FlockError } from '../../errors.ts';
import { knownBots } from '../../flock/load.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import type { KeyStore } from '../../keys/store.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { findPoems, type PoemFile, readPoem } from '../../poems/find.ts';
import { type Line, linesOf } from '../../poems/poem.ts';
import { rulesOfX } from '../../poems/tweet-text.ts';
import { counted, didYouMean } from '../../text.ts';
import { withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';

/*
 * The bots that a command is about, and what became of each.
 */

/** The bots that a person named. @throws {FlockError} `usage` if one has no bundle */
export async function botsWithKeys(
  names: readonly string[],
  { keys, paths }: Pick<Context, 'keys' | 'paths'>,
  places: Places,
): Promise<BotName[]> {
  const bots = names.map(parseBotName);
  if (bots.length === 0) return [];
  const known = (await keys.list()).map(({ bot }) => bot);
  const stranger = bots.find((bot) => !known.includes(bot));
  if (stranger === undefined) return bots;
  const keymaker = withInvocationFlags(places);
  const found = await attemptAsync(findPoems(path.join(paths.root, 'poems'), knownBots(paths.root, keys)));
  const readers = found instanceof FlockError ? [] : found.poems.map(({ bot }) => bot);
  const others =
    known.length > 0
      ? `${keymaker('list')} shows the bots`
      : `make some first: ${keymaker('make-keys ./poems')}`;
  throw new FlockError('usage', `${stranger} has no key bundle in ${keys.folder}`, {
    hint: readers.includes(stranger)
      ? `make its first: ${keymaker(`make-keys ./poems --bot=${stranger}`)}`
      : didYouMean(stranger, [...known, ...readers], others),
  });
}

/** The bot's valid bundle, if any. The person is told of an invalid one, which will be replaced. */
export const oldBundle = (bot: BotName, keys: KeyStore, terminal: Terminal): Promise<KeyBundle | undefined> =>
  keys.readIfGood(bot, ({ message }) => terminal.warn(`${message}; it will be replaced`));

/**
 * The poems of a folder, or those of the bots that are named.
 *
 * @returns the poems, and why others have no bot
 * @throws {FlockError} `data` if there are no poems, `usage` if a named bot has none
 */
export async function choosePoems(
  folder: string,
  names: readonly string[],
  { paths, keys }: Context,
): Promise<{ chosen: PoemFile[]; refused: FlockError[] }> {
  const { poems, clashes, passedOver } = await findPoems(folder, knownBots(paths.root, keys));
  const unread = passedOver
    .filter(({ kind }) => kind === 'refused')
    .map(({ file, why, hint }) => new FlockError('data', `${file}: ${why}`, { hint }));
  if (poems.length + clashes.length + unread.length === 0) {
    const hint = 'a poem is a text file whose name ends in .txt';
    throw new FlockError('data', `no poems in ${folder}`, { hint });
  }
  if (names.length === 0)
    return { chosen: poems, refused: [...clashes.map(({ error }) => error), ...unread] };
  const wanted = [...new Set(names.map(parseBotName))];
  const bots = poems.map(({ bot }) => bot);
  const stranger = wanted.find((bot) => ![...poems, ...clashes].some((one) => one.bot === bot));
  if (stranger !== undefined) {
    const hint = didYouMean(stranger, bots, `the bots are ${bots.join(', ')}`);
    throw new FlockError('usage', `no poem in ${folder} belongs to a bot called ${stranger}`, { hint });
  }
  return {
    chosen: wanted.flatMap((bot) => poems.filter((poem) => poem.bot === bot)),
    refused: wanted.flatMap((bot) => clashes.filter((clash) => clash.bot === bot)).map(({ error }) => error),
  };
}

/** The lines of a poem. @throws {FlockError} `data` if it cannot be read or has nothing to post */
export const linesOfPoem = ({ file }: PoemFile): Promise<readonly Line[]> =>
  linesOf(file, { unit: 'line', rules: rulesOfX }, readPoem);

/** Counts the outcomes of several bots, and reports errors. */
export class Outcomes<Outcome extends string> {
  readonly #outcomes: Outcome[] = [];
  readonly #errors: FlockError[] = [];
  /** How many of the errors are of poems. */
  #badPoems = 0;
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  has(outcome: Outcome): boolean {
    return this.#outcomes.includes(outcome);
  }

  fail(error: FlockError): void {
    this.#errors.push(error);
    this.#terminal.warn(error.message, error.hint);
  }

  /** Reports a poem that no key is made for. */
  failPoem(error: FlockError): void {
    this.#badPoems += 1;
    this.fail(error);
  }

  count(outcome: Outcome): void {
    this.#outcomes.push(outcome);
  }

  /**
   * Counts the outcome of one bot. An error is reported and does not stop the others.
   *
   * @param isOfOne - whether the next bot may do better after an error
   * @throws {FlockError} if it would not
   */
  async add(
    work: () => Promise<Outcome | undefined>,
    isOfOne: (error: FlockError) => boolean,
  ): Promise<void> {
    try {
      const outcome = await work();
      if (outcome !== undefined) this.count(outcome);
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      if (isOfOne(error)) {
        this.fail(error);
        return;
      }
      // A question without an answer is no failure of the bot.
      if (error.exit !== 'interrupted' && error.exit !== 'usage') this.#errors.push(error);
      throw error;
    }
  }

  /** Says `Keys: 2 made, 1 kept, 0 failed.` @param kinds - the outcomes in their order */
  summarize(kinds: readonly Outcome[], failed = 'failed'): void {
    const counts = kinds.map((kind) => `${this.#outcomes.filter((one) => one === kind).length} ${kind}`);
    const failures = this.#errors.length - this.#badPoems;
    this.#terminal.say(`Keys: ${[...counts, `${failures} ${failed}`].join(', ')}.`);
    if (this.#badPoems > 0)
      this.#terminal.say(`${counted(this.#badPoems, 'poem')} cannot be posted: see above.`);
  }

  /** If every bot failed, the exit code of the first error. */
  get exit(): Exit {
    const [first] = this.#errors;
    if (!first) return 'done';
    return this.#outcomes.length === 0 ? first.exit : 'partly';
  }
}
