import { html } from 'hono/html';
import twitterText from 'twitter-text';
import * as z from 'zod';
import { asset } from '../assets.ts';
import { grouped } from '../text.ts';
import { effectsNow, fits, leverNames, levers, type LeverName, type Machine } from './levers.ts';
import { type NetworkName, networkOf, shownName } from './names.ts';
import { avatar, type Html, inBox, page, textOf } from './pages.ts';
import { answer, type Routes, type SandboxAnswer } from './requests.ts';
import { type Account, type Post, shownPost, type World } from './world.ts';

/*
 * The front page: the newest posts of all networks or of one account, the accounts, and the levers.
 */

/** The networks of the sandbox, as people know them, in the order of the page. */
const titles: Record<NetworkName, string> = { x: 'X', mastodon: 'Mastodon', bluesky: 'Bluesky' };

export function feedRoutes(machine: Machine): Routes {
  const noSniffing = { 'x-content-type-options': 'nosniff' };
  return {
    'GET /': ({ query }) => feedPage(machine, query.get('account') ?? undefined),
    'GET /sandbox/page.js': () => answer(200, 'text/javascript', asset('sandbox.js'), noSniffing),
    'GET /sandbox/style.css': () => answer(200, 'text/css', asset('sandbox.css'), noSniffing),
  };
}

const maxPosts = 50;

const maxAccounts = 24;

function feedPage(machine: Machine, only: string | undefined): SandboxAnswer {
  const { world } = machine;
  const account = only === undefined ? undefined : world.accountCalled(only);
  const all = only === undefined ? world.posts : world.postsOf(account?.id ?? '');
  const newest = all.filter(({ deleted }) => !deleted).slice(-maxPosts);
  const title = only === undefined ? 'Sandbox' : `@${account ? shownName(account) : only} · Sandbox`;
  return page(
    200,
    title,
    html`<header class="top">
        <p class="brand"><a href="/">Sandbox</a> <span>${inBox}</span></p>
        <p class="live" id="live" hidden><span></span> live</p>
      </header>
      <main class="feed">
        <h1 class="unseen">${title}</h1>
        ${world.accounts.length > 0 && accountRows(world.accounts, account)} ${leverRows(machine, account)}
        ${only === undefined && accountMaker}
        <div
          id="posts"
          data-account="${only === undefined ? '' : (account?.screenName ?? only)}"
          aria-live="polite"
          aria-relevant="additions"
        >
          ${newest.reverse().map((post) => postCard(world, post))}
        </div>
        <p class="empty" ${all.length > 0 && html` hidden`} id="empty">
          No posts yet. They appear here as they arrive.
        </p>
      </main>`,
    { hasScript: true },
  );
}

/** What holds now, and buttons for what can happen: to an account on its page, to all on the front page. */
function leverRows(machine: Machine, account: Account | undefined): Html {
  const on = effectsNow(machine);
  const places = grouped(
    leverNames.filter((name) => fits(name, account)),
    (name) => placeOf(name, account),
  );
  return html`<details class="levers" ${on.length > 0 && html` open`}>
    <summary>
      ${account === undefined ? 'Make something go wrong' : `Make something happen to @${shownName(account)}`}
    </summary>
    ${on.length > 0 && html`<p class="small" role="status">Now: ${on.join('; ')}.</p>`}
    ${[...places].map(
      ([place, names]) =>
        html`<div class="row">
          ${place !== '' && html`<span class="small place">${place}</span>`}
          ${names.map(
            (name) =>
              html`<form
                method="post"
                action="/sandbox/trigger/${name}${account && `/${account.screenName}`}"
              >
                <button title="${levers[name].effect}">${levers[name].title}</button>
              </form>`,
          )}
        </div>`,
    )}
  </details>`;
}

/** The networks that a lever of the front page is about. */
function placeOf(name: LeverName, account: Account | undefined): string {
  if (account) return '';
  return levers[name].at?.map((network) => titles[network]).join(' and ') ?? 'Everywhere';
}

/** X and Mastodon have authorize pages; at Bluesky a person makes an app password in the settings. */
const accountMaker = html`<details class="levers">
  <summary>Make an app password for Bluesky</summary>
  <form class="row" method="post" action="/sandbox/bluesky">
    <label class="small" for="handle">Handle</label>
    <input id="handle" name="handle" placeholder="rain.test" required maxlength="40" autocomplete="off" />
    <button>Make one</button>
  </form>
</details>`;

