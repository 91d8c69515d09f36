import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { inMicros, inUsd, type PriceTable, readingCost, usualPrices } from '../cost.ts';
import { linksIn } from '../poems/tweet-text.ts';
import { namesMeant, networkOf } from './names.ts';

/** What all routes of a sandbox share. */
export interface Core extends CoreOptions {
  world: World;
  authorizations: Authorizations;
  /** The used nonces by the time stamps of their requests, as long as these are accepted. */
  nonces: Map<number, Set<string>>;
  /** How far the clock of the sandbox is ahead of `clock`. Milliseconds. */
  ahead: number;
}

export interface CoreOptions {
  clock: Clock;
  /** The apps that may sign. */
  appKeys: { token: string; secret: string }[];
  /** The registered callback URLs; by default every URL is allowed. */
  callbacks?: string[];
  /** Whether to refuse a text that the account posted within `duplicateWindow`. `refuse` by default. */
  duplicates?: 'refuse' | 'accept';
  /** Milliseconds; 12 hours by default. */
  duplicateWindow?: number;
  /** How long a post takes to show in the timeline. Milliseconds; 0 by default. */
  timelineLag?: number;
  /** The passwords for xAuth, by screen name. Without any there is no xAuth, as at X. */
  passwords?: Record<string, string>;
}

/**
 * The accounts, tokens and posts of a sandbox, indexed for lookup. This is the part of a sandbox that a restart keeps;
 * {@link stateSchema} is its format on disk.
 */
export class World {
  readonly usage: Usage;
  credits: number | null;
  /** Every post ever accepted, oldest first. */
  readonly posts: Post[];
  readonly #accounts = new Map<string, Account>();
  readonly #byName = new Map<string, Account>();
  readonly #tokens = new Map<string, AccessToken>();
  readonly #tokensOf = new Map<string, AccessToken[]>();
  readonly #postsOf = new Map<string, Post[]>();
  /** The newest post of each record of Bluesky, by account and key. */
  readonly #recorded = new Map<string, Post>();
  readonly #watchers = new Set<(event: WorldEvent) => void>();
  readonly #postIds: PostIds;
  readonly #accountIds: PostIds;
  readonly #clock: Clock;
  readonly #random: SeededRandom;

  constructor(state: SandboxState, clock: Clock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
    this.usage = { ...state.usage };
    this.credits = state.credits;
    this.posts = [];
    for (const account of state.accounts) this.#addAccount({ ...account });
    for (const token of state.accessTokens) this.#addToken({ ...token });
    for (const post of state.posts) this.#addPost({ ...post });
    this.#postIds = new PostIds(maxId(state.posts));
    this.#accountIds = new PostIds(maxId(state.accounts));
  }

