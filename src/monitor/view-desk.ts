import { flockView, recentPosts, type FlockView } from '../flock/flock-view.ts';
import { LiveStatus } from '../flock/live-status.ts';
import { readPoem } from '../poems/read-poems.ts';
import type { BotState } from '../posting/bot-state.ts';
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
  #files: Awaited<ReturnType<BotFilesShelf['files']>> = [];
  /** How long nothing else was done for the last view. Milliseconds. */
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

  /** Reads what is on the disk, then builds the view at once: everything in it is of one moment. */
  async #read(): Promise<FlockView> {
    const { flock: current, ledger, clock } = this.#parts;
    const { bots, purse } = current();
    const files = await this.#shelf.files(current());
    await this.#texts.find(recentPosts(ledger.history()), bots, clock.elapsed());
    await this.#forecast.count({ files, purse });
    if (files !== this.#files) this.#status.takeUp(files);
    this.#files = files;
    const began = clock.elapsed();
    const view = this.#build();
    this.#took = clock.elapsed() - began;
    return view;
  }

  #build(): FlockView {
    const { flock, ledger, clock, isStopped: stopped, version, pages } = this.#parts;
    const { purse } = flock();
    const files = this.#files;
    const history = ledger.history();
    const isStopped = stopped();
    const now = clock.now();
    const stateOf = (bot: string): BotState | undefined => ledger.state(bot);
    const status = this.#status.read({ purse, isStopped, now, pages });
    const planned = this.#forecast.planned({
      files,
      standing: status.bots,
      state: stateOf,
      history,
      purse,
      isStopped,
    });
    const { timezone } = purse;
    const { textOf } = this.#texts;
    return flockView({ now, version, timezone, status, files, stateOf, history, textOf, planned, pages });
  }
}
