import {
  TwitterApi,
  type ITwitterApiClientPlugin,
  type TwitterApiv2,
  type TwitterResponse,
} from 'twitter-api-v2';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { NoAnswer, type HttpAnswer, type Send } from '../http/exchange.ts';
import type { BotKey } from '../keys/key-bundle.ts';
import { signedSend, type SignedSend } from '../oauth/oauth1-client.ts';
import { asWritten } from '../poems/tweet-text.ts';
import { classify, type XFailure } from './x-failure.ts';

/** A post as the timeline shows it. */
export interface TimelinePost {
  id: string;
  text: string;
}

export type Outcome<T> = { ok: T } | { failure: XFailure };

/** What a bot asks of X. Nothing here throws: every failure is an outcome. */
export interface XClient {
  /** Posts a text; resolves with the post's id. */
  post(text: string): Promise<Outcome<string>>;
  /** The account the key acts as. */
  me(): Promise<Outcome<{ userId: string; screenName: string }>>;
  /** The account's own posts, newest first. */
  timeline(userId: string, from: TimelineStart): Promise<Outcome<TimelinePost[]>>;
}

/** After a post, or from an instant on (milliseconds since 1970). */
export type TimelineStart = { sinceId: string } | { start: number };

export type OpenXClient = (key: BotKey) => XClient;

/** X's ids fit into 63 bits. */
const postId = z.string().refine((id) => /^[0-9]{1,19}$/.test(id) && BigInt(id) < 2n ** 63n);

const postAnswer = z.object({ data: z.object({ id: postId }) });
const meAnswer = z.object({ data: z.object({ id: z.string(), username: z.string() }) });
const timelineAnswer = z.object({
  data: z
    .array(
      z.object({
        id: postId,
        text: z.string(),
        entities: z
          .object({
            urls: z.array(z.object({ url: z.string(), expanded_url: z.string().optional() })).default([]),
          })
          .default({ urls: [] }),
      }),
    )
    .default([]),
  meta: z.object({ result_count: z.int(), next_token: z.string().optional() }),
});

/**
 * X as one bot sees it, through twitter-api-v2. The library names the calls; signing and sending are ours, which gives
 * every request a total deadline and every failure its true cause, and keeps the secrets out of the library's objects.
 *
 * @param api - the base of the X API, without a trailing slash
 */
export function openX(api: string, send: Send, clock: Clock): OpenXClient {
  return ({ appKeys, accessToken }) => {
    const transport = overSignedSend(api, signedSend({ send, clock, appKeys, token: accessToken }));
    const library = new TwitterApi(undefined, { plugins: [transport] }).v2;
    const attempt = <T>(call: () => Promise<T>): Promise<Outcome<T>> => outcomeOf(call, clock);
    return {
      post: (text) => attempt(async () => postAnswer.parse(await library.tweet(text)).data.id),
      me: () =>
        attempt(async () => {
          const { data } = meAnswer.parse(await library.me());
          return { userId: data.id, screenName: data.username };
        }),
      timeline: (userId, from) => attempt(() => readTimeline(library, userId, from)),
    };
  };
}

/** More pages than this since one post are not one bot's. */
const mostPages = 32;

async function readTimeline(
  library: TwitterApiv2,
  userId: string,
  from: TimelineStart,
): Promise<TimelinePost[]> {
  const window =
    'sinceId' in from ? { since_id: from.sinceId } : { start_time: new Date(from.start).toISOString() };
  const posts: TimelinePost[] = [];
  let page: string | undefined;
  for (let read = 0; read < mostPages; read++) {
    const query = { ...window, max_results: 100, 'tweet.fields': 'entities', pagination_token: page };
    const answer = await library.get<unknown>('users/:id/tweets', query, { params: { id: userId } });
    // Only a whole page proves that a post is absent.
    const { data, meta } = timelineAnswer.parse(answer);
    if (data.length !== meta.result_count) throw new Error('a page without the posts it counts');
    posts.push(...data.map(({ id, text, entities }) => ({ id, text: asWritten(text, entities.urls) })));
    page = meta.next_token;
    if (page === undefined) return posts;
  }
  throw new Error(`more than ${mostPages} pages of posts`);
}

const methods = z.enum(['GET', 'POST', 'DELETE']);

/** Stops the library before it makes a request of its own, and makes it here. */
function overSignedSend(api: string, send: SignedSend): ITwitterApiClientPlugin {
  return {
    async onBeforeRequestConfig({ url, params }): Promise<TwitterResponse<unknown>> {
      const method = methods.parse(params.method.toUpperCase());
      const address = api + fill(url.pathname, params.params ?? {}) + queryOf(params.query ?? {});
      const call = { method, url: address };
      const answer = await send(method === 'POST' ? { ...call, json: params.body } : call);
      if (answer.status < 200 || answer.status > 299) throw new Refusal(answer);
      return { data: JSON.parse(answer.body) as unknown, headers: answer.headers };
    },
  };
}

/** Puts `:id` and the like into a path. */
const fill = (path: string, values: Record<string, unknown>): string =>
  path.replaceAll(/:(\w+)/g, (whole, name: string) =>
    name in values ? encodeURIComponent(String(values[name])) : whole,
  );

/** With its question mark, or nothing where nothing is asked. */
function queryOf(values: Record<string, unknown>): string {
  const known = Object.entries(values).filter(([, value]) => value !== undefined);
  if (known.length === 0) return '';
  return `?${new URLSearchParams(known.map(([name, value]): [string, string] => [name, String(value)])).toString()}`;
}

/** An answer that is not a success, on its way through the library. */
class Refusal extends Error {
  readonly answer: HttpAnswer;

  constructor(answer: HttpAnswer) {
    super(`X answered ${answer.status}`);
    this.answer = answer;
  }
}

async function outcomeOf<T>(call: () => Promise<T>, clock: Clock): Promise<Outcome<T>> {
  try {
    return { ok: await call() };
  } catch (error) {
    if (error instanceof Refusal) return { failure: classify(error.answer, clock.now()) };
    if (error instanceof NoAnswer) return { failure: classify(error, clock.now()) };
    // A success that does not hold what a success holds.
    return { failure: { kind: 'in-doubt', reason: 'X answered with something it does not document' } };
  }
}
