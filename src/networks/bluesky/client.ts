import { randomInt } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import type { Send } from '../../http/exchange.ts';
import { parseJson } from '../../text.ts';
import {
  askServer,
  type Account,
  type Network,
  type Outcome,
  type PageWanted,
  type PostOptions,
  type TimeAnswer,
  type TimelinePage,
  type TimelinePost,
  type TimelineStart,
} from '../network.ts';
import { didText, plcDirectory, serverOf, type Answered, openXrpc, type Xrpc } from './xrpc.ts';
import { type BlueskyKey, Sessions } from './sessions.ts';
import { facetsOf, rulesOfBluesky, textFault } from './text.ts';

/*
 * The requests of a bot to Bluesky. Every post is a record of the account's repository, and its mark is the record's key. To send
 * the same record with the same key again changes nothing, so a post cannot be made twice.
 */

/** The collection of posts. */
const posts = 'app.bsky.feed.post';

/** The account's profile, and the label by which it says that it is a bot. */
const profile = { collection: 'app.bsky.actor.profile', rkey: 'self' } as const;
const botLabel = 'bot';

export const bluesky: Network = {
  name: 'bluesky',
  title: 'Bluesky',
  // `limit` of listRecords
  pageSizes: { min: 1, max: 100 },
  charges: false,
  refusesRepetitions: false,
  findsByMark: true,
  givesOriginals: false,
  newMark: newTid,
  rulesFor: () => rulesOfBluesky,
  pages({ userId }) {
    if (userId === undefined) return undefined;
    const account = `https://bsky.app/profile/${userId}`;
    return { account, post: (id) => `${account}/post/${id}` };
  },
};

/** Asks a server for its time. @param server - its address, without a trailing slash */
export const timeOfBluesky = (server: string, send: Send, clock: Clock): Promise<TimeAnswer> =>
  askServer(
    `${server}/xrpc/com.atproto.server.describeServer`,
    { send, clock },
    ({ body }) => didText.safeParse(described.safeParse(parseJson(body)).data?.did).success,
  );

const described = z.object({ did: z.string() });

/** A mark cannot be this far ahead of the server's clock: posts keep the time in their marks for good. Milliseconds. */
const maxAhead = 60 * 60_000;

const written = z.object({ uri: z.string(), cid: z.string() });
const record = z.object({ uri: z.string(), cid: z.string().optional(), value: z.looseObject({}) });
const listed = z.object({
  records: z.array(z.object({ uri: z.string(), value: z.object({ text: z.string() }) })),
  cursor: z.string().optional(),
});
const owner = z.object({ did: z.string(), handle: z.string() });
const profileRecord = z.object({
  labels: z.object({ values: z.array(z.looseObject({ val: z.string() })) }),
});

interface Place {
  collection: string;
  rkey: string;
}

/** A bot's account at Bluesky. */
export interface BlueskyAccount extends Account {
  find(mark: string): Promise<Outcome<TimelinePost | undefined>>;
  /** Whether the profile says that the account is a bot. */
  hasBotLabel(): Promise<Outcome<boolean>>;
  /** Adds that to the profile, and keeps all else in it. @returns whether it was missing */
  setBotLabel(): Promise<Outcome<boolean>>;
  /** The server that holds the account now, if it is not the key's any more. */
  movedTo(): Promise<Outcome<string | undefined>>;
}

interface BlueskyOptions {
  send: Send;
  clock: Clock;
  /** The directory of `did:plc`. */
  directory?: string;
}

/** Opens accounts at Bluesky, whose sessions last as long as the result. */
export function openBluesky({ send, clock, directory = plcDirectory }: BlueskyOptions) {
  const xrpc = openXrpc(send, clock);
  const sessions = new Sessions({ xrpc, clock, directory });
  return (key: BlueskyKey): BlueskyAccount => {
    const repository = openRepository(sessions, xrpc, key);
    return {
      post: (text, options = {}) => postTo(repository, text, options, clock.now()),
      find: async (mark) => outcomeOf(await findIn(repository, mark)),
      me: async () => {
        const found = await repository.owner();
        return outcomeOf(found, ({ did, handle }) => ({ userId: did, screenName: handle }));
      },
      timeline: async (userId, from, page) =>
        outcomeOf(await repository.list(userId, page), (found) => pageOf(found, from)),
      hasBotLabel: async () => outcomeOf(await repository.get(profile), (found) => isLabelled(found?.value)),
      setBotLabel: () => labelIn(repository),
      movedTo: async () =>
        outcomeOf(await serverOf(xrpc, directory, key.userId), (server) =>
          server === key.server ? undefined : server,
        ),
    };
  };
}

