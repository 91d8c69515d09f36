import twitterText from 'twitter-text';
import * as z from 'zod';
import { asKept, cashtagsIn, maxWeight, weigh } from '../poems/tweet-text.ts';
import { parseJson } from '../text.ts';
import {
  accessLevel,
  answer,
  type Call,
  type Caller,
  callerOf,
  json,
  type Refusal,
  refusals,
  type Refuse,
  type Routes,
  type SandboxAnswer,
} from './requests.ts';
import { type Core, type Post, showText } from './world.ts';

/*
 * X's API for an account's token: create and delete posts, read a timeline, ask for the account; /2, and what exists of it
 * in /1.1. With its rate limits and refusals.
 */

/** @param limits overrides of X's rate limits; null removes one */
export function xRoutes(core: Core, limits: Limits): Routes {
  const take = rateLimiter(limits);

  /** Answers calls within the limits. Every answer has the headers of the limits, refusals too. */
  const limited =
    (api: typeof v1, counted: LimitName[], act: Act) =>
    (call: Call): SandboxAnswer => {
      const caller = callerOf(core, call, api);
      const { passed, headers } = take(counted, caller, core.clock.now());
      const made = !passed
        ? api.refuse('too-many')
        : caller.account.suspended
          ? api.refuse('suspended')
          : act(core, call, caller);
      return { ...made, headers: { ...made.headers, ...headers, ...accessLevel(caller.token) } };
    };

  const posts: LimitName[] = ['posts', 'appPostsPerDay', 'accountPostsPerDay'];
  return {
    'POST /2/tweets': limited(v2, posts, createV2),
    'DELETE /2/tweets/:id': limited(v2, ['deletes'], deletePost),
    'GET /2/users/me': limited(v2, ['me'], meV2),
    'GET /2/users/:id/tweets': limited(v2, ['timeline'], timeline),
    'POST /1.1/statuses/update.json': limited(v1, posts, createV1),
    'GET /1.1/account/verify_credentials.json': limited(v1, ['me'], meV1),
  };
}

type Act = (core: Core, call: Call, caller: Caller) => SandboxAnswer;

const quarterHour = 15 * 60_000;
const day = 24 * 60 * 60_000;

/**
 * X's rate limits in its documentation of November 2026: the requests in a window of that many milliseconds, and the prefix of
 * the headers that report the window. The limit per app counts for the app, the others for the account.
 */
const xLimits = {
  posts: { max: 100, length: quarterHour, header: 'x-rate-limit' },
  appPostsPerDay: { max: 10_000, length: day, header: 'x-app-limit-24hour' },
  /** X holds unverified accounts to 50. */
  accountPostsPerDay: { max: null, length: day, header: 'x-user-limit-24hour' },
  me: { max: 75, length: quarterHour, header: 'x-rate-limit' },
  timeline: { max: 900, length: quarterHour, header: 'x-rate-limit' },
  deletes: { max: 50, length: quarterHour, header: 'x-rate-limit' },
} as const;

type LimitName = keyof typeof xLimits;
type Limits = Partial<Record<LimitName, number | null>>;

/**
 * Counts requests in fixed windows, as X does: one request in every window, or in none if one of them is full. The first request
 * opens a window.
 *
 * @returns whether the request passes, and the headers that X sends in both cases
 */
function rateLimiter(limits: Limits) {
  const windows = new Map<string, { opened: number; used: number }>();
  return (counted: LimitName[], { account, token }: Caller, now: number) => {
    const states = counted.flatMap((name) => {
      const { max: usual, length, header } = xLimits[name];
      const { [name]: max = usual } = limits;
      if (max === null) return [];
      const key = `${name} ${name === 'appPostsPerDay' ? token.app : account.id}`;
      const known = windows.get(key);
      const isOpen = known && now >= known.opened && now < known.opened + length;
      const window = isOpen ? known : { opened: now, used: 0 };
      windows.set(key, window);
      return [{ window, max, length, header }];
    });
    const passed = states.every(({ window, max }) => window.used < max);
    const headers: Record<string, string> = {};
    for (const { window, max, length, header } of states) {
      if (passed) window.used += 1;
      headers[`${header}-limit`] = String(max);
      headers[`${header}-remaining`] = String(Math.max(0, max - window.used));
      headers[`${header}-reset`] = String(Math.ceil((window.opened + length) / 1000));
    }
    return { passed, headers };
  };
}

const id = z.string().regex(/^\d{1,19}$/, 'is not an id');
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const list = z.string().transform((names) => names.split(','));

