import * as z from 'zod';
import { compareIds } from '../networks/x/client.ts';
import { showText, type UrlEntity } from './post-text.ts';
import type { Post } from './state.ts';

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

export interface TimelinePage {
  data?: ShownPost[];
  meta: {
    result_count: number;
    newest_id?: string;
    oldest_id?: string;
    next_token?: string;
  };
}

export type TimelineRead =
  { ok: true; value: TimelinePage } | { ok: false; parameter: string; message: string };

/**
 * One page of a timeline, newest first.
 *
 * @param posts the account's posts, oldest first
 * @param shownUntil posts accepted after this instant are not to be seen yet
 */
export function readTimeline(
  posts: readonly Post[],
  query: URLSearchParams,
  shownUntil: number,
): TimelineRead {
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
