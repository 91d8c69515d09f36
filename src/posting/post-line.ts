import type { Clock } from '../clock.ts';
import type { BotName } from '../flock/bot.ts';
import type { Intent, Price } from '../ledger/events.ts';
import type { Ledger } from '../ledger/journal.ts';
import type { Owed } from '../ledger/state.ts';
import { isNewPost, type Outcome, type XClient } from '../networks/x/client.ts';
import { eventsAfter, type PostFailure, type Refrain } from './after-failure.ts';
import { fingerprint, markOf } from './place.ts';
import type { PlannedPost } from './plan-post.ts';

export interface PostLineOptions {
  bot: BotName;
  post: PlannedPost;
  slot: number;
  /** Slots up to this instant are served by the post. */
  until: number;
  /** The last confirmed post's id. */
  since: string | undefined;
  owed: Owed | undefined;
  /** The mark of the bot's key, for a bot that is parked. */
  key: () => string;
  refrain: Refrain;
  /** Whether the bot has posted the same text before. */
  isRepeated: () => boolean;
  /** What an outcome means now that the others of the flock are known, as the gate tells. */
  judge: (outcome: Outcome<string>) => { failure: PostFailure; closedUntil: number | undefined } | undefined;
  /** What the post costs, and of which day and month. */
  price: Price;
  ledger: Ledger;
  x: XClient;
  clock: Clock;
}

export type PostReport = { id: string } | { failure: PostFailure };

/**
 * Posts one line so that a crash at any moment can be told apart afterwards: what is about to be sent is on the disk
 * before it is sent, and what came of it is on the disk before anything is built on it.
 *
 * @throws {FlockError} `io` from the ledger; an intent that was not kept is not sent
 */
export async function postLine(options: PostLineOptions): Promise<PostReport> {
  const { bot, post, slot, until, since, owed, key, refrain, isRepeated, judge, price, ledger, x, clock } =
    options;
  // 1. Intent.
  const { line, lines, text } = post;
  const print = fingerprint(text);
  const intent: Intent = {
    event: 'intent',
    bot,
    at: clock.now(),
    slot,
    until,
    line,
    lines,
    print,
    mark: markOf(text),
    ...price,
  };
  if (since !== undefined) intent.since = since;
  await ledger.record(intent);
  // 2. Send.
  const outcome = believed(await x.post(text), since, clock.now());
  const judged = judge(outcome);
  // 3. Outcome.
  if ('ok' in outcome) {
    await ledger.record({ event: 'posted', bot, at: clock.now(), id: outcome.ok, by: 'answer' });
    return { id: outcome.ok };
  }
  const { failure, closedUntil } = judged ?? { failure: outcome.failure, closedUntil: undefined };
  const attempt = {
    bot,
    owed,
    key: key(),
    line,
    refrain,
    isRepeated: isRepeated(),
    now: clock.now(),
    closedUntil,
  };
  const events = eventsAfter(failure, attempt);
  if (events.length > 0) await ledger.record(...events);
  return { failure };
}

/** The id of a new post is newer than that of the last one. An answer with another is not believed: the timeline tells. */
function believed(outcome: Outcome<string>, since: string | undefined, now: number): Outcome<string> {
  if (!('ok' in outcome) || isNewPost(outcome.ok, since, now)) return outcome;
  const last = since === undefined ? '' : ` after ${since}`;
  return {
    failure: { kind: 'in-doubt', reason: `X gave the post the id ${outcome.ok}${last}, which is no new one` },
  };
}
