import { LiveStatus } from '../flock/read-status.ts';
import { type BotFiles, statusOfAll } from '../flock/status.ts';
import { flockView, type FlockView, recentPosts } from '../flock/view.ts';
import { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import { readPoem } from '../poems/find.ts';
import { Turns } from '../yield.ts';
import { BotFilesShelf } from './bot-files-shelf.ts';
import type { MonitorParts } from './monitor-parts.ts';
import { PostTexts } from './post-texts.ts';
import { SlotForecast } from './slot-forecast.ts';

/** A view is built again no sooner than this after the last one. Milliseconds. */
const freshFor = 1000;

/** So many times as long as a view took to build, the next one waits: the rest of the time is for posts. */
const share = 20;

/** Views of a running flock: one for all who ask, at most a second old, and none where nobody asks. */
export class ViewDesk {
  readonly #parts: MonitorParts;
  readonly #shelf = new BotFilesShelf();
  readonly #status: LiveStatus;
  readonly #texts = new PostTexts(readPoem);
  readonly #forecast: SlotForecast;
  /** How long the last view took, without the turns of others. Milliseconds. */
  #took = 0;
  #newest: { at: number; fresh: number; view: Promise<FlockView> } | undefined;

  constructor(parts: MonitorParts) {
    this.#parts = parts;
    this.#status = new LiveStatus(parts.ledger);
    this.#forecast = new SlotForecast(parts.clock);
  }

  /** The flock as it stands. */
  view(): Promise<FlockView> {
    const { clock } = this.#parts;
    const at = clock.elapsed();
    const newest = this.#newest;
    if (newest && at - newest.at < newest.fresh) return newest.view;
    const next = { at, fresh: Infinity, view: this.#read() };
    next.view.then(
      () => (next.fresh = Math.max(freshFor, this.#took * share)),
      () => (next.fresh = 0),
    );
    this.#newest = next;
    return next.view;
  }

  /** Something was done: the next view is a new one. */
  forget(): void {
    this.#newest = undefined;
  }

  /** Reads what is on the disk, then builds the view. */
  async #read(): Promise<FlockView> {
    const { flock: current, ledger, clock } = this.#parts;
    const { bots, purse } = current();
    const files = await this.#shelf.files(current());
    await this.#texts.find(recentPosts(ledger.history()), bots, clock.elapsed());
    await this.#forecast.count({ files, purse });
    this.#status.takeUp(files);
    const turns = new Turns();
    const view = await this.#build(files, turns);
    this.#took = turns.worked;
    return view;
  }

  /** Everything in it is of one moment, though others have their turns before it is done. */
  async #build(files: readonly BotFiles[], turns: Turns): Promise<FlockView> {
    const { flock, ledger, clock, isStopped: stopped, version, pages } = this.#parts;
    const { purse, keyless: withoutKey } = flock();
    const keyless = withoutKey.map(({ name }) => name);
    const history = new FlockHistory(ledger.history().toJSON());
    const states = new Map(ledger.states());
    const isStopped = stopped();
    const now = clock.now();
    const { timezone } = purse;
    const { textOf } = this.#texts;
    const stateOf = (bot: string): BotState | undefined => states.get(bot);
    const moment = { history, purse, isStopped, now, pages };
    const all = statusOfAll(states.values(), moment);
    const status = { flock: all, bots: await turns.all(this.#status.each(moment, stateOf)) };
    const planned = await this.#forecast.planned(
      { ...moment, files, standing: status.bots, state: stateOf },
      turns,
    );
    const input = {
      now,
      version,
      timezone,
      status,
      files,
      keyless,
      stateOf,
      history,
      textOf,
      planned,
      pages,
    };
    return turns.through(flockView(input));
  }
}
