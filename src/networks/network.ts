import type { BotKey } from '../oauth/signature.ts';

/*
 * What posting knows of a network: the requests of one bot, and what their failures mean. A folder beside this file is one
 * network, and nothing outside these folders knows its addresses, its formats or its words.
 */

/** A post of a timeline. */
export interface TimelinePost {
  id: string;
  text: string;
}

/** `time` is the network's time when it answered, if the answer has it. Milliseconds since 1970, in whole seconds. */
export type Outcome<T> = ({ ok: T } | { failure: Failure }) & { time?: number };

/** The requests of one bot to its network. None throws: every failure is an outcome. */
export interface Account {
  /** Posts a text; resolves with the post's id. */
  post(text: string): Promise<Outcome<string>>;
  /** The account of the key. */
  me(): Promise<Outcome<{ userId: string; screenName: string }>>;
  /** A page of the account's own posts, newest first. */
  timeline(userId: string, from: TimelineStart, page: PageWanted): Promise<Outcome<TimelinePage>>;
}

/** Posts after a post, posts since an instant (milliseconds since 1970), or all from the newest back. */
export type TimelineStart = { sinceId: string } | { start: number } | 'newest';

export interface PageWanted {
  /** Within the network's limits. */
  maxPosts: number;
  /** The token of the page, if it is not the first. */
  token?: string | undefined;
}

export interface TimelinePage {
  posts: TimelinePost[];
  /** The token of the next page. */
  next: string | undefined;
}

export type OpenAccount = (key: BotKey) => Account;

/**
 * What a failed request to a network means. A refusal counts as the network's only in its own format. It is about
 * - the line: `rejected`, the network refuses this post; `duplicate`, it says that it has this text already, which alone proves
 *   nothing;
 * - the account: `reauth`, it says that the key is dead; `unauthorized`, a 401 without a reason; `suspended`, `locked`,
 *   `automated`, a person must sign in as the account;
 * - the app: `read-only`; `app-refused`, it serves no bot of this app; `no-credit`, the app's credit is spent;
 * - time: `wait`, refused until an instant, for this bot or every bot of its app; `limit`, the account's own limit, which ends
 *   at an instant that is not named;
 * - our clock: `clock`.
 *
 * Without a refusal, the post is `never-sent`, the network cannot have it, or `in-doubt`, it may have it. `foreign` marks an
 * answer that came from something between here and the network. `isServed` marks a request that may have been carried out and
 * charged for.
 */
export type Failure = { reason: string } & (
  | {
      kind:
        | 'never-sent'
        | 'reauth'
        | 'unauthorized'
        | 'suspended'
        | 'locked'
        | 'automated'
        | 'read-only'
        | 'app-refused'
        | 'no-credit'
        | 'limit'
        | 'clock'
        | 'duplicate'
        | 'rejected';
    }
  | { kind: 'in-doubt'; foreign?: true; isServed?: true }
  | { kind: 'wait'; until: number; scope: 'bot' | 'app' }
);

/** How far the network's clock is ahead of ours, in milliseconds, and whether it answered itself; or why there is no answer. */
export type TimeAnswer = { ahead: number | undefined; isOwn: boolean } | { unreachable: string };