/** The parameters of GET /2/users/:id/tweets. The sandbox accepts `user.fields`, `expansions` and `exclude` without effect. */
const parameters = z.strictObject({
  since_id: id.optional(),
  until_id: id.optional(),
  start_time: instant.optional(),
  end_time: instant.optional(),
  max_results: z.coerce.number().int().min(5).max(100).default(10),
  pagination_token: z
    .string()
    .regex(/^p\d{1,19}$/, 'is not a token of this timeline')
    .optional(),
  'tweet.fields': list.default([]),
  'user.fields': z.string().optional(),
  expansions: z.string().optional(),
  exclude: z.string().optional(),
});

/** One page of a timeline, newest first. */
function timeline(core: Core, { parts, query }: Call): SandboxAnswer {
  const account = core.world.account(parts['id'] ?? '');
  if (!account) return refuseV2('not-found');
  const read = parameters.safeParse(Object.fromEntries(query));
  if (!read.success) {
    const name = propertyIn(read.error);
    const message = `The query parameter [${name}]: ${read.error.issues[0]?.message ?? ''}`;
    return invalidRequest(name, query.get(name) ?? '', message);
  }
  const { max_results: max, 'tweet.fields': fields } = read.data;
  const found = select(core.world.postsOf(account.id), read.data, core.clock.now() - (core.timelineLag ?? 0));
  const shown = found.slice(0, max);
  core.world.usage.postReads += shown.length;
  return json(200, pageOf(shown, { fields, hasMore: found.length > max }));
}

function propertyIn({ issues: [issue] }: z.ZodError): string {
  return issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : (issue?.path.join('.') ?? '');
}

/**
 * The newest posts that match, one more than a page, so that the caller sees whether another page follows.
 *
 * @param posts the account's posts, oldest first
 * @param shownUntil posts accepted after this instant do not show yet. Milliseconds since 1970
 */
function select(posts: readonly Post[], wanted: z.infer<typeof parameters>, shownUntil: number): Post[] {
  // Ids are compared as numbers: as text, `9` comes after `10`.
  const since = BigInt(wanted.since_id ?? -1);
  const untils = [wanted.until_id, wanted.pagination_token?.slice(1)].flatMap((limit) =>
    limit === undefined ? [] : [BigInt(limit)],
  );
  const found: Post[] = [];
  for (let n = posts.length - 1; n >= 0 && found.length <= wanted.max_results; n--) {
    const post = posts[n];
    if (!post || BigInt(post.id) <= since) break;
    const { id } = post;
    const tooNew =
      post.instant > shownUntil ||
      untils.some((limit) => BigInt(id) >= limit) ||
      post.instant >= (wanted.end_time ?? Infinity);
    if (!tooNew && !post.deleted && post.instant >= (wanted.start_time ?? -Infinity)) found.push(post);
  }
  return found;
}

function pageOf(posts: Post[], { fields, hasMore }: { fields: string[]; hasMore: boolean }): object {
  const [newest, oldest] = [posts[0], posts.at(-1)];
  if (!newest || !oldest) return { meta: { result_count: 0 } };
  return {
    data: posts.map((post) => showPost(post, fields)),
    meta: {
      result_count: posts.length,
      newest_id: newest.id,
      oldest_id: oldest.id,
      ...(hasMore && { next_token: `p${oldest.id}` }),
    },
  };
}

function showPost(post: Post, fields: string[]): object {
  const { text, urls } = showText(post);
  return {
    id: post.id,
    text,
    edit_history_tweet_ids: [post.id],
    ...(fields.includes('created_at') && { created_at: new Date(post.instant).toISOString() }),
    ...(fields.includes('author_id') && { author_id: post.accountId }),
    ...(fields.includes('entities') && urls.length > 0 && { entities: { urls } }),
  };
}

const newPost = z.strictObject({ text: z.string() });

function createV2(core: Core, { request }: Call, caller: Caller): SandboxAnswer {
  const body = newPost.safeParse(parseJson(request.body));
  if (!body.success) {
    const why = body.error.issues[0]?.message ?? '';
    const message = `The sandbox takes a JSON object with a text and nothing else: ${why}`;
    return invalidRequest(propertyIn(body.error), '', message);
  }
  const made = createPost(core, caller, body.data.text);
  return typeof made === 'string' ? refuseV2(made) : json(201, { data: showPost(made, []) });
}

