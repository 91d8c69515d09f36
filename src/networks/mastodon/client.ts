import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send } from '../../http/exchange.ts';
import { messageOf } from '../../errors.ts';
import type { BotKey } from '../../oauth/signature.ts';
import { asWritten } from '../../poems/tweet-text.ts';
import { parseJson, type Secret } from '../../text.ts';
import {
  askServer,
  describeForeign,
  timeIn,
  type Account,
  type Failure,
  type Network,
  type Outcome,
  type PageWanted,
  type PostOptions,
  type TimeAnswer,
  type TimelinePage,
  type TimelinePost,
  type TimelineStart,
} from '../network.ts';
import { classify } from './failure.ts';
import { rulesOfMastodon, usualLimits } from './text.ts';

/*
 * The requests of a bot to a server with Mastodon's API. Ids are opaque: other servers than Mastodon have ULIDs, flakes or hex.
 */

export const mastodon: Network = {
  name: 'mastodon',
  title: 'Mastodon',
  pageSizes: { min: 1, max: 40 },
  charges: false,
  refusesRepetitions: false,
  findsByMark: false,
  givesOriginals: true,
  // Random, because some servers remember marks for all their accounts together.
  newMark: () => randomBytes(16).toString('base64url'),
  rulesFor: ({ textLimits }, contentWarning) => rulesOfMastodon(textLimits, contentWarning),
  pages({ screenName, server }) {
    if (screenName === undefined || server === undefined) return undefined;
    const account = `${server}/@${screenName.replace(/@.*/, '')}`;
    return { account, post: (id) => `${account}/${id}` };
  },
};

/** Asks a server for its time. @param server - its address, without a trailing slash */
export const timeOfMastodon = (server: string, send: Send, clock: Clock): Promise<TimeAnswer> =>
  askServer(`${server}/api/v1/instance`, { send, clock }, ({ body }) => parseJson(body) !== undefined);

/** An account as its server describes it to the account itself. */
export interface Profile {
  userId: string;
  /** `name@host` */
  screenName: string;
  /** Whether its profile says that it is a bot. */
  isBot: boolean;
  /** Whether followers need its approval. */
  isLocked: boolean;
  /** The address of the account that it moved to, if it did. */
  movedTo: string | undefined;
}

export interface MastodonAccount extends Account {
  me(): Promise<Outcome<Profile>>;
}

/** Headers of every request. Some servers refuse a client without a name. */
export const clientHeaders = { accept: 'application/json', 'user-agent': 'flockd' };

const id = z.string().regex(/^[\x21-\x7e]{1,256}$/);
const postAnswer = z.object({ id });
const meAnswer = z.object({
  id,
  username: z.string().regex(/^[\w.-]{1,128}$/),
  bot: z.boolean().catch(false),
  locked: z.boolean().catch(false),
  moved: z.object({ url: z.string() }).nullish().catch(undefined),
});
const statuses = z.array(
  z.object({
    id,
    content: z.string(),
    created_at: z
      .string()
      .transform((date) => Date.parse(date))
      .refine((at) => !Number.isNaN(at)),
    reblog: z.unknown(),
  }),
);
const sourceAnswer = z.object({ text: z.string() });

/** The most statuses on a page. @see docs.joinmastodon.org/methods/accounts, statuses */
const pageSize = 40;

/** How many pages without a post of the account's own are read in a row. */
const maxEmptyPages = 25;

interface Call {
  method: 'GET' | 'POST';
  path: string;
  json?: object;
  headers?: Record<string, string>;
}

/**
 * Opens clients of the accounts of a server.
 *
 * @param server - its address, without a trailing slash
 */
