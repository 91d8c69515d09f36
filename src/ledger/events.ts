import * as z from 'zod';
import { postInstant } from '../networks/x/client.ts';

const instant = z.number().int();
const base = { bot: z.string().min(1), at: instant };

const price = {
  /** What X charges for it, in micros, and the ends of the day and the month that it is charged to. */
  cost: z.int().optional(),
  dayEnds: instant.optional(),
  monthEnds: instant.optional(),
  /** The flock's, if they are not the bot's. */
  flockDayEnds: instant.optional(),
  flockMonthEnds: instant.optional(),
};

/** A post is about to be sent. Until there is an outcome it is in doubt. */
export const intent = z.object({
  event: z.literal('intent'),
  ...base,
  /** The slot this post is for, and the instant up to which slots are served by it. */
  slot: instant,
  until: instant,
  line: z.int(),
  /** How many lines the post has: more than one if a refrain is joined with the next line. */
  lines: z.int().min(1),
  print: z.string(),
  /** Identifies the text on a timeline. Intents of older versions have only the print. */
  mark: z.string().optional(),
  /** Names the attempt at the network: an idempotency key at Mastodon, the record's key at Bluesky. */
  attempt: z.string().optional(),
  /** The id of the bot's last confirmed post, if it has one. */
  since: z.string().optional(),
  ...price,
  /** Nothing is sent: the line may have been posted before the ledger was restored, and the timeline decides. */
  look: z.literal(true).optional(),
});

const refusal = {
  why: z.string(),
  reason: z.string(),
  retryAt: instant,
  /** Identifies the key, if X refuses the key: another one is tried at once. */
  key: z.string().optional(),
};

/** What a look at the timeline cost, in micros, as an older flockd recorded it. */
const looking = { cost: z.int().optional() };

export const ledgerEvent = z.discriminatedUnion('event', [
  /** A new bot: it begins at the poem's first line, and earlier slots are not its own. */
  z.object({ event: z.literal('begun'), ...base, poem: z.string(), account: z.string().optional() }),
  /** The bot's place after an edit of the poem, by a person's word, or by its timeline. */
  z.object({
    event: z.literal('edited'),
    ...base,
    poem: z.string(),
    next: z.int(),
    ahead: z.array(z.int()),
    by: z.enum(['person', 'timeline']).optional(),
  }),
  /** The bot is at the end of the poem and begins it again. */
  z.object({ event: z.literal('again'), ...base, poem: z.string() }),
  intent,
  /** Outcome: it is on the timeline. The id may be missing by a person's word, and by X's refusal to post it again. */
  z.object({
    event: z.literal('posted'),
    ...base,
    id: z.string().optional(),
    by: z.enum(['answer', 'timeline', 'person', 'repetition']),
    /** When it was made, if a look found it and its id does not tell. */
    made: instant.optional(),
    ...looking,
  }),
  /** Outcome: the network refused it, or never got it. `attempt` goes on if an earlier request with it was in doubt. */
  z.object({ event: z.literal('refused'), ...base, ...refusal, attempt: z.string().optional() }),
  /** A due post is not tried now, for a reason that is not about this bot's line. */
  z.object({ event: z.literal('held'), ...base, slot: instant, until: instant, ...refusal }),
  /**
   * A look at the timeline: its cost, its maximum cost before the look, or a negative cost for the part of the maximum that is
   * refunded; and the newest post, if the bot knows no post of its own.
   */
  z.object({ event: z.literal('looked'), ...base, ...price, newest: z.string().optional() }),
  /** Outcome: it was in doubt and is not on the timeline. */
  z.object({ event: z.literal('absent'), ...base, by: z.enum(['timeline', 'person']), ...looking }),
  /** A refrain that X refused is skipped; its slot goes to the next line. */
  z.object({ event: z.literal('skipped'), ...base, line: z.int() }),
  /** Slots up to an instant have no post. */
  z.object({ event: z.literal('missed'), ...base, until: instant }),
  /** The bot posts nothing more until a person repairs it. */
  z.object({
    event: z.literal('parked'),
    ...base,
    why: z.string(),
    hint: z.string(),
    key: z.string(),
    /** What it is about: a kind of refusal, or `place`. */
    cause: z.string().optional(),
  }),
  /** It was repaired. */
  z.object({ event: z.literal('freed'), ...base }),
  /** A person wants the next line posted now, besides the schedule. */
  z.object({ event: z.literal('asked'), ...base }),
  /** By a person. */
  z.object({ event: z.literal('paused'), ...base }),
  z.object({ event: z.literal('resumed'), ...base }),
  /** Its state was restored from an export: it looks for what it posted since before it posts again. */
  z.object({ event: z.literal('restored'), ...base }),
  /** It has found all of that. */
  z.object({ event: z.literal('checked'), ...base }),
  /** The bot has a new name; its old one, `from`, is no bot's any more. */
  z.object({ event: z.literal('renamed'), ...base, from: z.string().min(1) }),
]);

/** What is recorded, in the order in which it happened. Instants are milliseconds since 1970. */
export type LedgerEvent = z.infer<typeof ledgerEvent>;
export type Intent = z.infer<typeof intent>;

/** What an intent says of its cost. Micros, and milliseconds since 1970. */
export type Price = Pick<Intent, 'cost' | 'dayEnds' | 'monthEnds' | 'flockDayEnds' | 'flockMonthEnds'>;

/**
 * When a post was made. A restored bot finds its posts long after, and their ids have the time. Milliseconds since 1970.
 *
 * @param open - the intent of the post
 */
export function madeAt(
  { id, at, by, made }: Extract<LedgerEvent, { event: 'posted' }>,
  { look }: Pick<Intent, 'look'>,
): number {
  if (look !== true || by !== 'timeline' || id === undefined) return at;
  return Math.min(made ?? postInstant(id) ?? at, at);
}

/** The name of an event's bot before the event. */
export const nameBefore = (event: LedgerEvent): string =>
  event.event === 'renamed' ? event.from : event.bot;