type Repository = ReturnType<typeof openRepository>;

/** The requests about one account's repository. */
function openRepository(sessions: Sessions, xrpc: Xrpc, key: BlueskyKey) {
  const repo = key.userId;
  return {
    /** @param swapRecord - the cid of the record that this one replaces, null for a new one */
    put: (place: Place, value: object, swapRecord: string | null) =>
      sessions.signed(key, ({ server, access: bearer }) => {
        const body = { repo, ...place, record: value, swapRecord };
        const name = 'com.atproto.repo.putRecord';
        return xrpc({ server, method: 'POST', name, body, bearer, answer: written });
      }),
    /** From the account's own server, since others may not have it yet. @returns undefined if there is no such record */
    get: async (place: Place): Promise<Answered<z.infer<typeof record> | undefined>> => {
      const found = await sessions.unsigned(key, (server) => {
        const name = 'com.atproto.repo.getRecord';
        return xrpc({ server, method: 'GET', name, query: { repo, ...place }, answer: record });
      });
      if (found.error !== 'RecordNotFound') return found;
      return { ok: undefined, ...(found.time !== undefined && { time: found.time }) };
    },
    list: (account: string, { maxPosts, token: cursor }: PageWanted) =>
      sessions.unsigned(key, (server) => {
        const limit = String(Math.min(Math.max(maxPosts, 1), bluesky.pageSizes.max));
        const query = { repo: account, collection: posts, limit, cursor };
        return xrpc({ server, method: 'GET', name: 'com.atproto.repo.listRecords', query, answer: listed });
      }),
    owner: () =>
      sessions.signed(key, ({ server, access: bearer }) =>
        xrpc({ server, method: 'GET', name: 'com.atproto.server.getSession', bearer, answer: owner }),
      ),
  };
}

/** An outcome as posting knows it. */
function outcomeOf<T>(answered: Answered<T>): Outcome<T>;
function outcomeOf<T, U>(answered: Answered<T>, change: (value: T) => U): Outcome<U>;
function outcomeOf<T>(
  answered: Answered<T>,
  change: (value: T) => unknown = (value) => value,
): Outcome<unknown> {
  const { time } = answered;
  const made = 'ok' in answered ? { ok: change(answered.ok) } : { failure: answered.failure };
  return time === undefined ? made : { ...made, time };
}

/** @param now - milliseconds since 1970 */
async function postTo(
  repository: Repository,
  text: string,
  options: PostOptions,
  now: number,
): Promise<Outcome<string>> {
  const { mark = '' } = options;
  const fault = textFault(text);
  if (fault !== undefined)
    return { failure: { kind: 'rejected', reason: `Bluesky takes no text that is ${fault}` } };
  if (!isTid(mark)) return { failure: { kind: 'never-sent', reason: 'the post has no mark' } };
  if (tidInstant(mark) > now + maxAhead)
    return { failure: { kind: 'clock', reason: "the time of its mark is ahead of this machine's clock" } };
  const made = await repository.put({ collection: posts, rkey: mark }, recordOf(text, mark, options), null);
  if ('ok' in made || made.failure.kind !== 'duplicate') return outcomeOf(made, () => mark);
  // The key has a record with other bytes. A mark is used for one post only, so the post is there.
  const found = await findIn(repository, mark);
  if ('ok' in found && found.ok) return outcomeOf(found, () => mark);
  return outcomeOf({ ...made, failure: { kind: 'in-doubt', reason: made.failure.reason } });
}

async function findIn(repository: Repository, mark: string): Promise<Answered<TimelinePost | undefined>> {
  const found = await repository.get({ collection: posts, rkey: mark });
  if (!('ok' in found)) return found;
  const text = z.object({ text: z.string() }).safeParse(found.ok?.value).data?.text ?? '';
  return { ...found, ok: found.ok && { id: mark, text, at: tidInstant(mark) } };
}

/** A page, newest first. An answer whose last post is not newer than the start is the last. */
function pageOf({ records, cursor }: z.infer<typeof listed>, from: TimelineStart): TimelinePage {
  const read = records.map(({ uri, value: { text } }) => {
    const id = uri.slice(uri.lastIndexOf('/') + 1);
    return { id, text, at: tidInstant(id) };
  });
  const wanted = read.filter(isAfter(from));
  return { posts: wanted, next: wanted.length === read.length && read.length > 0 ? cursor : undefined };
}

