import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { FlockPaths } from '../config/environment.ts';
import { FlockError } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import type { Bot, Flock } from '../flock/load.ts';
import { accountMark, introductionOf, Presence, type RunningDaemon } from './registry.ts';

export interface ClaimOptions {
  paths: Pick<FlockPaths, 'root' | 'state'>;
  /** The base of the API. */
  api: string;
  /** Told when another flockd has ended that had accounts of this flock. */
  freed?: () => void;
}

/** How long after the end of another flockd its accounts are asked for again, and after a question without an answer. Milliseconds. */
const pause = 1000;
const patience = 30_000;

/** The accounts that this flockd posts as, and no other flockd of this machine: see {@link Presence}. */
export class Claims implements AsyncDisposable {
  readonly #presence: Presence;
  readonly #options: ClaimOptions;
  /** The bots whose accounts another flockd had when they were last asked for. */
  #held = new Set<BotName>();
  readonly #watched = new Set<string>();

  private constructor(presence: Presence, options: ClaimOptions) {
    this.#presence = presence;
    this.#options = options;
  }

  /** @param options - the state folder must be there */
  static async open(options: ClaimOptions): Promise<Claims> {
    const { root, state } = options.paths;
    const presence = await Presence.announce({ root: await realpath(root), state: path.resolve(state) });
    return new Claims(presence, options);
  }

  /**
   * Takes the accounts of a flock. A bot whose account another flockd has is left out, until that one ends.
   *
   * @returns the flock as it can run, and the bots that another flockd ran until now: it has another ledger for them
   */
  async take<F extends Flock>(flock: F): Promise<{ flock: F; takenOver: BotName[] }> {
    const { api } = this.#options;
    const marks = new Map(flock.bots.map((bot) => [bot.name, accountMark(bot.bundle, api)]));
    const refusals = await this.#refusals([...marks.values()]);
    const bots: Bot[] = [];
    const misfits: Flock['misfits'] = [];
    for (const bot of flock.bots) {
      const refusal = refusals.get(marks.get(bot.name) ?? '');
      if (refusal) misfits.push({ bot: bot.name, error: refusal(bot.name) });
      else bots.push(bot);
    }
    const takenOver = bots.map(({ name }) => name).filter((name) => this.#held.has(name));
    this.#held = new Set(misfits.map(({ bot }) => bot));
    return { flock: { ...flock, bots, misfits: [...flock.misfits, ...misfits] }, takenOver };
  }

  /** What to say of the bot of each account that could not be taken, by the account's mark. */
  async #refusals(marks: readonly string[]): Promise<Map<string, Refusal>> {
    let held: Map<string, RunningDaemon>;
    try {
      held = await this.#presence.take(marks);
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      this.#askAgain(patience);
      return new Map(this.#presence.lacking(marks).map((mark) => [mark, notKnown(error)]));
    }
    const byDaemon = new Map<string, Refusal>();
    for (const daemon of new Set(held.values())) {
      byDaemon.set(daemon.id, await refusalBy(daemon));
      this.#watch(daemon);
    }
    return new Map(
      Array.from(held, ([mark, { id, pid }]) => [mark, byDaemon.get(id) ?? takenBy(pid, undefined)]),
    );
  }

  #askAgain(after: number): void {
    const { freed } = this.#options;
    if (freed) setTimeout(freed, after).unref();
  }

  #watch(daemon: RunningDaemon): void {
    if (this.#watched.has(daemon.id)) return;
    this.#watched.add(daemon.id);
    this.#presence.whenGone(daemon, () => {
      this.#watched.delete(daemon.id);
      this.#askAgain(pause);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#presence[Symbol.asyncDispose]();
  }
}

/** Says of a bot why its account could not be taken. */
type Refusal = (bot: BotName) => FlockError;

const refusalBy = async (daemon: RunningDaemon): Promise<Refusal> =>
  takenBy(daemon.pid, (await introductionOf(daemon))?.state);

const notKnown =
  ({ exit, message, hint }: FlockError): Refusal =>
  (bot) =>
    new FlockError(exit, `${bot}: cannot know whether another flockd posts as its account: ${message}`, {
      ...(hint !== undefined && { hint }),
    });

function takenBy(pid: number, state: string | undefined): Refusal {
  const where = state === undefined ? '' : `, with its ledger in ${state}`;
  return (bot) =>
    new FlockError(
      'tryLater',
      `${bot}: another flockd of this machine (pid ${pid}) posts as its account${where}`,
      { hint: 'run each bot in one flockd; this one takes it over once the other has ended' },
    );
}
