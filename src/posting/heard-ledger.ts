import { applyEvent, type BotState } from './bot-state.ts';
import { nameBefore, type LedgerEvent } from './ledger-event.ts';
import type { Ledger } from './ledger.ts';

/**
 * A ledger that also tells somebody of every event that it has kept, once it has.
 *
 * @param hear - told of an event, and of what the ledger said of its bot before
 */
export function heard(
  ledger: Ledger,
  hear: (event: LedgerEvent, before: BotState | undefined) => void,
): Ledger {
  return {
    state: (bot) => ledger.state(bot),
    states: () => ledger.states(),
    history: () => ledger.history(),
    async record(...events) {
      const before = statesBefore(ledger, events);
      await ledger.record(...events);
      events.forEach((event, index) => {
        hear(event, before[index]);
      });
    },
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

/** What the ledger says of each event's bot before it, the events before it in the same batch included. */
function statesBefore(ledger: Ledger, events: readonly LedgerEvent[]): (BotState | undefined)[] {
  const latest = new Map<string, BotState>();
  return events.map((event, index) => {
    const name = nameBefore(event);
    const before = latest.get(name) ?? ledger.state(name);
    if (index < events.length - 1) latest.set(event.bot, applyEvent(before, event));
    return before;
  });
}
