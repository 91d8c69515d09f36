import type { Intent, LedgerEvent, Price } from '../ledger/events.ts';
import type { FoundPost } from './found-since.ts';
import type { Place } from './place.ts';

/** A look at the timeline of a restored bot. */
export interface Look {
  bot: string;
  /** When it was made. Milliseconds since 1970. */
  at: number;
  /** What it was to settle. */
  open: Intent;
  /** What a post's intent says of its cost. */
  priceOf: (text: string) => Price;
}

/** What a look has found, as if it were written down when it happened. */
export function eventsOfFound(found: readonly FoundPost[], look: Look): LedgerEvent[] {
  const { bot, at, open } = look;
  const [first] = found;
  const checked = { event: 'checked', bot, at } as const;
  const absent = { event: 'absent', bot, at, by: 'timeline' } as const;
  if (!first) return [absent, ...(open.look ? [] : [checked])];
  const isOpen = !open.look && isPostOf(open, first);
  return [
    ...(open.look || isOpen ? [] : [absent]),
    ...found.flatMap((post, index): LedgerEvent[] => [
      ...(isOpen && index === 0 ? [] : eventsBefore(post, found[index - 1]?.id ?? open.since, look)),
      { event: 'posted', bot, at, id: post.id, by: 'timeline' },
    ]),
    checked,
  ];
}

/** Whether what is found first is what was in doubt when the state was saved. */
const isPostOf = (open: Intent, { edited, again, skipped, line, lines }: FoundPost): boolean =>
  !edited && !again && skipped.length === 0 && line === open.line && lines === open.lines;

/** How the bot got to a post that it does not know of. @param since - the id of the one before it */
function eventsBefore(
  { edited, again, skipped, line, lines, poem, print, text }: FoundPost,
  since: string | undefined,
  { bot, at, open, priceOf }: Look,
): LedgerEvent[] {
  const pass = (over: number): LedgerEvent => ({ event: 'skipped', bot, at, line: over });
  const intent: LedgerEvent = {
    event: 'intent',
    bot,
    at: open.at,
    slot: at,
    until: at,
    line,
    lines,
    print,
    ...priceOf(text),
    ...(since !== undefined && { since }),
    look: true,
  };
  return [
    ...(edited ? [editedTo(edited, bot, at)] : []),
    ...(again ? [...again.rest.map(pass), { event: 'again', bot, at, poem } as const] : []),
    ...skipped.map(pass),
    intent,
  ];
}

const editedTo = ({ poem, next, ahead }: Place, bot: string, at: number): LedgerEvent => ({
  event: 'edited',
  bot,
  at,
  poem,
  next,
  ahead: [...ahead],
});