export const openMastodon =
  (server: string, send: Send, clock: Clock) =>
  (accessToken: Secret<string>): MastodonAccount => {
    const { attempt, believed } = openRequests(server, send, clock, accessToken);

    /** The posts with their texts as written, or the first failure: only a complete page proves that a post is absent. */
    async function withSources(
      posts: TimelinePost[],
      isKnown: PageWanted['isKnown'],
    ): Promise<{ ok: TimelinePost[] } | { failure: Failure }> {
      const read: TimelinePost[] = [];
      for (const post of posts) {
        if (!isKnown || isKnown(post.text)) {
          read.push(post);
          continue;
        }
        const path = `/api/v1/statuses/${encodeURIComponent(post.id)}/source`;
        const source = await believed({ method: 'GET', path }, (body) => sourceAnswer.parse(body).text);
        if ('failure' in source) return { failure: unreadable(post.id, source.failure) };
        read.push({ ...post, text: source.ok });
      }
      return { ok: read };
    }

    async function timeline(
      userId: string,
      from: TimelineStart,
      { maxPosts, token, isKnown }: PageWanted,
      emptyPages = 0,
    ): Promise<Outcome<TimelinePage>> {
      const query = new URLSearchParams({ limit: String(pageSize), exclude_reblogs: 'true' });
      if (token !== undefined) query.set('max_id', token);
      const path = `/api/v1/accounts/${encodeURIComponent(userId)}/statuses?${query.toString()}`;
      const read = await believed({ method: 'GET', path }, (body, { headers }) =>
        pageIn(statuses.parse(body), nextIn(headers['link']), { from, maxPosts, token }),
      );
      if ('failure' in read) return read;
      const { ok: page, ...times } = read;
      // Some servers count what others wrote: a page without a post of the account's own is not the last.
      const { next } = page;
      if (page.posts.length === 0 && next !== undefined && next !== token && emptyPages < maxEmptyPages)
        return timeline(userId, from, { maxPosts, token: next, isKnown }, emptyPages + 1);
      const texts = await withSources(page.posts, isKnown);
      return 'failure' in texts ? texts : { ok: { ...page, posts: texts.ok }, ...times };
    }

    return {
      post: (text, { mark, visibility = 'unlisted', language, contentWarning }: PostOptions = {}) =>
        believed(
          {
            method: 'POST',
            path: '/api/v1/statuses',
            json: { status: text, visibility, language, spoiler_text: contentWarning },
            ...(mark !== undefined && { headers: { 'idempotency-key': mark } }),
          },
          (body) => postAnswer.parse(body).id,
        ),
      me: () => attempt(whose, profileIn(server)),
      timeline: (userId, from, page) => timeline(userId, from, page),
    };
  };

type Read<T> = (body: unknown, answer: HttpAnswer) => T;

const whose: Call = { method: 'GET', path: '/api/v1/accounts/verify_credentials' };

