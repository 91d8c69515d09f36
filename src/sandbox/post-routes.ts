import * as z from 'zod';
import { asKept } from '../poems/tweet-text.ts';
import { json, rawJson, type SandboxAnswer } from './answer.ts';
import { accessLevel, callerOf, type Caller, type Core } from './core.ts';
import type { Counted } from './limits.ts';
import { judgeText, showText } from './post-text.ts';
import { invalidRequest, refuseV1, refuseV2, type Refusal, type Refuse } from './problems.ts';
import type { Call, Routes } from './router.ts';
import type { Post } from './state.ts';
import { readTimeline } from './timeline.ts';

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
