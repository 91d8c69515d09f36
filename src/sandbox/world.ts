import { createHash } from 'node:crypto';
import twitterText from 'twitter-text';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { inMicros, inUsd, type PriceTable, readingCost, usualPrices } from '../cost.ts';
import { cashtagsIn, linksIn, maxWeight, weigh } from '../poems/tweet-text.ts';

/** The millisecond that X counts its ids from: 2010-11-04T01:42:54.657Z. */
const idEpoch = 1_288_834_974_657n;

/** Orders ids by value. */
export function compareIds(a: string, b: string): number {
  const [one, other] = [BigInt(a), BigInt(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/**
 * Ids as X makes them: the millisecond in the upper bits, so that a higher id is a later post.
 * They go up even when the clock goes back.
 */
export class PostIds {
  #last: bigint;

  /** Goes on after `last`, a decimal id. */
  constructor(last = '0') {
    this.#last = BigInt(last);
  }

  next(instant: number): string {
    const fromClock = (BigInt(Math.max(0, Math.floor(instant))) - idEpoch) << 22n;
    this.#last = fromClock > this.#last ? fromClock : this.#last + 1n;
    return String(this.#last);
  }
}

type TextFault = 'empty' | 'too-long' | 'not-permitted';

/** What X has against a normalized text, whoever posts it. */
export function judgeText(text: string): TextFault | undefined {
  if (text === '') return 'empty';
  if (weigh(text) > maxWeight) return 'too-long';
  if (twitterText.hasInvalidCharacters(text) || /\p{Surrogate}/u.test(text)) return 'not-permitted';
  // Self-serve apps may name one cashtag a post (X's changelog of 2026).
  return cashtagsIn(text) > 1 ? 'not-permitted' : undefined;
}

/** The links in a text, in order, each with the short one that X shows in its place. */
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

/** A link where the shown text has it; `start` and `end` count code points of that text. */
export interface UrlEntity {
  start: number;
  end: number;
  url: string;
  expanded_url: string;
  display_url: string;
}

/** A post's text as X's answers show it: `&`, `<` and `>` escaped, links shortened. */
export function showText(post: Post): { text: string; urls: UrlEntity[] } {
  const found = linksIn(post.text);
  const urls: UrlEntity[] = [];
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

function urlEntity({ short, expanded }: Link, start: number): UrlEntity {
  return {
    start,
    end: start + short.length,
    url: short,
    expanded_url: expanded,
    display_url: expanded.replace(/^https?:\/\/(www\.)?/i, ''),
  };
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

const plainText = (text: string): string =>
  text.replaceAll(/&amp;|&lt;|&gt;/g, (name) => (name === '&amp;' ? '&' : name === '&lt;' ? '<' : '>'));

const withNumbers = (write: (code: number) => string) => (text: string) =>
  plainText(text).replaceAll(/[&<>"']/g, (char) => write(char.codePointAt(0) ?? 0));

/**
 * What X, or something between it and a bot, may make of a text that it shows: nothing that a reader would see. Each takes the
 * text as {@link showText} gives it.
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
  'escaped-twice': (text: string) => escapeText(text),
  unescaped: plainText,
  'last-link-hidden': (text: string) => text.replace(/([\p{L}\p{N}\p{P}])\s+https:\/\/t\.co\/\w+$/u, '$1'),
};

export type Alteration = keyof typeof alterations;

/** Something that happened in the world, for whoever watches. */
type WorldEvent =
  { kind: 'posted'; post: Post; account: Account } | { kind: 'deleted'; post: Post } | { kind: 'changed' };

/** Accounts, tokens and posts, indexed for lookup; the part of the sandbox that is stored. */
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
  readonly #watchers = new Set<(event: WorldEvent) => void>();
  readonly #postIds: PostIds;
  readonly #accountIds: PostIds;
  readonly #clock: Clock;
  readonly #chance: SeededRandom;

  constructor(state: SandboxState, clock: Clock, chance: SeededRandom) {
    this.#clock = clock;
    this.#chance = chance;
    this.usage = { ...state.usage };
    this.credits = state.credits;
    this.posts = [];
    for (const account of state.accounts) this.#keepAccount({ ...account });
    for (const token of state.accessTokens) this.#keepToken({ ...token });
    for (const post of state.posts) this.#keepPost({ ...post });
    this.#postIds = new PostIds(highest(state.posts));
    this.#accountIds = new PostIds(highest(state.accounts));
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

  /** The account of that name, made now if there is none. The name must be one X would allow. */
  ensureAccount(screenName: string): Account {
    const known = this.accountNamed(screenName);
    if (known) return known;
    const now = this.#clock.now();
    const account = { id: this.#accountIds.next(now), screenName, created: now, suspended: false };
    this.#keepAccount(account);
    this.changed();
    return account;
  }

  /** Gives an account another name; its id stays. @returns false where another account has that name */
  rename(account: Account, screenName: string): boolean {
    const other = this.accountNamed(screenName);
    if (other && other !== account) return false;
    this.#byName.delete(account.screenName.toLowerCase());
    account.screenName = screenName;
    this.#keepAccount(account);
    return true;
  }

  accessToken(token: string): AccessToken | undefined {
    return this.#tokens.get(token);
  }

  /** The live access token an app holds for an account: X gives an app the same one each time it is approved. */
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

  /** An account's posts, oldest first, the deleted ones among them. */
  postsOf(accountId: string): readonly Post[] {
    return this.#postsOf.get(accountId) ?? [];
  }

  addPost(account: Account, text: string): Post {
    const now = this.#clock.now();
    const id = this.#postIds.next(now);
    const post = { id, accountId: account.id, text, links: shortenLinks(text), instant: now, deleted: false };
    this.#keepPost(post);
    if (this.credits !== null) this.credits -= 1;
    this.usage.posts += 1;
    if (post.links.length > 0) this.usage.linkPosts += 1;
    this.#tell({ kind: 'posted', post, account });
    return post;
  }

  deletePost(post: Post): void {
    post.deleted = true;
    this.#tell({ kind: 'deleted', post });
  }

  /** To be called after a change made from outside, so that it is stored. */
  changed(): void {
    this.#tell({ kind: 'changed' });
  }

  /** Calls `watcher` after every change; returns the way to stop. */
  watch(watcher: (event: WorldEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The state as it is now, not a copy: to be stored before the world goes on. */
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

  #newToken(app: string, accountId: string, dialect: DialectId): AccessToken {
    const whose = dialect === 'x' ? `${app} ${accountId}` : `${app} ${accountId} ${dialect}`;
    const token = `${accountId}-${this.#chance.word(`access ${whose}`, 32)}`;
    // A seed replayed over a stored state would hand out a token that was revoked.
    if (this.#tokens.has(token)) return this.#newToken(app, accountId, dialect);
    const secret = this.#chance.word(`secret ${whose}`, 32);
    const made: AccessToken = { token, secret, app, accountId, access: 'write', dialect, revoked: false };
    this.#keepToken(made);
    return made;
  }

  #keepToken(token: AccessToken): void {
    this.#tokens.set(token.token, token);
    listIn(this.#tokensOf, token.accountId).push(token);
  }

  #keepAccount(account: Account): void {
    this.#accounts.set(account.id, account);
    this.#byName.set(account.screenName.toLowerCase(), account);
  }

  #keepPost(post: Post): void {
    this.posts.push(post);
    listIn(this.#postsOf, post.accountId).push(post);
  }

  #tell(event: WorldEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }
}

function highest(things: { id: string }[]): string {
  return things.reduce((top, { id }) => (compareIds(id, top) > 0 ? id : top), '0');
}

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const known = lists.get(key);
  if (known) return known;
  const fresh: T[] = [];
  lists.set(key, fresh);
  return fresh;
}

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
type Link = z.infer<typeof link>;
export type Post = z.infer<typeof post>;
type Usage = z.infer<typeof usage>;
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

/** How long a request token waits for its person. X's own figure is not published; reports put it here. */
const requestTokenLife = 15 * 60_000;

/** A request token on its way from the app to the person and back. */
export interface Authorization {
  token: string;
  secret: string;
  app: string;
  dialect: DialectId;
  /** `oob` for a PIN, else the URL the person is sent back to. */
  callback: string;
  access: Access;
  expires: number;
  /** Proves that a form was filled in on our own page. */
  authenticity: string;
  state: 'open' | 'approved' | 'spent';
  /** Set once a person approved: whose account, and the verifier that proves it. */
  approved: { accountId: string; verifier: string } | undefined;
}

interface Asked {
  app: string;
  dialect: DialectId;
  callback: string;
  access: Access;
}

/** The request tokens of the last quarter of an hour. */
export class Authorizations {
  readonly #all = new Map<string, Authorization>();
  readonly #chance: SeededRandom;

  constructor(chance: SeededRandom) {
    this.#chance = chance;
  }

  begin(asked: Asked, now: number): Authorization {
    this.#forgetOld(now);
    const authorization: Authorization = {
      ...asked,
      token: this.#chance.word('request token', 27),
      secret: this.#chance.word('request secret', 32),
      authenticity: this.#chance.word('authenticity', 32),
      expires: now + requestTokenLife,
      state: 'open',
      approved: undefined,
    };
    this.#all.set(authorization.token, authorization);
    return authorization;
  }

  /** A request token that has not expired, whatever its state. */
  find(token: string, now: number): Authorization | undefined {
    const found = this.#all.get(token);
    return found && now < found.expires ? found : undefined;
  }

  /**
   * Records a person's yes and gives the verifier: digits to type, or a word for a callback.
   *
   * @param pin how the digits are written, each as `#`
   */
  approve(authorization: Authorization, accountId: string, pin: string): string {
    const verifier = authorization.callback === 'oob' ? this.#pin(pin) : this.#chance.word('verifier', 32);
    authorization.state = 'approved';
    authorization.approved = { accountId, verifier };
    return verifier;
  }

  /**
   * Trades a verifier for the account that approved. The request token is spent by any try,
   * a wrong one too: a few digits could be guessed otherwise.
   */
  redeem(authorization: Authorization, verifier: string): string | undefined {
    const { approved, state } = authorization;
    authorization.state = 'spent';
    return state === 'approved' && approved?.verifier === verifier ? approved.accountId : undefined;
  }

  #pin(written: string): string {
    const digits = this.#chance.digits('pin', written.split('#').length - 1);
    let n = 0;
    return written.replaceAll('#', () => digits.charAt(n++));
  }

  #forgetOld(now: number): void {
    for (const [token, { expires }] of this.#all) {
      // The oldest come first.
      if (now < expires) return;
      this.#all.delete(token);
    }
  }
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/**
 * Chance that can be replayed: the same seed gives the same tokens, PINs and faults in the same order.
 * Each purpose draws from its own stream, so that one more fault does not change every token after it.
 */
export class SeededRandom {
  readonly seed: string;
  readonly #drawn = new Map<string, number>();

  constructor(seed: string) {
    this.seed = seed;
  }

  /** A number from 0 up to, and without, 1. */
  fraction(purpose: string): number {
    return this.#draw(purpose).readUIntBE(0, 6) / 2 ** 48;
  }

  /** Letters and digits, at most 32 of them. */
  word(purpose: string, length: number): string {
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
    return createHash('sha256').update(`${this.seed}/${purpose}/${count}`).digest();
  }
}

/** What X would charge for that much use, in US dollars. */
export function billFor(
  { posts, linkPosts, postReads, accountReads }: Usage,
  prices: PriceTable = usualPrices,
): number {
  const posting = (posts - linkPosts) * inMicros(prices.post) + linkPosts * inMicros(prices.linkPost);
  return inUsd(posting + readingCost({ posts: postReads, accounts: accountReads }, prices));
}