/** Requests with an access token. */
function openRequests(server: string, send: Send, clock: Clock, accessToken: Secret<string>) {
  /** Makes a request and reads its answer; what cannot be read is in doubt. */
  const attempt = <T>({ method, path, json, headers }: Call, read: Read<T>): Promise<Outcome<T>> =>
    exchange(
      send,
      {
        method,
        url: server + path,
        headers: {
          ...clientHeaders,
          authorization: `Bearer ${accessToken.reveal()}`,
          ...(json && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(json && { body: JSON.stringify(json) }),
      },
      clock,
      read,
    );

  return {
    attempt,
    /** The same, but a refusal of the key counts only if the server refuses it at a second request, too. */
    believed: async <T>(call: Call, read: Read<T>): Promise<Outcome<T>> => {
      const outcome = await attempt(call, read);
      if (!('failure' in outcome) || !isAboutKey(outcome.failure)) return outcome;
      return { ...outcome, failure: secondOpinion(outcome.failure, await attempt(whose, profileIn(server))) };
    },
  };
}

async function exchange<T>(
  send: Send,
  request: HttpRequest & { method: 'GET' | 'POST' },
  clock: Clock,
  read: Read<T>,
): Promise<Outcome<T>> {
  let answer: HttpAnswer;
  try {
    answer = await send(request);
  } catch (error) {
    // Anything else that is thrown is a bug below, after which nobody knows what was sent.
    return {
      failure:
        error instanceof NoAnswer
          ? classify(error, request.method, clock.now())
          : { kind: 'in-doubt', reason: messageOf(error) },
    };
  }
  const time = timeIn(answer);
  const outcome = readAnswer(answer, request.method, clock.now(), read);
  return time === undefined ? outcome : { ...outcome, time };
}

function readAnswer<T>(answer: HttpAnswer, method: Call['method'], now: number, read: Read<T>): Outcome<T> {
  if (answer.status < 200 || answer.status > 299) return { failure: classify(answer, method, now) };
  const body = parseJson(answer.body);
  if (body === undefined)
    return { failure: { kind: 'in-doubt', foreign: true, reason: describeForeign(answer, 'the server') } };
  try {
    return { ok: read(body, answer) };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return {
      failure: { kind: 'in-doubt', reason: 'its server answered with something Mastodon does not document' },
    };
  }
}

const isAboutKey = ({ kind }: Failure): boolean => kind === 'reauth' || kind === 'unauthorized';

/**
 * Whether the server refuses a key altogether. Older servers of the Misskey family answer 401 to any fault, even after a post
 * was made.
 *
 * @see the Mastodon API of Sharkey before 2025
 */
function secondOpinion(first: Failure, profile: Outcome<Profile>): Failure {
  if ('ok' in profile) return { kind: 'in-doubt', reason: `${first.reason}, and accepts it at once` };
  if (!isAboutKey(profile.failure))
    return { kind: 'in-doubt', reason: `${first.reason}, and does not answer whose it is` };
  return profile.failure.kind === 'reauth' ? first : { ...first, kind: 'unauthorized' };
}

const unreadable = (postId: string, failure: Failure): Failure =>
  failure.kind === 'in-doubt'
    ? {
        kind: 'in-doubt',
        reason: `its server does not show what was written in the post ${postId} (${failure.reason})`,
      }
    : failure;

const profileIn =
  (server: string): Read<Profile> =>
  (body) => {
    const { id: userId, username, bot, locked, moved } = meAnswer.parse(body);
    const screenName = `${username}@${new URL(server).host}`;
    return { userId, screenName, isBot: bot, isLocked: locked, movedTo: moved?.url };
  };

type Wanted = Pick<PageWanted, 'maxPosts' | 'token'> & { from: TimelineStart };

/**
 * A page of a timeline. Servers may ignore `limit` and `max_id` and give all they have; what comes after the post `token` is
 * the page then. The timeline ends where the start was found, and where a page brings nothing new.
 *
 * @param linked - the token of the next page by the `Link` header
 */
function pageIn(
  all: z.infer<typeof statuses>,
  linked: string | undefined,
  { from, maxPosts, token }: Wanted,
): TimelinePage {
  const fresh = all.slice(all.findIndex((post) => post.id === token) + 1);
  const last = fresh.at(-1);
  if (!last) return { posts: [], next: linked === token ? undefined : linked };
  const sinceId = typeof from === 'object' && 'sinceId' in from ? from.sinceId : undefined;
  const foundAt = fresh.findIndex((post) => post.id === sinceId);
  const start =
    fresh[foundAt]?.created_at ?? (typeof from === 'object' ? from.start : undefined) ?? -Infinity;
  const wanted = fresh.filter(({ id, reblog, created_at: at }, index) => {
    if ((reblog ?? null) !== null || id === sinceId) return false;
    // The order of a list says more than its times, which may be whole seconds.
    return foundAt === -1 ? at >= start : index < foundAt || at > start;
  });
  const posts = wanted.slice(0, maxPosts);
  const isWhole = foundAt !== -1 || last.created_at < start;
  const next = wanted.length > posts.length ? posts.at(-1)?.id : isWhole ? undefined : (linked ?? last.id);
  return {
    posts: posts.map(({ id, content, created_at: at }) => ({ id, text: textOfHtml(content), at })),
    next,
  };
}

/** The `max_id` of the next page in a `Link` header. */
function nextIn(link: string | undefined): string | undefined {
  const [, url = ''] = /<([^<>]+)>\s*;\s*rel="?next"?/i.exec(link ?? '') ?? [];
  return URL.canParse(url) ? (new URL(url).searchParams.get('max_id') ?? undefined) : undefined;
}

const limitsAnswer = z.object({
  configuration: z.object({
    statuses: z.object({
      max_characters: z.int().positive().catch(usualLimits.maxCharacters),
      characters_reserved_per_url: z.int().positive().catch(usualLimits.charactersPerLink),
    }),
  }),
});
const instanceAnswer = z.object({ title: z.string(), version: z.string() });

/** What a server says of itself. */
export interface Instance {
  title: string;
  /** `4.5.0`; other servers name themselves: `2.7.2 (compatible; Pleroma 2.9.1)`. */
  version: string;
  limits: NonNullable<BotKey['textLimits']>;
}

/**
 * Asks a server for its limits, by the older address where the newer one is missing (before Mastodon 4.0, snac).
 *
 * @returns an outcome whose failure is `foreign` where no server with Mastodon's API answers
 */
export async function askInstance(server: string, send: Send, clock: Clock): Promise<Outcome<Instance>> {
  const ask = (version: 1 | 2): Promise<Outcome<Instance>> => {
    const url = `${server}/api/v${version}/instance`;
    return exchange(send, { method: 'GET', url, headers: clientHeaders }, clock, instanceOf);
  };
  const newer = await ask(2);
  return 'failure' in newer && newer.failure.kind === 'in-doubt' ? ask(1) : newer;
}

function instanceOf(body: unknown): Instance {
  const { title, version } = instanceAnswer.parse(body);
  const { data } = limitsAnswer.safeParse(body);
  const limits = data?.configuration.statuses;
  return {
    title,
    version,
    limits: limits
      ? { maxCharacters: limits.max_characters, charactersPerLink: limits.characters_reserved_per_url }
      : usualLimits,
  };
}

/**
 * The text in a post's HTML: `<br>` ends a line, a paragraph ends with a blank line, other tags are dropped, and character
 * references are decoded. It is what was written only where the server changed nothing: some do not escape `<`, complete
 * mentions or render Markdown.
 */
export function textOfHtml(html: string): string {
  const lines = html
    .replaceAll(/<!--.*?-->/gs, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll(/<br\b[^<>]*>/gi, '\n')
    .replaceAll(/<\/(p|div|blockquote|h[1-6]|ul|ol|pre)>/gi, '\n\n')
    .replaceAll(/<\/li>/gi, '\n')
    .replaceAll(/<\/?[a-z][^<>]*>/gi, '');
  return asWritten(lines.replaceAll(/&nbsp;/gi, '\u00a0'), []).trim();
}