/** Record keys are ordered as text. */
function isAfter(from: TimelineStart): (post: { id: string; at: number }) => boolean {
  if (from === 'newest') return () => true;
  return 'sinceId' in from ? ({ id }) => id > from.sinceId : ({ at }) => at >= from.start;
}

const isLabelled = (value: unknown): boolean => labelsIn(value).some(({ val }) => val === botLabel);

const labelsIn = (value: unknown): { val: string }[] =>
  profileRecord.safeParse(value).data?.labels.values ?? [];

/** Reads the profile, and puts it with the label in place of the one that was read, so that no other change is lost. */
async function labelIn(repository: Repository): Promise<Outcome<boolean>> {
  const found = await repository.get(profile);
  if (!('ok' in found)) return outcomeOf(found);
  const old = found.ok;
  if (isLabelled(old?.value)) return outcomeOf(found, () => false);
  const values = [...labelsIn(old?.value), { val: botLabel }];
  const labelled = {
    $type: profile.collection,
    ...old?.value,
    labels: { $type: 'com.atproto.label.defs#selfLabels', values },
  };
  const made = await repository.put(profile, labelled, old?.cid ?? null);
  if (!('failure' in made) || made.failure.kind !== 'duplicate') return outcomeOf(made, () => true);
  return outcomeOf({ ...made, failure: { kind: 'duplicate', reason: 'the profile was changed meanwhile' } });
}

/** The values of labels that an author may put on a post, besides `graphic-media`, which other warnings become. */
const warnings = new Set(['porn', 'sexual', 'nudity', 'graphic-media']);

/**
 * The record of a post. The same text with the same key and options gives the same bytes, so that to send it again changes
 * nothing.
 *
 * @param tid - the record's key, which gives its time
 */
export function recordOf(text: string, tid: string, { language, contentWarning }: PostOptions = {}): object {
  const facets = facetsOf(text);
  const val = warnings.has(contentWarning ?? '') ? contentWarning : 'graphic-media';
  return {
    $type: 'app.bsky.feed.post',
    createdAt: new Date(tidInstant(tid)).toISOString(),
    text,
    ...(language !== undefined && { langs: [language] }),
    ...(facets.length > 0 && { facets }),
    ...(contentWarning !== undefined && { labels: selfLabels([val]) }),
  };
}

/** Labels that an author puts on an own record. */
const selfLabels = (values: (string | undefined)[]): object => ({
  $type: 'com.atproto.label.defs#selfLabels',
  values: values.map((val) => ({ val })),
});

/*
 * TIDs, the record keys of posts. A TID is also the mark of an attempt to post: a second record with the same key cannot exist.
 */

/** The digits of a TID, in the order of their values, which is their order as text. */
const digits = '234567abcdefghijklmnopqrstuvwxyz';

const tidLength = 13;
const clockIds = 1024n;

/** Whether a text is a TID: 13 digits whose first bit is 0. @see atproto.com/specs/tid */
export const isTid = (text: string): boolean => /^[2-7a-j][2-7a-z]{12}$/.test(text);

/**
 * A new TID: 53 bits of microseconds since 1970 and 10 bits of a clock id, which is random, as are the microseconds within the
 * millisecond. It is higher than the last one, whatever the clock shows, so that a bot's posts keep their order.
 *
 * @param now - milliseconds since 1970
 * @param last - the bot's last TID; anything else counts as none
 */
export function newTid(now: number, last?: string): string {
  const micros = BigInt(Math.max(0, Math.floor(now))) * 1000n + BigInt(randomInt(1000));
  const least = last !== undefined && isTid(last) ? valueOf(last) / clockIds + 1n : 0n;
  return textOf((micros > least ? micros : least) * clockIds + BigInt(randomInt(Number(clockIds))));
}

/** The time in a TID. Milliseconds since 1970. */
export const tidInstant = (tid: string): number => Number(valueOf(tid) / clockIds / 1000n);

function valueOf(tid: string): bigint {
  let value = 0n;
  for (const digit of tid) value = value * 32n + BigInt(digits.indexOf(digit));
  return value;
}

function textOf(value: bigint): string {
  let text = '';
  for (let rest = value; text.length < tidLength; rest /= 32n)
    text = (digits[Number(rest % 32n)] ?? '') + text;
  return text;
}
