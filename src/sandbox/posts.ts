import * as z from 'zod';
import { asKept } from '../poems/tweet-text.ts';
import {
  accessLevel,
  type Call,
  type Caller,
  callerOf,
  type Core,
  type Counted,
  type Routes,
} from './core.ts';
import {
  invalidRequest,
  json,
  parseJson,
  rawJson,
  type Refusal,
  type Refuse,
  refuseV1,
  refuseV2,
  type SandboxAnswer,
} from './problems.ts';
import { judgeText, type Post, showText, type UrlEntity } from './world.ts';

/** X's API for an account's token: create and delete posts, read a timeline, ask for the account. /2, and what exists of it in /1.1. */
export function postRoutes(core: Core): Routes {
  return {
    'POST /2/tweets': (call) => createV2(core, call),
    'DELETE /2/tweets/:id': (call) => deleteV2(core, call),
    'GET /2/users/me': (call) => me(core, call),
    'GET /2/users/:id/tweets': (call) => timeline(core, call),
    'POST /1.1/statuses/update.json': (call) => createV1(core, call),
    'GET /1.1/account/verify_credentials.json': (call) => verifyCredentials(core, call),
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
    .regex(/^p[0-9a-z]+$/, 'is not a token of this timeline')
    .optional(),
  'tweet.fields': list.default([]),
  'user.fields': z.string().optional(),
  expansions: z.string().optional(),
  exclude: z.string().optional(),
});

type Parameters = z.infer<typeof parameters>;

interface ShownPost {
  id: string;
  text: string;
  edit_history_tweet_ids: string[];
  created_at?: string;
  author_id?: string;
  entities?: { urls: UrlEntity[] };
}

interface TimelinePage {
  data?: ShownPost[];
  meta: {
    result_count: number;
    newest_id?: string;
    oldest_id?: string;
    next_token?: string;
  };
}

type TimelineRead = { ok: true; value: TimelinePage } | { ok: false; parameter: string; message: string };

/**
 * One page of a timeline, newest first.
 *
 * @param posts the account's posts, oldest first
 * @param shownUntil posts accepted after this instant do not show yet. Milliseconds since 1970
 */
function readTimeline(posts: readonly Post[], query: URLSearchParams, shownUntil: number): TimelineRead {
  const read = parameters.safeParse(Object.fromEntries(query));
  if (!read.success) {
    const issue = read.error.issues[0];
    const name = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0];
    const parameter = String(name);
    return { ok: false, parameter, message: `The query parameter [${parameter}]: ${issue?.message ?? ''}` };
  }
  const wanted = read.data;
  const found = select(posts, wanted, shownUntil);
  const { max_results: max, 'tweet.fields': fields } = wanted;
  return { ok: true, value: pageOf(found.slice(0, max), { fields, hasMore: found.length > max }) };
}

