import * as z from 'zod';
import { asKept } from '../poems/tweet-text.ts';
import { accessLevel, type Call, type Caller, callerOf, type Core, type Routes } from './core.ts';
import type { Counted } from './limits.ts';
import {
  invalidRequest,
  json,
  rawJson,
  type Refusal,
  type Refuse,
  refuseV1,
  refuseV2,
  type SandboxAnswer,
} from './problems.ts';
import { compareIds, judgeText, type Post, showText, type UrlEntity } from './world.ts';

const id = z.string().regex(/^\d{1,19}$/, 'is not an id');
const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const list = z.string().transform((names) => names.split(','));

/** The parameters of GET /2/users/:id/tweets that the sandbox heeds, and those it only accepts. */
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
 * @param shownUntil posts accepted after this instant are not to be seen yet
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
  const more = found.length > wanted.max_results;
  return { ok: true, value: pageOf(found.slice(0, wanted.max_results), more, wanted['tweet.fields']) };
}

/** The newest posts that fit, one more than a page so that the caller sees whether there is another. */
function select(posts: readonly Post[], wanted: Parameters, shownUntil: number): Post[] {
  const before = wanted.pagination_token === undefined ? undefined : readToken(wanted.pagination_token);
  const found: Post[] = [];
  for (let n = posts.length - 1; n >= 0 && found.length <= wanted.max_results; n--) {
    const post = posts[n];
    if (!post || (wanted.since_id !== undefined && compareIds(post.id, wanted.since_id) <= 0)) break;
    const tooNew =
      post.instant > shownUntil ||
      (wanted.until_id !== undefined && compareIds(post.id, wanted.until_id) >= 0) ||
      (before !== undefined && compareIds(post.id, before) >= 0) ||
      post.instant >= (wanted.end_time ?? Infinity);
    if (!tooNew && !post.deleted && post.instant >= (wanted.start_time ?? -Infinity)) found.push(post);
  }
  return found;
}

function pageOf(posts: Post[], more: boolean, fields: string[]): TimelinePage {
  const [newest, oldest] = [posts[0], posts.at(-1)];
  if (!newest || !oldest) return { meta: { result_count: 0 } };
  return {
    data: posts.map((post) => showPost(post, fields)),
    meta: {
      result_count: posts.length,
      newest_id: newest.id,
      oldest_id: oldest.id,
      ...(more && { next_token: `p${BigInt(oldest.id).toString(36)}` }),
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

/** The id in a page's token, which is that id in base 36. */
function readToken(token: string): string {
  let value = 0n;
  for (const digit of token.slice(1)) value = value * 36n + BigInt(parseInt(digit, 36));
  return String(value);
}

/** What an account does with its token: post, delete, read its timeline, ask who it is. */
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

/** Runs `act` for a caller within the limits, and reports the limits on whatever it answers. */
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
  const answer = passed ? actInGoodStanding(checked.value, refuse, act) : refuse('too-many');
  return { ...answer, headers: { ...answer.headers, ...headers, ...accessLevel(checked.value.token) } };
}

function actInGoodStanding(
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

/** Accepts a post, or says why not. The order is X's: the account, its rights, the money, the text. */
function createPost(core: Core, { account, token }: Caller, raw: string): Post | Refusal {
  if (token.access === 'read') return 'read-only';
  if (core.world.credits !== null && core.world.credits <= 0) return 'no-credit';
  const text = asKept(raw);
  const fault = judgeText(text);
  if (fault) return fault;
  if (postedLately(core, account.id, text)) return 'duplicate';
  return core.world.addPost(account, text);
}

function postedLately({ world, clock, duplicateWindow }: Core, accountId: string, text: string): boolean {
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

/** /1.1 gives ids as numbers too, beyond what a JavaScript number holds. */
function withNumericId(id: string, rest: object): SandboxAnswer {
  return rawJson(200, `{"id":${id},${JSON.stringify(rest).slice(1)}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
