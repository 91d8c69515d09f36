import * as z from 'zod';

/** An account of the sandbox: what X calls a user. */
const account = z.object({
  id: z.string().regex(/^\d+$/),
  /** As its owner wrote it; compared without case. */
  screenName: z.string().regex(/^\w{1,15}$/),
  created: z.number(),
  suspended: z.boolean(),
});

/** `delete` is Flickr's, and means more than `write`. */
const access = z.enum(['read', 'write', 'delete']);

/** From the least to the most. */
export const accesses = access.options;

/** Whose ways a token was made in; it is good there and nowhere else. */
const dialectId = z.enum(['x', 'flickr', 'tumblr']);

/** What an app may do for an account. A revoked one is kept, to be told from one that never was. */
const accessToken = z.object({
  token: z.string(),
  secret: z.string(),
  app: z.string(),
  accountId: z.string(),
  access,
  /** Sandboxes stored before there were others are X's. */
  dialect: dialectId.default('x'),
  revoked: z.boolean(),
});

/** A link in a post: what the timeline shows, and where it leads. */
const link = z.object({ short: z.string(), expanded: z.string() });

/** A post that was accepted. A deleted one stays: X refuses its text again all the same. */
const post = z.object({
  id: z.string().regex(/^\d+$/),
  accountId: z.string(),
  text: z.string(),
  links: z.array(link),
  /** When it was accepted, in milliseconds since 1970. */
  instant: z.number(),
  deleted: z.boolean(),
});

/** What was used so far, to be priced by bill.ts. */
const usage = z.object({
  posts: z.number(),
  linkPosts: z.number(),
  postReads: z.number(),
  accountReads: z.number(),
});

/** All of a sandbox that outlives a restart; limits, nonces, faults and open authorizations do not. */
export const stateSchema = z.object({
  version: z.literal(1),
  accounts: z.array(account),
  accessTokens: z.array(accessToken),
  posts: z.array(post),
  usage,
  credits: z.number().nullable(),
});

export type Account = z.infer<typeof account>;
export type Access = z.infer<typeof access>;
export type DialectId = z.infer<typeof dialectId>;
export type AccessToken = z.infer<typeof accessToken>;
export type Link = z.infer<typeof link>;
export type Post = z.infer<typeof post>;
export type Usage = z.infer<typeof usage>;
export type SandboxState = z.infer<typeof stateSchema>;

/** A sandbox nobody has used. `credits: null` means that posting costs nothing. */
export function emptyState(credits: number | null = null): SandboxState {
  return {
    version: 1,
    accounts: [],
    accessTokens: [],
    posts: [],
    usage: { posts: 0, linkPosts: 0, postReads: 0, accountReads: 0 },
    credits,
  };
}