/** The newest posts that match, one more than a page, so that the caller sees whether another page follows. */
function select(posts: readonly Post[], wanted: Parameters, shownUntil: number): Post[] {
  // Ids are compared as numbers: as text, `9` comes after `10`.
  const since = BigInt(wanted.since_id ?? -1);
  const { until_id: until, pagination_token: token } = wanted;
  const untils = [
    until === undefined ? [] : BigInt(until),
    token === undefined ? [] : readToken(token),
  ].flat();
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

function pageOf(posts: Post[], { fields, hasMore }: { fields: string[]; hasMore: boolean }): TimelinePage {
  const [newest, oldest] = [posts[0], posts.at(-1)];
  if (!newest || !oldest) return { meta: { result_count: 0 } };
  return {
    data: posts.map((post) => showPost(post, fields)),
    meta: {
      result_count: posts.length,
      newest_id: newest.id,
      oldest_id: oldest.id,
      ...(hasMore && { next_token: `p${BigInt(oldest.id).toString(36)}` }),
    },
  };
}

function showPost(post: Post, fields: string[]): ShownPost {
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

/** Reads the id in a pagination token: `p` and the id in base 36. */
function readToken(token: string): bigint {
  let value = 0n;
  for (const digit of token.slice(1)) value = value * 36n + BigInt(parseInt(digit, 36));
  return value;
}

/** Runs `act` if the caller is within its limits. Every answer has the headers of the limits, refusals too. */
function limited(
  core: Core,
  call: Call,
  refuse: Refuse,
  counted: (caller: Caller) => Counted[],
  act: (caller: Caller) => SandboxAnswer,
): SandboxAnswer {
  const checked = callerOf(core, call.request, refuse);
  if (!checked.ok) return checked.answer;
  const { passed, headers } = core.limits.take(counted(checked.value), core.clock.now());
  const answer = passed ? actUnlessSuspended(checked.value, refuse, act) : refuse('too-many');
  return { ...answer, headers: { ...answer.headers, ...headers, ...accessLevel(checked.value.token) } };
}

function actUnlessSuspended(
  caller: Caller,
  refuse: Refuse,
  act: (caller: Caller) => SandboxAnswer,
): SandboxAnswer {
  return caller.account.suspended ? refuse('suspended') : act(caller);
}

const postLimits = ({ account, token }: Caller): Counted[] => [
  ['posts', account.id],
  ['appPostsPerDay', token.app],
  ['accountPostsPerDay', account.id],
];

const newPost = z.strictObject({ text: z.string() });

function createV2(core: Core, call: Call): SandboxAnswer {
  return limited(core, call, refuseV2, postLimits, (caller) => {
    const body = newPost.safeParse(parseJson(call.request.body));
    if (!body.success) return badBody(body.error);
    const made = createPost(core, caller, body.data.text);
    if (typeof made === 'string') return refuseV2(made);
    const { text } = showText(made);
    return json(201, { data: { id: made.id, text, edit_history_tweet_ids: [made.id] } });
  });
}

function badBody(error: z.ZodError): SandboxAnswer {
  const issue = error.issues[0];
  const name = issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : (issue?.path.join('.') ?? '');
  return invalidRequest(
    name,
    '',
    `The sandbox takes a JSON object with a text and nothing else: ${issue?.message ?? ''}`,
  );
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

/** Whether the account posted the text within the last `duplicateWindow`. */
function isDuplicate({ world, clock, duplicateWindow }: Core, accountId: string, text: string): boolean {
  const since = clock.now() - duplicateWindow;
  const posts = world.postsOf(accountId);
  for (let n = posts.length - 1; n >= 0; n--) {
    const post = posts[n];
    if (!post || post.instant <= since) return false;
    if (post.text === text) return true;
  }
  return false;
}

function deleteV2(core: Core, call: Call): SandboxAnswer {
  const counted = ({ account }: Caller): Counted[] => [['deletes', account.id]];
  return limited(core, call, refuseV2, counted, ({ account, token }) => {
    if (token.access === 'read') return refuseV2('read-only');
    const post = core.world.posts.find(({ id, deleted }) => id === call.parts['id'] && !deleted);
    if (!post) return refuseV2('not-found');
    if (post.accountId !== account.id) return refuseV2('not-yours');
    core.world.deletePost(post);
    return json(200, { data: { deleted: true } });
  });
}

function me(core: Core, call: Call): SandboxAnswer {
  const counted = ({ account }: Caller): Counted[] => [['me', account.id]];
  return limited(core, call, refuseV2, counted, ({ account }) => {
    core.world.usage.accountReads += 1;
    return json(200, { data: { id: account.id, name: account.screenName, username: account.screenName } });
  });
}

function timeline(core: Core, call: Call): SandboxAnswer {
  const counted = ({ account }: Caller): Counted[] => [['timeline', account.id]];
  return limited(core, call, refuseV2, counted, () => {
    const account = core.world.account(call.parts['id'] ?? '');
    if (!account) return refuseV2('not-found');
    const read = readTimeline(
      core.world.postsOf(account.id),
      call.query,
      core.clock.now() - core.timelineLag,
    );
    if (!read.ok) return invalidRequest(read.parameter, call.query.get(read.parameter) ?? '', read.message);
    core.world.usage.postReads += read.value.meta.result_count;
    return json(200, read.value);
  });
}

function createV1(core: Core, call: Call): SandboxAnswer {
  return limited(core, call, refuseV1, postLimits, (caller) => {
    const made = createPost(core, caller, call.form.get('status') ?? call.query.get('status') ?? '');
    if (typeof made === 'string') return refuseV1(made);
    const { account } = caller;
    return withNumericId(made.id, {
      created_at: new Date(made.instant).toUTCString(),
      id_str: made.id,
      text: showText(made).text,
      truncated: false,
      user: { id_str: account.id, name: account.screenName, screen_name: account.screenName },
    });
  });
}

function verifyCredentials(core: Core, call: Call): SandboxAnswer {
  const counted = ({ account }: Caller): Counted[] => [['me', account.id]];
  return limited(core, call, refuseV1, counted, ({ account }) => {
    core.world.usage.accountReads += 1;
    return withNumericId(account.id, {
      id_str: account.id,
      name: account.screenName,
      screen_name: account.screenName,
      created_at: new Date(account.created).toUTCString(),
    });
  });
}

/** /1.1 also has each id as a number, which can be larger than a JavaScript number holds. */
function withNumericId(id: string, rest: object): SandboxAnswer {
  return rawJson(200, `{"id":${id},${JSON.stringify(rest).slice(1)}`);
}