  get accounts(): Account[] {
    return [...this.#accounts.values()];
  }

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  accountNamed(screenName: string): Account | undefined {
    return this.#byName.get(screenName.toLowerCase());
  }

  /** The account that a person or a link names, as the world does or as its network does. */
  accountCalled(typed: string): Account | undefined {
    const found = namesMeant(typed).find((name) => this.#byName.has(name.toLowerCase()));
    return found === undefined ? undefined : this.accountNamed(found);
  }

  /** Returns the account of that name, and creates it if there is none. The name must fit the schema {@link account}. */
  ensureAccount(screenName: string, more: Pick<Account, 'bluesky'> = {}): Account {
    const known = this.accountNamed(screenName);
    if (known) return known;
    const now = this.#clock.now();
    const account = { id: this.#accountIds.next(now), screenName, created: now, suspended: false, ...more };
    this.#addAccount(account);
    this.changed();
    return account;
  }

  /** Renames an account; its id stays. @returns false if another account has that name */
  rename(account: Account, screenName: string): boolean {
    const other = this.accountNamed(screenName);
    if (other && other !== account) return false;
    this.#byName.delete(account.screenName.toLowerCase());
    account.screenName = screenName;
    this.#addAccount(account);
    return true;
  }

  accessToken(token: string): AccessToken | undefined {
    return this.#tokens.get(token);
  }

  /** The access token of an app for an account that is not revoked. X gives the app the same token at each approval. */
  tokenOf(app: string, accountId: string, dialect: DialectId = 'x'): AccessToken | undefined {
    return this.tokensOf(accountId).find(
      (token) => token.app === app && token.dialect === dialect && !token.revoked,
    );
  }

  tokensOf(accountId: string): readonly AccessToken[] {
    return this.#tokensOf.get(accountId) ?? [];
  }

  grant(app: string, accountId: string, access: Access, dialect: DialectId = 'x'): AccessToken {
    const token = this.tokenOf(app, accountId, dialect) ?? this.#newToken(app, accountId, dialect);
    token.access = access;
    this.changed();
    return token;
  }

  /** An account's posts, oldest first, deleted ones included. */
  postsOf(accountId: string): readonly Post[] {
    return this.#postsOf.get(accountId) ?? [];
  }

  /** The post of a record of Bluesky that is not deleted. */
  postRecordedAs(rkey: string, { id }: Account): Post | undefined {
    const post = this.#recorded.get(`${id} ${rkey}`);
    return post?.deleted === true ? undefined : post;
  }

  addPost(account: Account, text: string, manners: Manners = {}): Post {
    const instant = this.#clock.now();
    const id = this.#postIds.next(instant);
    const isAtX = networkOf(account) === 'x';
    const links = isAtX ? shortenLinks(text) : [];
    const post = { id, accountId: account.id, text, links, instant, deleted: false, ...manners };
    this.#addPost(post);
    if (isAtX) this.#charge(post);
    this.#notify({ kind: 'posted', post });
    return post;
  }

  deletePost(post: Post): void {
    post.deleted = true;
    this.#notify({ kind: 'deleted', post });
  }

  /** Must be called after a change from outside, so that the change is stored. */
  changed(): void {
    this.#notify({ kind: 'changed' });
  }

  /** Calls `watcher` after every change. @returns a function that ends this */
  watch(watcher: (event: WorldEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The current state, not a copy: the caller must serialize it before the world changes again. */
  snapshot(): SandboxState {
    return {
      version: 1,
      accounts: this.accounts,
      accessTokens: [...this.#tokens.values()],
      posts: this.posts,
      usage: this.usage,
      credits: this.credits,
    };
  }

  #charge({ links }: Post): void {
    if (this.credits !== null) this.credits -= 1;
    this.usage.posts += 1;
    if (links.length > 0) this.usage.linkPosts += 1;
  }

  #newToken(app: string, accountId: string, dialect: DialectId): AccessToken {
    const owner = dialect === 'x' ? `${app} ${accountId}` : `${app} ${accountId} ${dialect}`;
    const token = `${accountId}-${this.#random.token(`access ${owner}`, 32)}`;
    // With the seed of an earlier run, the first draws give tokens that are stored already and may be revoked.
    if (this.#tokens.has(token)) return this.#newToken(app, accountId, dialect);
    const secret = this.#random.token(`secret ${owner}`, 32);
    const made: AccessToken = { token, secret, app, accountId, access: 'write', dialect, revoked: false };
    this.#addToken(made);
    return made;
  }

  #addToken(token: AccessToken): void {
    this.#tokens.set(token.token, token);
    listIn(this.#tokensOf, token.accountId).push(token);
  }

  #addAccount(account: Account): void {
    this.#accounts.set(account.id, account);
    this.#byName.set(account.screenName.toLowerCase(), account);
  }

  #addPost(post: Post): void {
    this.posts.push(post);
    listIn(this.#postsOf, post.accountId).push(post);
    if (post.record) this.#recorded.set(`${post.accountId} ${post.record.rkey}`, post);
  }

  #notify(event: WorldEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }
}

/** What a network stores of a post besides its text. */
type Manners = Partial<Pick<Post, 'visibility' | 'language' | 'contentWarning' | 'record'>>;

type WorldEvent = { kind: 'posted' | 'deleted'; post: Post } | { kind: 'changed' };

/** The instant that X's ids count from. Milliseconds since 1970. @see docs.x.com, X IDs */
const idEpoch = 1_288_834_974_657n;

/**
 * Makes ids as X does: the upper bits hold the millisecond, so that a later post has a higher id.
 * Ids go up even when the clock goes back.
 */
export class PostIds {
  #last: bigint;

  /** @param last the highest id so far, in decimal; the next one is higher */
  constructor(last = '0') {
    this.#last = BigInt(last);
  }

  next(instant: number): string {
    const fromClock = (BigInt(Math.max(0, Math.floor(instant))) - idEpoch) << 22n;
    this.#last = fromClock > this.#last ? fromClock : this.#last + 1n;
    return String(this.#last);
  }
}

/** The links in a text, in order, each with the t.co link that X shows instead. */
export function shortenLinks(text: string): Link[] {
  return linksIn(text).map(({ indices: [from, to] }) => {
    const url = text.slice(from, to);
    const name = createHash('sha256').update(url).digest('base64url').replaceAll(/[-_]/g, 'x');
    return {
      short: `https://t.co/${name.slice(0, 10)}`,
      expanded: /^https?:\/\//i.test(url) ? url : `http://${url}`,
    };
  });
}

/** A post's text as X's answers show it: `&`, `<` and `>` escaped, links shortened. */
export function showText(post: Post): { text: string; urls: ReturnType<typeof urlEntity>[] } {
  const found = linksIn(post.text);
  const urls: ReturnType<typeof urlEntity>[] = [];
  let text = '';
  let read = 0;
  found.forEach(({ indices: [from, to] }, n) => {
    const link = post.links[n];
    if (!link) return;
    text += escapeText(post.text.slice(read, from));
    urls.push(urlEntity(link, Array.from(text).length));
    text += link.short;
    read = to;
  });
  return { text: text + escapeText(post.text.slice(read)), urls };
}

/** A post's id as its network gives it: at Bluesky, the record's key. */
export const idOf = ({ id, record }: Pick<Post, 'id' | 'record'>): string => record?.rkey ?? id;

/** A post with its text as stored, as pages and control requests show it: nothing is escaped or shortened. */
export const shownPost = (world: World, { accountId, text, instant, deleted, ...post }: Post) => ({
  id: idOf(post),
  account: world.account(accountId)?.screenName ?? '',
  text,
  instant: new Date(instant).toISOString(),
  deleted,
});

/** A link in the shown text; `start` and `end` count code points of that text. */
const urlEntity = ({ short, expanded }: Link, start: number) => ({
  start,
  end: start + short.length,
  url: short,
  expanded_url: expanded,
  display_url: expanded.replace(/^https?:\/\/(www\.)?/i, ''),
});

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const plainText = (text: string): string =>
  text.replaceAll(/&amp;|&lt;|&gt;/g, (name) => (name === '&amp;' ? '&' : name === '&lt;' ? '<' : '>'));

const withNumbers = (write: (code: number) => string) => (text: string) =>
  plainText(text).replaceAll(/[&<>"']/g, (char) => write(char.codePointAt(0) ?? 0));

/**
 * How X, or a proxy before it, may change a shown text without a visible difference. Each function takes the text as
 * {@link showText} returns it.
 */
export const alterations = {
  decomposed: (text: string) => text.normalize('NFD'),
  'without-invisible': (text: string) => text.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, ''),
  'without-variations': (text: string) => text.replaceAll(/[\ufe00-\ufe0f]/g, ''),
  'with-invisible': (text: string) => text.replaceAll(' ', ' \u200b').replaceAll(/$/g, '\u200e'),
  'single-spaces': (text: string) => text.replaceAll(/\s+/gu, ' ').trim(),
  'decimal-entities': withNumbers((code) => `&#${code};`),
  'hex-entities': withNumbers((code) => `&#x${code.toString(16)};`),
  'quotes-escaped': (text: string) => text.replaceAll('"', '&quot;').replaceAll("'", '&apos;'),
  'escaped-twice': escapeText,
  unescaped: plainText,
  'last-link-hidden': (text: string) => text.replace(/([\p{L}\p{N}\p{P}])\s+https:\/\/t\.co\/\w+$/u, '$1'),
};

/** The highest id. Ids are compared as numbers: as text, `9` comes after `10`. */
function maxId(things: { id: string }[]): string {
  return String(things.reduce((max, { id }) => (BigInt(id) > max ? BigInt(id) : max), 0n));
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const known = lists.get(key);
  if (known) return known;
  const fresh: T[] = [];
  lists.set(key, fresh);
  return fresh;
}

/** A screen name that X allows. */
export const screenNamePattern = /^\w{1,15}$/;

/** What an account of Bluesky has. The address of its server in the sandbox is `/` and `server`. */
const bluesky = z.object({
  /** The main password. */
  password: z.string(),
  appPasswords: z.array(z.object({ name: z.string(), password: z.string() })),
  /** The server that holds it. */
  server: z.string(),
  deactivated: z.boolean(),
  /** The record of the profile. */
  profile: z.record(z.string(), z.unknown()).optional(),
});

/** An account of the sandbox: what X calls a user. */
const account = z.object({
  id: z.string().regex(/^\d+$/),
  /** In its owner's spelling; compared without case. Those of other networks than X end with `@` and the network's host. */
  screenName: z.string().regex(/^\w{1,15}$|^\w{1,30}@[\w.-]+$/),
  created: z.number(),
  suspended: z.boolean(),
  bluesky: bluesky.optional(),
});

/** From the least to the most. `delete` is Flickr's, and includes `write`. */
const access = z.enum(['read', 'write', 'delete']);

export const accesses = access.options;

/** The service that a token belongs to; other services refuse it. */
const dialectId = z.enum(['x', 'flickr', 'tumblr', 'mastodon']);

/** An app's token for an account. Revoked tokens are kept, so that the sandbox can tell them from unknown ones. */
const accessToken = z.object({
  token: z.string(),
  secret: z.string(),
  app: z.string(),
  accountId: z.string(),
  access,
  /** Absent in states that were stored when X was the only service. */
  dialect: dialectId.default('x'),
  revoked: z.boolean(),
});

/** A link in a post: the t.co address that the timeline shows, and its target. */
const link = z.object({ short: z.string(), expanded: z.string() });

/** A post that was accepted. Deleted posts are kept, because X still refuses a repetition of their text. */
const post = z.object({
  id: z.string().regex(/^\d+$/),
  accountId: z.string(),
  text: z.string(),
  links: z.array(link),
  /** When the sandbox accepted it. Milliseconds since 1970. */
  instant: z.number(),
  deleted: z.boolean(),
  /** Mastodon's. */
  visibility: z.string().optional(),
  /** BCP 47. */
  language: z.string().optional(),
  contentWarning: z.string().optional(),
  /** Bluesky's record, with its key. */
  record: z.object({ rkey: z.string(), value: z.record(z.string(), z.unknown()) }).optional(),
});

/** The counts that {@link billFor} prices. */
const usage = z.object({
  posts: z.number(),
  linkPosts: z.number(),
  postReads: z.number(),
  accountReads: z.number(),
});

/** What the state file holds. Limits, nonces, faults and open authorizations end with the process. */
export const stateSchema = z.object({
  version: z.literal(1),
  accounts: z.array(account),
  accessTokens: z.array(accessToken),
  posts: z.array(post),
  usage,
  credits: z.number().nullable(),
});

export type Account = z.infer<typeof account>;
type Access = z.infer<typeof access>;
export type DialectId = z.infer<typeof dialectId>;
export type AccessToken = z.infer<typeof accessToken>;
type Link = z.infer<typeof link>;
export type Post = z.infer<typeof post>;
type Usage = z.infer<typeof usage>;
export type SandboxState = z.infer<typeof stateSchema>;

/** The state of a new sandbox, with unlimited posts. */
export const emptyState: SandboxState = {
  version: 1,
  accounts: [],
  accessTokens: [],
  posts: [],
  usage: { posts: 0, linkPosts: 0, postReads: 0, accountReads: 0 },
  credits: null,
};

/** How long a request token is valid. X does not publish its figure; this one is from reports. Milliseconds. */
const requestTokenLifetime = 15 * 60_000;

/** A request token, and what the person answered. */
export interface Authorization {
  token: string;
  secret: string;
  app: string;
  dialect: DialectId;
  /** `oob` for a PIN, otherwise the URL to which the person is redirected. */
  callback: string;
  access: Access;
  expires: number;
  /** The CSRF token of the authorize form. */
  authenticity: string;
  state: 'open' | 'approved' | 'spent';
  /** Set when the person approves: the account, and the verifier that the app must present. */
  approved: { accountId: string; verifier: string } | undefined;
}

/** The request tokens that have not expired. */
export class Authorizations {
  readonly #all = new Map<string, Authorization>();
  readonly #clock: Clock;
  readonly #random: SeededRandom;

  constructor(clock: Clock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
  }

  begin(request: Pick<Authorization, 'app' | 'dialect' | 'callback' | 'access'>): Authorization {
    for (const token of this.#all.keys()) if (!this.find(token)) this.#all.delete(token);
    const authorization: Authorization = {
      ...request,
      token: this.#random.token('request token', 27),
      secret: this.#random.token('request secret', 32),
      authenticity: this.#random.token('authenticity', 32),
      expires: this.#clock.now() + requestTokenLifetime,
      state: 'open',
      approved: undefined,
    };
    this.#all.set(authorization.token, authorization);
    return authorization;
  }

  /** Returns a request token that has not expired, in any state. */
  find(token: string): Authorization | undefined {
    const found = this.#all.get(token);
    return found && this.#clock.now() < found.expires ? found : undefined;
  }

  /**
   * Records the person's approval.
   *
   * @param pin the format of a PIN, with `#` for each digit
   * @returns the verifier: a PIN for `oob`, otherwise a token for the callback
   */
  approve(authorization: Authorization, accountId: string, pin: string): string {
    const verifier = authorization.callback === 'oob' ? this.#pin(pin) : this.#random.token('verifier', 32);
    authorization.state = 'approved';
    authorization.approved = { accountId, verifier };
    return verifier;
  }

  /**
   * Returns the id of the account that approved, or undefined if the verifier is wrong. Every attempt spends the request
   * token, a wrong one too: otherwise a client could guess the digits.
   */
  redeem(authorization: Authorization, verifier: string): string | undefined {
    const { approved, state } = authorization;
    authorization.state = 'spent';
    return state === 'approved' && approved?.verifier === verifier ? approved.accountId : undefined;
  }

  #pin(written: string): string {
    const digits = this.#random.digits('pin', written.split('#').length - 1);
    let n = 0;
    return written.replaceAll('#', () => digits.charAt(n++));
  }
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Random values from a seed: the same seed gives the same tokens, PINs and faults in the same order.
 * Each purpose has its own stream, so that one more fault does not change the tokens after it.
 */
export class SeededRandom {
  readonly #seed: string;
  readonly #drawn = new Map<string, number>();

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** A number from 0 (included) to 1 (excluded). */
  fraction(purpose: string): number {
    return this.#draw(purpose).readUIntBE(0, 6) / 2 ** 48;
  }

  /** Letters and digits, at most 32 of them. */
  token(purpose: string, length: number): string {
    const bytes = this.#draw(purpose).subarray(0, length);
    return Array.from(bytes, (byte) => letters[byte % letters.length]).join('');
  }

  /** Decimal digits, at most 12 of them. */
  digits(purpose: string, length: number): string {
    return String(this.#draw(purpose).readUIntBE(0, 6)).padStart(12, '0').slice(-length);
  }

  #draw(purpose: string): Buffer {
    const count = this.#drawn.get(purpose) ?? 0;
    this.#drawn.set(purpose, count + 1);
    return createHash('sha256').update(`${this.#seed}/${purpose}/${count}`).digest();
  }
}

/** What X would charge for a usage. US dollars. */
export function billFor(
  { posts, linkPosts, postReads, accountReads }: Usage,
  prices: PriceTable = usualPrices,
): number {
  const posting = (posts - linkPosts) * inMicros(prices.post) + linkPosts * inMicros(prices.linkPost);
  return inUsd(posting + readingCost({ posts: postReads, accounts: accountReads }, prices));
}
