import { type ITwitterApiClientPlugin, TwitterApi, type TwitterApiv2 } from 'twitter-api-v2';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../../http/exchange.ts';
import { signedSend } from '../../oauth/signature.ts';
import { asWritten, rulesOfX } from '../../poems/tweet-text.ts';
import { iso } from '../../text.ts';
import {
  askServer,
  timeIn,
  type Failure,
  type Network,
  type OpenAccount,
  type Outcome,
  type PageWanted,
  type TimeAnswer,
  type TimelinePage,
  type TimelineStart,
} from '../network.ts';
import { classify, messageIn } from './failure.ts';

/*
 * The requests of a bot to X, by twitter-api-v2. Every failure is classified by failure.ts.
 */

export const x: Network = {
  name: 'x',
  title: 'X',
  // `max_results`. @see docs.x.com, GET /2/users/:id/tweets
  pageSizes: { min: 5, max: 100 },
  charges: true,
  refusesRepetitions: true,
  findsByMark: false,
  givesOriginals: false,
  rulesFor: () => rulesOfX,
  pages: ({ screenName }) =>
    screenName === undefined
      ? undefined
      : {
          account: `https://x.com/${screenName}`,
          post: (id) => `https://x.com/${screenName}/status/${id}`,
        },
};

/** An id of X, which has at most 63 bits. */
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
 * Opens clients of X. twitter-api-v2 knows the requests; signing and sending are ours, so that every request has a total
 * deadline, every failure keeps its cause, and the library's objects hold no secrets.
 *
 * @param api - the base of the X API, without a trailing slash
 */
export function openX(api: string, send: Send, clock: Clock): OpenAccount {
  return ({ appKeys, accessToken }) => {
    const signed = signedSend({ send, clock, appKeys, token: accessToken });
    const times: number[] = [];
    const transport: ITwitterApiClientPlugin = {
      async onBeforeRequestConfig({ url, params: { method, query = {}, body } }) {
        const address = new URL(api + url.pathname);
        for (const [name, value] of Object.entries(query))
          if (value !== undefined) address.searchParams.set(name, String(value));
        const call = { method: methods.parse(method.toUpperCase()), url: address.href };
        const answer = await signed(call.method === 'POST' ? { ...call, json: body } : call);
        const time = timeIn(answer);
        if (time !== undefined) times.push(time);
        if (answer.status < 200 || answer.status > 299) throw new Refusal(answer);
        return { data: JSON.parse(answer.body) as unknown, headers: answer.headers };
      },
    };
    const library = new TwitterApi(undefined, { plugins: [transport] }).v2;
    const attempt = async <T>(call: Promise<T>): Promise<Outcome<T>> => {
      const outcome = await call.then(
        (ok) => ({ ok }),
        (error: unknown) => ({ failure: failureOf(error, clock.now()) }),
      );
      const time = times.pop();
      return time === undefined ? outcome : { ...outcome, time };
    };
    return {
      post: async (text, { since } = {}) => {
        const made = await attempt(library.tweet(text).then((answer) => postAnswer.parse(answer).data.id));
        if (!('ok' in made)) return made;
        const { ok: id, ...rest } = made;
        return { ...rest, ...idOutcome(id, since, clock.now()) };
      },
      me: () =>
        attempt(
          library.me().then((answer) => {
            const { id, username } = meAnswer.parse(answer).data;
            return { userId: id, screenName: username };
          }),
        ),
      timeline: (userId, from, page) => attempt(readPage(library, userId, from, page)),
    };
  };
}

const methods = z.enum(['GET', 'POST', 'DELETE']);

/** Carries an answer that is not a success through the library. */
class Refusal extends Error {
  readonly answer: HttpAnswer;

  constructor(answer: HttpAnswer) {
    super(`X answered ${answer.status}`);
    this.answer = answer;
  }
}

function failureOf(error: unknown, now: number): Failure {
  if (error instanceof Refusal) return classify(error.answer, now);
  if (error instanceof NoAnswer) return classify(error, now);
  // A page of a proxy with the status of a success.
  if (error instanceof SyntaxError)
    return { kind: 'in-doubt', foreign: true, reason: "a success without JSON, which is not X's" };
  // A success without the documented fields.
  return { kind: 'in-doubt', isServed: true, reason: 'X answered with something it does not document' };
}

/** Asks X for its time: X refuses a request without a key with a `Date` header. @param api - as in {@link openX} */
export const timeOfX = (api: string, send: Send, clock: Clock): Promise<TimeAnswer> =>
  askServer(`${api}/2/users/me`, { send, clock }, (answer) => messageIn(answer) !== undefined);

async function readPage(
  library: TwitterApiv2,
  userId: string,
  from: TimelineStart,
  { maxPosts, token }: PageWanted,
): Promise<TimelinePage> {
  const query = {
    ...windowOf(from),
    max_results: maxPosts,
    'tweet.fields': 'entities',
    pagination_token: token,
  };
  const answer = await library.get<unknown>(`users/${encodeURIComponent(userId)}/tweets`, query);
  // Only a complete page proves that a post is absent.
  const { data, meta } = timelineAnswer.parse(answer);
  if (data.length !== meta.result_count) throw new Error('a page without the posts it counts');
  const posts = data
    .map(({ id, text, entities }) => ({ id, text: asWritten(text, entities.urls) }))
    .sort((a, b) => compareIds(b.id, a.id))
    // Whatever X gives, an older post is not the one that is looked for.
    .filter(({ id }) => !(typeof from === 'object' && 'sinceId' in from) || compareIds(id, from.sinceId) > 0);
  return { posts, next: meta.next_token };
}

/** The earliest start that X accepts; no post is older. */
const oldest = Date.parse('2010-11-06T00:00:01Z');

function windowOf(from: TimelineStart): { since_id: string } | { start_time: string } | object {
  if (from === 'newest') return {};
  return 'sinceId' in from ? { since_id: from.sinceId } : { start_time: iso(Math.max(oldest, from.start)) };
}

/** The start of the time in X's ids: 2010-11-04T01:42:54.657Z. Milliseconds since 1970. */
const idEpoch = 1_288_834_974_657n;

/** Below about this id, X counted posts one by one, and ids hold no time. */
const minTimedId = 30_000_000_000n;

/**
 * The time of a post, from its id. Milliseconds since 1970, or undefined for an id without a time.
 *
 * @param id - decimal; its upper bits are the milliseconds since {@link idEpoch}
 * @see docs.x.com, X IDs
 */
export function postInstant(id: string): number | undefined {
  if (!postId.safeParse(id).success) return undefined;
  const number = BigInt(id);
  return number < minTimedId ? undefined : Number((number >> 22n) + idEpoch);
}

/** Compares ids by value; as texts, ids of different lengths would compare wrongly. */
function compareIds(a: string, b: string): number {
  const [one, other] = [BigInt(a), BigInt(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

const day = 86_400_000;

/** This machine's clock cannot be right before this time, since this program is younger. */
const minClock = Date.parse('2026-01-01T00:00:00Z');

/**
 * A success only if the id can be that of a post made just now: it is newer than the last one, and not more than a day in the
 * future. An id from the future, once recorded, would make every later id look old.
 */
function idOutcome(id: string, last: string | undefined, now: number): { ok: string } | { failure: Failure } {
  const isNewer = last === undefined || compareIds(id, last) > 0;
  if (isNewer && (now < minClock || (postInstant(id) ?? now) <= now + day)) return { ok: id };
  const after = last === undefined ? '' : ` after ${last}`;
  return {
    failure: { kind: 'in-doubt', reason: `X gave the post the id ${id}${after}, which is no new one` },
  };
}
