import type { LedgerEvent } from '../ledger/events.ts';
import { heard, type Ledger } from '../ledger/journal.ts';
import type { BotState } from '../ledger/state.ts';
import { isFinished } from '../posting/cursor.ts';
import type { Stretch } from '../schedule/calendar.ts';

/** What the ledger was told about one bot. */
export interface Tally {
  /** The slot of each post, by the post's id. */
  slots: Map<string, number>;
  /** How often a post was refused, by the reason. */
  refused: Map<string, number>;
  /** Posts that were in doubt, and that the timeline has settled. */
  settled: number;
  /** Slots without a post of their own. */
  missed: number;
}

/** Adds up what a ledger is told, for each bot. */
export class Tallies {
  readonly #tallies = new Map<string, Tally>();
  readonly #slotsIn: (bot: string, stretch: Stretch) => number;

  /** @param slotsIn - how many slots a bot has in a stretch of time */
  constructor(slotsIn: (bot: string, stretch: Stretch) => number) {
    this.#slotsIn = slotsIn;
  }

  of(bot: string): Tally {
    const known = this.#tallies.get(bot);
    if (known) return known;
    const fresh = {
      slots: new Map<string, number>(),
      refused: new Map<string, number>(),
      settled: 0,
      missed: 0,
    };
    this.#tallies.set(bot, fresh);
    return fresh;
  }

  /** The ledger, heard by these tallies. */
  hear(ledger: Ledger): Ledger {
    return heard(ledger, (event, before) => {
      this.#note(event, before);
    });
  }

  #note(event: LedgerEvent, before: BotState | undefined): void {
    const tally = this.of(event.bot);
    if (event.event === 'refused') tally.refused.set(event.why, (tally.refused.get(event.why) ?? 0) + 1);
    // Slots after the end of a poem that is not to begin again are nobody's.
    if (event.event === 'missed' && before && !isFinished(before.place))
      tally.missed += this.#slotsIn(event.bot, { from: before.served, until: event.until });
    if (!before?.open) return;
    const isSettled = event.event === 'absent' || (event.event === 'posted' && event.by === 'timeline');
    if (isSettled && before.open.look === undefined) tally.settled++;
    if (event.event === 'posted') this.#posted(tally, before, event.id ?? '');
  }

  #posted(tally: Tally, { open, served }: BotState, id: string): void {
    if (!open) return;
    tally.slots.set(id, open.slot);
    const slots = this.#slotsIn(open.bot, { from: served, until: open.until });
    if (slots > 1) tally.missed += slots - 1;
  }
}
