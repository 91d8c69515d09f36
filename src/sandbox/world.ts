import type { Clock } from '../clock.ts';
import { compareIds } from '../networks/x/client.ts';
import type { Chance } from './chance.ts';
import { PostIds } from './post-id.ts';
import { shortenLinks } from './post-text.ts';
import type { Access, AccessToken, Account, DialectId, Post, SandboxState, Usage } from './state.ts';

/** Something that happened in the world, for whoever watches. */
export type WorldEvent =
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
  readonly #chance: Chance;

  constructor(state: SandboxState, clock: Clock, chance: Chance) {
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
