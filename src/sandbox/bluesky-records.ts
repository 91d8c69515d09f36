import { createHash } from 'node:crypto';
import * as z from 'zod';
import {
  accountOf,
  anyAccess,
  badRequest,
  bodyOf,
  callerOf,
  didOf,
  type Handler,
  isAt,
  mustBeActive,
  notSignedIn,
  refuse,
  type Servers,
  words,
} from './bluesky-servers.ts';
import { handleOf } from './names.ts';
import { type Call, json } from './requests.ts';
import type { Account } from './world.ts';

/*
 * The records of Bluesky's accounts: posts, which are posts of the world, and profiles.
 */

const posts = 'app.bsky.feed.post';
const profiles = 'app.bsky.actor.profile';

const tid = /^[2-7a-j][2-7a-z]{12}$/;

/** A record's content hash: the same for the same record, whatever the order of its fields. */
const cidOf = (value: unknown): string =>
  `bafyrei${BigInt(`0x${createHash('sha256').update(canonical(value)).digest('hex')}`)
    .toString(32)
    .padStart(52, '0')}`;

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}

/** What the lexicon wants of a post. */
const postRecord = z.looseObject({
  $type: z.literal(posts),
  text: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= 3000, 'string too big (maximum 3000)')
    .refine((text) => lengthOf(text) <= 300, {
      error: ({ input }) => `grapheme too big (maximum 300, got ${lengthOf(String(input))})`,
    }),
  createdAt: z.iso.datetime({ offset: true }),
  langs: z.array(z.string()).max(3).optional(),
  facets: z
    .array(
      z.object({
        index: z.object({ byteStart: z.int().min(0), byteEnd: z.int().min(0) }),
        features: z.array(z.looseObject({ $type: z.string() })),
      }),
    )
    .optional(),
});

const segmenter = new Intl.Segmenter('en');
const lengthOf = (text: string): number => [...segmenter.segment(text)].length;

const write = z.object({
  repo: words,
  collection: words,
  rkey: words,
  record: z.record(z.string(), z.unknown()),
  swapRecord: z.string().nullable().optional(),
});

/** Checks who writes and what. @throws {Refused} */
function writerOf(servers: Servers, call: Call, repo: string, points: number) {
  const { account } = callerOf(servers, call, anyAccess);
  const of = didOf(account);
  const headers = servers.take([
    ['points', of, points],
    ['pointsPerDay', of, points],
  ]);
  mustBeActive(account);
  if (repo !== of && repo !== handleOf(account))
    throw notSignedIn('AuthenticationRequired', 'Authentication Required');
  return { account, headers };
}

/** @throws {Refused} */
function checkRecord(collection: string, rkey: string, record: unknown): void {
  if (collection === profiles && rkey === 'self') return;
  if (collection !== posts) throw badRequest(`The sandbox has no collection ${collection}`);
  if (!tid.test(rkey)) throw badRequest(`Invalid ${collection} record: Invalid record key (expected "tid")`);
  const issue = postRecord.safeParse(record).error?.issues[0];
  if (issue) throw badRequest(`Invalid ${collection} record: ${issue.message} at $.${issue.path.join('.')}`);
}

function recordAt(servers: Servers, account: Account, collection: string, rkey: string): unknown {
  return collection === profiles
    ? account.bluesky?.profile
    : servers.core.world.postRecordedAs(rkey, account)?.record?.value;
}

/** Stores a record in place of the one that has its key. */
function store(
  servers: Servers,
  account: Account,
  { collection, rkey, record }: z.infer<typeof write>,
): void {
  const { world } = servers.core;
  if (collection === profiles && account.bluesky) account.bluesky.profile = record;
  else {
    const old = world.postRecordedAs(rkey, account);
    if (old) old.deleted = true;
    world.addPost(account, String(record['text']), mannersOf(rkey, record));
  }
  world.changed();
}

/** What a post's record says besides its text. */
function mannersOf(rkey: string, value: Record<string, unknown>) {
  const { langs: [language] = [], labels } = manners.parse(value);
  const contentWarning = labels?.values.map(({ val }) => val).join(', ');
  return {
    record: { rkey, value },
    ...(language !== undefined && { language }),
    ...(contentWarning !== undefined && { contentWarning }),
  };
}

const manners = z.object({
  langs: z.array(z.string()).optional(),
  labels: z
    .object({ values: z.array(z.object({ val: z.string() })) })
    .optional()
    .catch(undefined),
});

const uriOf = (account: Account, collection: string, rkey: string): string =>
  `at://${didOf(account)}/${collection}/${rkey}`;