function createV1(core: Core, { form, query }: Call, caller: Caller): SandboxAnswer {
  const made = createPost(core, caller, form.get('status') ?? query.get('status') ?? '');
  if (typeof made === 'string') return refuseV1(made);
  const { id, screenName: name } = caller.account;
  return withNumericId(made.id, {
    created_at: new Date(made.instant).toUTCString(),
    id_str: made.id,
    text: showText(made).text,
    truncated: false,
    user: { id_str: id, name, screen_name: name },
  });
}

/** Adds a post, or returns why X would refuse it. X checks in this order: the account, its rights, the credit, the text. */
function createPost(core: Core, { account, token }: Caller, raw: string): Post | Refusal {
  if (token.access === 'read') return 'read-only';
  if (core.world.credits !== null && core.world.credits <= 0) return 'no-credit';
  const text = asKept(raw);
  const fault = judgeText(text);
  if (fault) return fault;
  if (isDuplicate(core, account.id, text)) return 'duplicate';
  return core.world.addPost(account, text);
}

/** Why X refuses a text, whichever account posts it; undefined if X accepts it. Expects normalized text. */
function judgeText(text: string): 'empty' | 'too-long' | 'not-permitted' | undefined {
  if (text === '') return 'empty';
  if (weigh(text) > maxWeight) return 'too-long';
  if (twitterText.hasInvalidCharacters(text) || /\p{Surrogate}/u.test(text)) return 'not-permitted';
  // Self-serve apps may name one cashtag a post (X's changelog of 2026).
  return cashtagsIn(text) > 1 ? 'not-permitted' : undefined;
}

const halfDay = 12 * 60 * 60_000;

function isDuplicate(core: Core, accountId: string, text: string): boolean {
  if (core.duplicates === 'accept') return false;
  const since = core.clock.now() - (core.duplicateWindow ?? halfDay);
  const posts = core.world.postsOf(accountId);
  const last = posts.findLast((post) => post.text === text || post.instant <= since);
  return last !== undefined && last.instant > since;
}

function deletePost({ world }: Core, { parts }: Call, { account, token }: Caller): SandboxAnswer {
  if (token.access === 'read') return refuseV2('read-only');
  const post = world.posts.find(({ id, deleted }) => id === parts['id'] && !deleted);
  if (!post) return refuseV2('not-found');
  if (post.accountId !== account.id) return refuseV2('not-yours');
  world.deletePost(post);
  return json(200, { data: { deleted: true } });
}

function meV2({ world }: Core, _: Call, { account: { id, screenName } }: Caller): SandboxAnswer {
  world.usage.accountReads += 1;
  return json(200, { data: { id, name: screenName, username: screenName } });
}

function meV1({ world }: Core, _: Call, { account }: Caller): SandboxAnswer {
  world.usage.accountReads += 1;
  const { id, screenName: name, created } = account;
  const shown = { id_str: id, name, screen_name: name, created_at: new Date(created).toUTCString() };
  return withNumericId(id, shown);
}

/** /1.1 also has each id as a number, which can be larger than a JavaScript number holds. */
const withNumericId = (id: string, rest: object): SandboxAnswer =>
  answer(200, 'application/json', `{"id":${id},${JSON.stringify(rest).slice(1)}`);

const refuseV2: Refuse = (refusal) => {
  const [status, title, detail, name] = refusals[refusal].v2;
  if (refusal === 'empty') return invalidRequest('text', '', detail);
  const type = name === undefined ? 'about:blank' : problemType(name);
  // In reports the body of a 402 has no `status`, and the body of a 429 no `type`.
  if (status === 402) return json(status, { account_id: 0, title, detail, type });
  if (status === 429) return json(status, { title, detail, status });
  return json(status, { title, type, status, detail });
};

const problemType = (name: string): string => `https://api.twitter.com/2/problems/${name}`;

const refuseV1: Refuse = (refusal) => {
  const [status, code, message] = refusals[refusal].v1;
  return json(status, { errors: [{ code, message }] });
};

/** The two versions of X's API. */
export const v1 = { id: 'x', refuse: refuseV1 } as const;
export const v2 = { id: 'x', refuse: refuseV2 } as const;

/** The 400 of /2 for a parameter or property that it does not accept. */
function invalidRequest(parameter: string, value: string, message: string): SandboxAnswer {
  return json(400, {
    errors: [{ parameters: { [parameter]: [value] }, message }],
    title: 'Invalid Request',
    detail: 'One or more parameters to your request was invalid.',
    type: problemType('invalid-request'),
  });
}
