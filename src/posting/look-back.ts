import type { Clock } from '../clock.ts';
import type { Bot } from '../flock/load-flock.ts';
import { linesOf } from '../poems/lines-of.ts';
import type { XClient } from '../x/x-client.ts';
import type { BotState } from './bot-state.ts';
import type { Purse } from './budget.ts';
import { foundSince } from './found-since.ts';
import type { Intent, LedgerEvent } from './ledger-event.ts';
import type { Ledger } from './ledger.ts';
import { fingerprint, fingerprints } from './place.ts';
import type { PlannedPost } from './plan-post.ts';
import { priceWithout } from './price-post.ts';
import { readSince, type Settled } from './reconcile.ts';

/** The next line of a restored bot in doubt, as it is after a crash: it may have been posted since its state was saved. */
export const lookFor = (
  { name: bot }: Pick<Bot, 'name'>,
  { served, last }: BotState,
  { line, lines, text }: PlannedPost,
  now: number,
): Intent => ({
  event: 'intent',
  bot,
  // The timeline is read from here on, where there is no post to begin after.
  at: last?.at ?? served,
  slot: served,
  // Should a person vouch for it, slots up to now are served.
  until: Math.max(served, now),
  line,
  lines,
  print: fingerprint(text),
  ...(last?.id !== undefined && { since: last.id }),
  look: true,
});

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
 * @param open - what {@link lookFor} has put in doubt
 * @throws {FlockError} `io` from the ledger, `data` where the poem cannot be read
 */
export async function lookBack(
  { name: bot, bundle, settings, poemFile }: Bot,
  state: BotState,
  open: Intent,
  { ledger, x, clock, purse, readPoem }: LookBackOptions,
): Promise<Settled> {
  const lines = await linesOf(poemFile, settings.unit, readPoem);
  const read = await readSince({ open, userId: bundle.userId, x, prices: purse.prices });
  if ('unreadable' in read) return read;
  const at = clock.now();
  const isSame = fingerprints(lines) === state.place.poem;
  const texts = isSame ? lines.map(({ text }) => text) : undefined;
  const found = foundSince({ state, texts, timeline: read.timeline, atEnd: settings.atEnd });
  const last = found.at(-1);
  if (!last) {
    await ledger.record({ event: 'absent', bot, at, by: 'timeline', cost: read.cost });
    return 'absent';
  }
  const spender = { state, settings, history: ledger.history(), purse };
  let since = open.since;
  const events = found.flatMap(({ again, skipped, line, lines: many, print, text, id }): LedgerEvent[] => {
    const price = priceWithout(text, spender, at);
    const intent: LedgerEvent = {
      event: 'intent',
      bot,
      at: open.at,
      slot: at,
      until: at,
      line,
      lines: many,
      print,
      ...price,
      ...(since !== undefined && { since }),
      look: true,
    };
    since = id;
    const cost = id === last.id ? read.cost : undefined;
    return [
      ...(again ? [{ event: 'again', bot, at, poem: state.place.poem } as const] : []),
      ...skipped.map((passed) => ({ event: 'skipped', bot, at, line: passed }) as const),
      intent,
      { event: 'posted', bot, at, id, by: 'timeline', ...(cost !== undefined && { cost }) },
    ];
  });
  await ledger.record(...events, { event: 'checked', bot, at });
  return { posted: last.id };
}