/** A new record's key, from the sandbox's clock. */
function newKey(servers: Servers): string {
  const value = BigInt(Math.max(0, servers.now())) * 1000n * 1024n + BigInt(servers.random.digits('tid', 6));
  const text = value.toString(32).padStart(13, '0');
  return text.replaceAll(/./g, (digit) => '234567abcdefghijklmnopqrstuvwxyz'[parseInt(digit, 32)] ?? '2');
}

export const recordCalls: Record<string, Handler> = {
  'POST com.atproto.repo.putRecord': (servers, call) => {
    const wanted = bodyOf(call, write);
    const { repo, collection, rkey, record, swapRecord } = wanted;
    const { account, headers } = writerOf(servers, call, repo, 2);
    checkRecord(collection, rkey, record);
    const old = recordAt(servers, account, collection, rkey);
    const cid = cidOf(record);
    const uri = uriOf(account, collection, rkey);
    // The same record again changes nothing, whatever it is said to replace.
    if (old !== undefined && cidOf(old) === cid)
      return json(200, { uri, cid, validationStatus: 'valid' }, headers);
    const current = old === undefined ? null : cidOf(old);
    if (swapRecord !== undefined && swapRecord !== current)
      return refuse(400, 'InvalidSwap', `Record was at ${current ?? 'null'}`, headers);
    store(servers, account, wanted);
    const commit = { cid: cidOf({ cid, at: servers.now() }), rev: newKey(servers) };
    return json(200, { uri, cid, commit, validationStatus: 'valid' }, headers);
  },
  'POST com.atproto.repo.createRecord': (servers, call) => {
    const { rkey = newKey(servers), ...body } = bodyOf(call, write.partial({ rkey: true }));
    const { account, headers } = writerOf(servers, call, body.repo, 3);
    checkRecord(body.collection, rkey, body.record);
    if (recordAt(servers, account, body.collection, rkey) !== undefined)
      return refuse(500, 'InternalServerError', 'Internal Server Error', headers);
    store(servers, account, { ...body, rkey });
    return json(200, { uri: uriOf(account, body.collection, rkey), cid: cidOf(body.record) }, headers);
  },
  'POST com.atproto.repo.deleteRecord': (servers, call) => {
    const { repo, rkey } = bodyOf(call, write.omit({ record: true }));
    const { account, headers } = writerOf(servers, call, repo, 1);
    const post = servers.core.world.postRecordedAs(rkey, account);
    if (post) servers.core.world.deletePost(post);
    return json(200, {}, headers);
  },
  'GET com.atproto.repo.getRecord': (servers, call) => {
    const [repo, collection, rkey] = ['repo', 'collection', 'rkey'].map((name) => call.query.get(name) ?? '');
    const account = accountOf(servers, repo ?? '');
    // Of an account that is elsewhere or cannot be used, a server without an AppView says no more than this.
    if (!isAt(account, call) || account.suspended || account.bluesky?.deactivated === true)
      throw badRequest('Could not locate record');
    const value = recordAt(servers, account, collection ?? '', rkey ?? '');
    const uri = uriOf(account, collection ?? '', rkey ?? '');
    if (value === undefined) throw badRequest(`Could not locate record: ${uri}`, 'RecordNotFound');
    return json(200, { uri, cid: cidOf(value), value });
  },
  'GET com.atproto.repo.listRecords': (servers, call) => {
    const read = listQuery.safeParse(Object.fromEntries(call.query));
    if (!read.success) throw badRequest(`Params: ${read.error.issues[0]?.message ?? ''}`);
    const { repo, limit, cursor, reverse } = read.data;
    const account = accountOf(servers, repo);
    if (!isAt(account, call)) throw badRequest(`Could not find repo: ${repo}`);
    const records = servers.core.world
      .postsOf(account.id)
      .flatMap(({ deleted, record }) => (deleted || !record ? [] : record))
      .filter(({ rkey }) => cursor === undefined || (reverse ? rkey > cursor : rkey < cursor))
      .sort((a, b) => (a.rkey < b.rkey === reverse ? -1 : 1))
      .slice(0, limit)
      .map(({ rkey, value }) => ({ uri: uriOf(account, posts, rkey), cid: cidOf(value), value }));
    const last = records.at(-1)?.uri;
    return json(200, {
      records,
      ...(last !== undefined && { cursor: last.slice(last.lastIndexOf('/') + 1) }),
    });
  },
};

const listQuery = z.object({
  repo: words,
  collection: z.literal(posts),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().optional(),
  reverse: z.stringbool().default(false),
});
