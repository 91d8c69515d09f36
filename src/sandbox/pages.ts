import { asset } from '../assets.ts';
import type { Core, Routes } from './core.ts';
import { asset as answer, page } from './problems.ts';
import type { Account, Post, World } from './world.ts';

/** The front page, which shows the newest posts, with its script and style sheet. The file also has the layout of all pages. */
export function feedRoutes(core: Core): Routes {
  return {
    'GET /': ({ query }) => page(200, feedPage(core.world, query.get('account') ?? undefined)),
    'GET /sandbox/page.js': () => answer('text/javascript', asset('sandbox.js')),
    'GET /sandbox/style.css': () => answer('text/css', asset('sandbox.css')),
  };
}

/** A complete HTML page. `hasScript` adds the script of the front page. */
export function layout(title: string, content: Html, { hasScript = false } = {}): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/sandbox/style.css" />
        ${hasScript && new Html('<script src="/sandbox/page.js" defer></script>')}
      </head>
      <body>
        ${content}
      </body>
    </html> `.markup;
}

/** The number of avatar colours in the style sheet. */
const hueCount = 8;

/** An account's initial on a colour. It is decoration, so screen readers skip it. */
export function avatar(screenName: string): Html {
  return html`<span class="avatar hue-${hueOf(screenName)}" aria-hidden="true"
    >${initialOf(screenName)}</span
  >`;
}

/** The number of the colour of a screen name. It depends on the name alone. */
function hueOf(screenName: string): number {
  // FNV-1a: simpler sums give short names too few different colours.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(screenName.toLowerCase())) hash = Math.imul(hash ^ byte, 0x01000193);
  return ((hash >>> 16) ^ (hash & 0xffff)) % hueCount;
}

/** The letter that stands for an account. */
const initialOf = (screenName: string): string => (screenName.replace(/^_+/, '')[0] ?? '_').toUpperCase();

/** The maximum of posts in the page as served. */
const maxPosts = 50;

/** The maximum of accounts in the page's head. */
const maxAccounts = 24;

/** The front page: the newest posts of all accounts, or of one. */
function feedPage(world: World, only: string | undefined): string {
  const account = only === undefined ? undefined : world.accountNamed(only);
  const all = only === undefined ? world.posts : world.postsOf(account?.id ?? '');
  const title = only === undefined ? 'Sandbox' : `@${account?.screenName ?? only} · Sandbox`;
  return layout(
    title,
    html`<header class="top">
        <p class="brand"><a href="/">Sandbox</a> <span>an X in a box</span></p>
        <p class="live" id="live" hidden><span></span> live</p>
      </header>
      <main class="feed">
        <h1 class="unseen">${title}</h1>
        ${world.accounts.length > 0 && accountRow(world.accounts, account)}
        <div id="posts" aria-live="polite" aria-relevant="additions">
          ${newest(all).map((post) => postCard(world, post))}
        </div>
        <p class="empty" ${all.length > 0 && html` hidden`} id="empty">
          No posts yet. They appear here as they arrive.
        </p>
      </main>`,
    { hasScript: true },
  );
}

function accountRow(accounts: Account[], current: Account | undefined): Html {
  const shown = accounts.slice(-maxAccounts).reverse();
  const hidden = accounts.length - shown.length;
  return html`<nav class="row" aria-label="Accounts">
    <a class="chip" href="/" ${!current && html` aria-current="page"`}>All</a>
    ${shown.map(
      (account) =>
        html`<a
          class="chip"
          href="/?account=${account.screenName}"
          ${account === current && html` aria-current="page"`}
        >
          ${avatar(account.screenName)}${account.screenName}${account.suspended && html` <span class="tag">suspended</span>`}</a
        >`,
    )}
    ${hidden > 0 && html`<span class="small">and ${hidden} more</span>`}
  </nav>`;
}

function newest(posts: readonly Post[]): Post[] {
  const found: Post[] = [];
  for (let n = posts.length - 1; n >= 0 && found.length < maxPosts; n--) {
    const post = posts[n];
    if (post && !post.deleted) found.push(post);
  }
  return found;
}

function postCard(world: World, post: Post): Html {
  const { account, hue, initial, text, instant } = cardOf(world, post);
  return html`<article id="post-${post.id}">
    <span class="avatar hue-${hue}" aria-hidden="true">${initial}</span>
    <div>
      <p class="by">
        <a href="/?account=${account}">@${account}</a> <time datetime="${instant}">${utc(instant)}</time>
      </p>
      <p class="text">${text}</p>
    </div>
  </article>`;
}

/** The data of a post's card. The page's script builds the same card from it. */
interface Card {
  id: string;
  account: string;
  hue: number;
  initial: string;
  text: string;
  /** ISO 8601, UTC. */
  instant: string;
}

export function cardOf(world: World, { id, accountId, text, instant }: Post): Card {
  const account = world.account(accountId)?.screenName ?? '';
  return {
    id,
    account,
    hue: hueOf(account),
    initial: initialOf(account),
    text,
    instant: new Date(instant).toISOString(),
  };
}

const utc = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;

/** Markup that is safe to put into a page as it is. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Piece = Html | string | number | false | undefined | readonly Piece[];

/** A template whose pieces are escaped unless they are markup themselves; `false` and `undefined` show nothing. */
export function html(strings: TemplateStringsArray, ...pieces: Piece[]): Html {
  return new Html(strings.map((part, n) => part + render(pieces[n])).join(''));
}

function render(piece: Piece): string {
  if (piece === false || piece === undefined) return '';
  if (piece instanceof Html) return piece.markup;
  if (typeof piece === 'object') return piece.map(render).join('');
  return String(piece).replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