function accountRows(accounts: Account[], current: Account | undefined): Html {
  const shown = accounts.slice(-maxAccounts).reverse();
  const hidden = accounts.length - shown.length;
  const places = Object.keys(titles);
  const byNetwork = [...grouped(shown, networkOf)].sort(([a], [b]) => places.indexOf(a) - places.indexOf(b));
  const all = html`<a class="chip" href="/" ${!current && html` aria-current="page"`}>All</a>`;
  const chips = (members: Account[]): Html =>
    html`${members.map((account) => accountChip(account, account === current))}`;
  return html`<nav aria-label="Accounts">
    <div class="row">
      ${all} ${byNetwork.length === 1 && chips(shown)}
      ${hidden > 0 && html`<span class="small">the newest of ${accounts.length}</span>`}
    </div>
    ${
      byNetwork.length > 1 &&
      byNetwork.map(
        ([network, members]) =>
          html`<div class="row"><span class="small place">${titles[network]}</span>${chips(members)}</div>`,
      )
    }
  </nav>`;
}

const accountChip = (account: Account, isCurrent: boolean): Html =>
  html`<a class="chip" href="${pageOf(account)}" ${isCurrent && html` aria-current="page"`}>
    ${avatar(account.screenName)}${shownName(account)}${account.suspended && html` <span class="tag">suspended</span>`}</a
  >`;

const pageOf = (account: Pick<Account, 'screenName'>): string =>
  `/?account=${encodeURIComponent(shownName(account))}`;

function postCard(world: World, post: Post): Html {
  const { id, account: screenName, instant: time } = shownPost(world, post);
  const { visibility, language, contentWarning } = post;
  const network = networkOf({ screenName });
  const said = linked(post, network);
  return html`<article id="post-${id}">
    ${avatar(screenName)}
    <div>
      <p class="by">
        <a href="${pageOf({ screenName })}">@${shownName({ screenName })}</a>
        <span class="tag at-${network}">${titles[network]}</span>
        <time datetime="${time}">${time.slice(0, 10)} ${time.slice(11, 16)} UTC</time>
        ${visibility !== undefined && html`<span class="tag">${visibility}</span>`}
        ${language !== undefined && html`<span class="tag" title="language">${language}</span>`}
      </p>
      ${contentWarning !== undefined && html`<p class="warning">${contentWarning}</p>`}
      <p class="text">${language === undefined ? said : html`<span lang="${language}">${said}</span>`}</p>
    </div>
  </article>`;
}

/** A part of a text that is a link. Offsets in UTF-16. */
interface LinkedPart {
  from: number;
  to: number;
  url: string;
}

/** A post's text with its links: those that its network finds, or those that its record names. */
function linked({ text, record }: Post, network: NetworkName): Html[] {
  const parts = record ? facetsIn(text, record.value) : linksIn(text, network === 'x');
  const shown: Html[] = [];
  let read = 0;
  for (const { from, to, url } of parts) {
    if (from < read) continue;
    const name = text.slice(from, to);
    shown.push(html`${text.slice(read, from)}<a href="${url}" rel="noreferrer nofollow">${name}</a>`);
    read = to;
  }
  return [...shown, html`${text.slice(read)}`];
}

const linksIn = (text: string, withoutProtocol: boolean): LinkedPart[] =>
  twitterText
    .extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: withoutProtocol })
    .map(({ url, indices: [from, to] }) => ({
      from,
      to,
      url: /^https?:/i.test(url) ? url : `http://${url}`,
    }));

const facets = z
  .array(
    z.object({
      index: z.object({ byteStart: z.int(), byteEnd: z.int() }),
      features: z.array(
        z.object({
          uri: z
            .url({ protocol: /^https?$/ })
            .optional()
            .catch(undefined),
        }),
      ),
    }),
  )
  .catch([]);

/** The links of a record. Tags are no links: the sandbox has no page for them. */
function facetsIn(text: string, record: Record<string, unknown>): LinkedPart[] {
  const bytes = Buffer.from(text);
  const at = (offset: number): number => bytes.subarray(0, offset).toString().length;
  return facets
    .parse(record['facets'])
    .flatMap(({ index: { byteStart, byteEnd }, features }) => {
      const url = features.find(({ uri }) => uri !== undefined)?.uri;
      return url === undefined ? [] : { from: at(byteStart), to: at(byteEnd), url };
    })
    .sort((a, b) => a.from - b.from);
}

/** A new post as the page's script gets it: `html` is its card. */
export const newPost = (world: World, post: Post) => ({
  ...shownPost(world, post),
  html: textOf(postCard(world, post)),
});
