import type { Clock } from '../clock.ts';
import type { Bot } from '../flock/load-flock.ts';
import { linesOf } from '../poems/lines-of.ts';
import type { XClient } from '../x/x-client.ts';
import type { BotState } from './bot-state.ts';
import type { Purse } from './budget.ts';
import { eventsOfFound } from './found-events.ts';
import { foundSince } from './found-since.ts';
import type { Intent } from './ledger-event.ts';
import type { Ledger } from './ledger.ts';
import { beginOfLook } from './look-for.ts';
import { priceWithout } from './price-post.ts';
import { readSince, type Settled } from './reconcile.ts';

export interface LookBackOptions {
  ledger: Ledger;
  x: XClient;
  clock: Clock;
  purse: Purse;
  readPoem: (file: string) => Promise<string>;
}

/**
 * Writes down all that a restored bot has posted since its state was saved, by one look at its timeline.
 *
 * @param open - what `lookFor` has put in doubt, or what was in doubt when the state was saved
 * @throws {FlockError} `io` from the ledger, `data` where the poem cannot be read
 */
export async function lookBack(
  { name: bot, bundle, settings, poemFile }: Bot,
  state: BotState,
  open: Intent,
  { ledger, x, clock, purse, readPoem }: LookBackOptions,
): Promise<Settled> {
  const lines = await linesOf(poemFile, settings.unit, readPoem);
  const from = { ...open, at: beginOfLook(state) };
  const read = await readSince({ open: from, userId: bundle.userId, x, clock, prices: purse.prices });
  if ('unreadable' in read) return read;
  const found = foundSince({ state, lines, timeline: read.timeline, atEnd: settings.atEnd });
  const at = clock.now();
  const spender = { state, settings, history: ledger.history(), purse };
  const priceOf = (text: string) => priceWithout(text, spender, at);
  await ledger.record(...eventsOfFound(found, { bot, at, open, cost: read.cost, priceOf }));
  const last = found.at(-1);
  return last ? { posted: last.id } : 'absent';
}
