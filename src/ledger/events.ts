import * as z from 'zod';
import { postInstant } from '../networks/x/client.ts';

const instant = z.number().int();
const base = { bot: z.string().min(1), at: instant };

const price = {
  /** What X charges for it, in micros, and the ends of the day and the month whose budget it is taken from. */
  cost: z.int().optional(),
  dayEnds: instant.optional(),
  monthEnds: instant.optional(),
  /** The flock's, where they are not the bot's. */
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
  /** How many lines go into this post: more than one where a refrain is joined to what follows it. */
  lines: z.int().min(1),
  print: z.string(),
  /** What tells the text on a timeline. Intents of older versions have their print alone. */
  mark: z.string().optional(),
  /** The id of the bot's last confirmed post, if it has one. */
  since: z.string().optional(),
  ...price,
  /** Nothing is sent: the line may have been posted before the ledger was restored, and the timeline is looked at. */
  look: z.literal(true).optional(),
});

const refusal = {
  why: z.string(),
  reason: z.string(),
  retryAt: instant,
  /** Tells the key, where that is what X refuses: another one is tried at once. */
  key: z.string().optional(),
};

/** What it cost to look on the timeline, in micros: an older flockd wrote it down so. */
const looking = { cost: z.int().optional() };

const ledgerEvent = z.discriminatedUnion('event', [
  /** The flock takes a bot up: it begins at the poem's first line, and slots before now are not its own. */
  z.object({ event: z.literal('begun'), ...base, poem: z.string(), account: z.string().optional() }),
  /**
   * The poem was edited, or a person sent the bot elsewhere, or its timeline shows how far it has come; this is where the bot
   * now is in it.
   */
  z.object({
    event: z.literal('edited'),
    ...base,
    poem: z.string(),
    next: z.int(),
    ahead: z.array(z.int()),
    by: z.enum(['person', 'timeline']).optional(),
  }),
  /** The bot has come to the end and begins the poem anew. */
  z.object({ event: z.literal('again'), ...base, poem: z.string() }),
  intent,
  /** Outcome: it is on the timeline. A person's word may lack its id, and so does X's refusal to post it again. */
  z.object({
    event: z.literal('posted'),
    ...base,
    id: z.string().optional(),
    by: z.enum(['answer', 'timeline', 'person', 'repetition']),
    ...looking,
  }),
  /** Outcome: X would not have it, or never got it. */
  z.object({ event: z.literal('refused'), ...base, ...refusal }),
  /** A post that is due is not tried now: what is in its way is not about this bot's line. */
  z.object({
    event: z.literal('held'),
    ...base,
    slot: instant,
    until: instant,
    ...refusal,
  }),
  /**
   * A look at the timeline: what it costs, or may cost, where it did not cost it all less than nothing; and its newest post,
   * where the bot does not know of one of its own.
   */
  z.object({ event: z.literal('looked'), ...base, ...price, newest: z.string().optional() }),
  /** Outcome: it was in doubt and is not on the timeline. */
  z.object({ event: z.literal('absent'), ...base, by: z.enum(['timeline', 'person']), ...looking }),
  /** A refrain that X refused is passed over; its slot goes to the next line. */
  z.object({ event: z.literal('skipped'), ...base, line: z.int() }),
  /** Slots up to an instant are let go without a post. */
  z.object({ event: z.literal('missed'), ...base, until: instant }),
  /** The bot posts no more until somebody repairs it. */
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
  /** A person wants its next line posted now, besides what the schedule wants. */
  z.object({ event: z.literal('asked'), ...base }),
  /** A person lets it rest, and lets it go on. */
  z.object({ event: z.literal('paused'), ...base }),
  z.object({ event: z.literal('resumed'), ...base }),
  /** Its state was restored from an older one: what it may have posted since is looked for before it posts again. */
  z.object({ event: z.literal('restored'), ...base }),
  /** All of that was found. */
  z.object({ event: z.literal('checked'), ...base }),
  /** The bot has another name from now on; it was called `from`, which no bot is any more. */
  z.object({ event: z.literal('renamed'), ...base, from: z.string().min(1) }),
]);

/** What is written down, in the order it happened. Instants are milliseconds since 1970. */
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
  { id, at, by }: Extract<LedgerEvent, { event: 'posted' }>,
  { look }: Pick<Intent, 'look'>,
): number {
  if (look !== true || by !== 'timeline' || id === undefined) return at;
  return Math.min(postInstant(id) ?? at, at);
}

/** What its bot was called before an event. */
export const nameBefore = (event: LedgerEvent): string =>
  event.event === 'renamed' ? event.from : event.bot;

/** @throws {z.ZodError} where the value is no event of this version */
export const parseLedgerEvent = (value: unknown): LedgerEvent => ledgerEvent.parse(value);
