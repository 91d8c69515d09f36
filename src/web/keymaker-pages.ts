import { html } from 'hono/html';
import { showPrice, usualPrices } from '../cost.ts';
import type { FlockError } from '../errors.ts';
import type { BotName } from '../poems/bot-name.ts';
import { networkNames } from '../networks/network.ts';
import { counted, listed } from '../text.ts';
import type { Card, KeyService, UnconfirmedKey } from './key-service.ts';
import { type Html, keymakerPage, type Message } from './layout.ts';

/*
 * What `keymaker serve` shows: the flock with the bots that need something first, the page of one bot, and the question whose
 * account was authorized. The pages have no script, and no secret: only the accounts of the keys.
 */

/** The state of a bot's key. Those that need a person come first, in this order. */
const states = {
  asks: { title: 'question', severity: 'wrong', left: ['question is open', 'questions are open'] },
  bad: { title: 'unusable key', severity: 'wrong', left: ['key is unusable', 'keys are unusable'] },
  none: { title: 'no key', severity: 'soon', left: ['bot has no key', 'bots have no key'] },
  stuck: { title: 'unusable poem', severity: 'wrong', left: ['poem is unusable', 'poems are unusable'] },
  good: { title: 'has a key', severity: 'good', left: undefined },
} as const;

type State = keyof typeof states;

const stateNames = Object.keys(states) as State[];

/** The question whose account a new key is for. */
interface AccountQuestion extends Pick<UnconfirmedKey, 'bot' | 'account' | 'issuer'> {
  /** The path of the answer. */
  action: string;
}

interface FlockPage extends Awaited<ReturnType<KeyService['flock']>> {
  questions: ReadonlyMap<BotName, AccountQuestion>;
  /** What a person looks for. */
  filter: { state: string; q: string };
  /** The bot that was authorized last. */
  last: BotName | undefined;
  csrf: string;
  notice: Message | undefined;
  /** The folder of the poems. */
  poems: string;
  callback: string;
}

type Bot = Card & { state: State };

const needsPerson = ({ state }: Bot): boolean => state !== 'good';

/** The bots with their states, those that need a person first, then by name. */
function ranked({ cards, questions }: Pick<FlockPage, 'cards' | 'questions'>): Bot[] {
  const bots = cards.map(
    (card) => ({ ...card, state: questions.has(card.bot) ? 'asks' : stateOf(card) }) as const,
  );
  return stateNames.flatMap((state) => bots.filter((bot) => bot.state === state));
}

const stateOf = ({ fault, key }: Card): State => (fault ? 'stuck' : key.state);

/** The bot to authorize next: the last one until it has its key, then the one after it. */
function nextOf(bots: readonly Bot[], last: BotName | undefined): Bot | undefined {
  const waiting = bots.filter(({ state }) => state === 'bad' || state === 'none');
  return (
    waiting.find(({ bot }) => bot === last) ?? waiting.find(({ bot }) => bot > (last ?? '')) ?? waiting[0]
  );
}

/** The page of all bots. */
export function flockPage(page: FlockPage): Html {
  const { notice, callback, filter } = page;
  const bots = ranked(page);
  const shown = bots.filter((bot) => isWanted(bot, filter));
  const isFiltered = filter.state !== '' || filter.q !== '';
  return keymakerPage(
    summaryOf(bots),
    html`${masthead(html`<p class="brand">keymaker</p>`)}
      <main>
        <div class="opening">
          <h1 class="summary">${summaryOf(bots)}</h1>
          ${bots.length > 0 && progressOf(bots)}
        </div>
        ${notice && noticeOf(notice)} ${isFiltered ? '' : firstOf(bots, page)}
        ${bots.length > minFiltered && finderOf(bots, filter)}
        ${listOf('Needs you', shown.filter(needsPerson), page)}
        ${listOf(
          'Has a key',
          shown.filter((bot) => !needsPerson(bot)),
          page,
        )}
        ${isFiltered && shown.length === 0 && noneFound} ${unreadOf(page)}
      </main>
      ${colophonOf(bots, callback)}`,
  );
}

/** What a person has to do where the app was registered. Apps at servers of Mastodon are registered by keymaker. */
function colophonOf(bots: readonly Bot[], callback: string): Html | false {
  const theirs = bots.flatMap(({ issuer }) =>
    issuer?.by === 'link' && issuer.id !== 'mastodon' ? [issuer.title] : [],
  );
  const titles = listed([...new Set(bots.length === 0 ? ['X'] : theirs)]);
  return (
    titles !== '' &&
    html`<footer class="colophon">
      <p>
        ${titles} sends the browser back to <code>${callback}</code>, which must be registered with the app.
      </p>
    </footer>`
  );
}

const masthead = (first: Html): Html =>
  html`<header class="masthead">
    ${first}
    <p class="live">one account for each poem</p>
  </header>`;

const wayHome = html`<p class="home"><a href="/">keymaker</a></p>`;

const countIn = (bots: readonly Bot[], state: State): number =>
  bots.filter((bot) => bot.state === state).length;

function summaryOf(bots: readonly Bot[]): string {
  const made = countIn(bots, 'good');
  const all = bots.length;
  if (all === 0) return 'There are no poems yet.';
  if (all === 1) return made === 1 ? 'The bot has a key.' : 'The bot has no key yet.';
  if (made === all) return `All ${all} bots have a key.`;
  return `${made} of ${all} bots ${made === 1 ? 'has' : 'have'} a key.`;
}

function progressOf(bots: readonly Bot[]): Html {
  const made = countIn(bots, 'good');
  const left = stateNames.flatMap((state) => {
    const count = countIn(bots, state);
    const [one, many] = states[state].left ?? [];
    return one === undefined || count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  const isPosted = bots.some(({ issuer }) => networkNames.some((name) => name === issuer?.id));
  const after = isPosted && html`Next: <code>flockd plan</code>, then <code>flockd run</code>`;
  return html`<progress aria-label="Bots with a key" max="${bots.length}" value="${made}"></progress>
    <p class="more">${left.length > 0 ? `Left: ${listed(left)}.` : after}</p>`;
}

/** What to do first: a question, or the next bot to authorize; without poems, how to begin. */
function firstOf(bots: readonly Bot[], page: FlockPage): Html | false {
  if (bots.length === 0) return beginning(page.poems);
  const [question] = page.questions.values();
  const asking = question && bots.find(({ bot }) => bot === question.bot);
  if (question && asking)
    return panelOf(asking, `Is @${question.account} the account of ${question.bot}?`, answersTo(question));
  const next = nextOf(bots, page.last);
  if (!next) return false;
  const focus = next.issuer?.by !== 'password' && html`autofocus`;
  const form = html`${accountOf(next)}
    <form method="post" action="${pathOf(next.bot)}/authorize">
      <input type="hidden" name="csrf" value="${page.csrf}" />
      ${credentialsOf(next)}<button class="primary" ${focus}>Authorize ${next.bot}</button>
    </form>`;
  return panelOf(next, `Next: ${next.bot}`, form);
}

const nameOf = ({ expected, key }: Card): string | undefined =>
  expected ?? (key.state === 'good' ? key.screenName : undefined);

const accountOf = (card: Card): Html => {
  const { bot, issuer } = card;
  const account = nameOf(card);
  const shown = account === undefined ? `the account of ${bot}` : html`<strong>@${account}</strong>`;
  if (issuer?.by === 'password')
    return html`<p>
      Make an app password of ${shown} at ${issuer.title}: Settings, Privacy and security, App passwords.
    </p>`;
  return html`<p>Sign in at ${issuer?.title ?? 'X'} as ${shown}.</p>`;
};

/** The fields for the handle and the app password. What was typed is not shown again. */
const credentialsOf = (card: Card): Html | false =>
  card.issuer?.by === 'password' &&
  html`<label
      >Handle <input type="text" name="handle" value="${nameOf(card) ?? ''}" autocomplete="off" required
    /></label>
    <label>App password <input type="password" name="password" autocomplete="off" required /></label> `;

const panelOf = (card: Card, title: string, content: Html): Html =>
  html`<section class="next" aria-labelledby="next-name">
    <h2 id="next-name">${title}</h2>
    ${quoteOf(card)} ${content}
  </section>`;

/** The poem to recognise a bot by. */
const quoteOf = ({ poem }: Card): Html | undefined =>
  poem &&
  html`<blockquote dir="auto" lang="">${poem.first}</blockquote>
    <p class="by"><cite>${poem.title}</cite>, ${counted(poem.lines, 'line')}</p>`;

const beginning = (folder: string): Html =>
  html`<section class="next" aria-labelledby="next-name">
    <h2 id="next-name">To begin</h2>
    <p>
      Put the poems into <code>${folder}</code>, then load this page again. A poem is a text file whose name
      ends in <code>.txt</code>: its name becomes the name of its bot, and each line that is not blank is one
      post.
    </p>
    <p><a class="button" href="/">Load again</a></p>
  </section>`;

const noticeOf = ({ tone, title, text }: Message): Html =>
  html`<div id="outcome" class="outcome" data-tone="${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">
    <strong>${title}</strong>
    <p>${text}</p>
  </div>`;

/** Up to so many bots, the page needs no filter. */
const minFiltered = 8;

function isWanted(bot: Bot, { state, q }: FlockPage['filter']): boolean {
  const { key, poem, expected } = bot;
  const account = key.state === 'good' ? key.screenName : expected;
  const wanted = q.toLowerCase().replace(/^@/, '');
  const isFound = [bot.bot, account, poem?.title, poem?.first].some((word) =>
    word?.toLowerCase().includes(wanted),
  );
  return isFound && (state === '' || state === bot.state);
}

/** As the dashboard has it. */
function finderOf(bots: readonly Bot[], { state, q }: FlockPage['filter']): Html {
  const query = q === '' ? '' : `&q=${encodeURIComponent(q)}`;
  const link = (slug: string, title: string, count: number): Html =>
    html`<li>
      <a href="/?state=${slug}${query}" ${slug === state && html`aria-current="true"`}
        >${title} <span>${count}</span></a
      >
    </li>`;
  return html`<div class="finder">
    <form id="find" method="get" action="/" role="search">
      <input type="hidden" name="state" value="${state}" />
      <label for="q" class="unseen">Find a bot by its name, account or first line</label>
      <input id="q" type="search" name="q" value="${q}" placeholder="Find a bot" autocomplete="off" />
      <button>Find</button>
    </form>
    <nav aria-label="By state">
      <ul role="list" class="filters">
        ${link('', 'all', bots.length)}
        ${stateNames.map((one) => countIn(bots, one) > 0 && link(one, states[one].title, countIn(bots, one)))}
      </ul>
    </nav>
  </div>`;
}

const noneFound = html`<p class="more">No bot is like that. <a href="/">Show all</a></p>`;

/** All buttons of a list are in one form, so that hundreds of bots make a short page. */
function listOf(title: string, bots: readonly Bot[], { csrf }: FlockPage): Html | false {
  if (bots.length === 0) return false;
  const name = title.toLowerCase().replaceAll(' ', '-');
  return html`<section class="roll" aria-labelledby="${name}-name">
    <h2 id="${name}-name">${title} <span class="count">${bots.length}</span></h2>
    <form method="post" action="/">
      <input type="hidden" name="csrf" value="${csrf}" />
      <ul class="bots" role="list">
        ${bots.map(botOf)}
      </ul>
    </form>
  </section>`;
}

function botOf(card: Bot): Html {
  const { bot, poem, state, fault, key } = card;
  const wrong = fault ?? (key.state === 'bad' ? key : undefined);
  return html`<li id="bot-${bot}" class="bot" data-severity="${states[state].severity}">
    <div class="who">
      <h3><a href="${pathOf(bot)}">${bot}</a></h3>
      ${shownAccount(card)}
    </div>
    <div class="when">${actionIn(card)}</div>
    ${poem && html`<p class="first" dir="auto" lang="">${poem.first}</p>`}
    ${poem && needsPerson(card) && html`<p class="place">${poem.title}, ${counted(poem.lines, 'line')}</p>`}
    ${wrong && state !== 'asks' && faultOf(wrong)}
  </li>`;
}

const pathOf = (bot: string): string => `/bots/${encodeURIComponent(bot)}`;

function shownAccount({ key, expected }: Card): Html | false {
  if (key.state === 'good')
    return html`<span class="account">@${key.screenName ?? key.userId ?? 'unknown'}</span>`;
  return expected !== undefined && html`<span class="account">to be @${expected}</span>`;
}

function actionIn({ bot, state, poem, issuer }: Bot): Html | string | false {
  const unseen = html`<span class="unseen"> ${bot}</span>`;
  if (state === 'asks') return html`<a class="button" href="${pathOf(bot)}">Answer${unseen}</a>`;
  if (state === 'stuck') return html`<span class="state">unusable poem</span>`;
  if (state === 'good')
    return poem !== undefined && html`<span class="place">${counted(poem.lines, 'line')}</span>`;
  if (issuer?.by === 'password') return html`<a class="button" href="${pathOf(bot)}">Authorize${unseen}</a>`;
  return html`<button formaction="${pathOf(bot)}/authorize">Authorize${unseen}</button>`;
}

const faultOf = ({ why, hint }: Pick<FlockError, 'hint'> & { why: string }): Html =>
  html`<p class="why">${why}</p>
    ${hint !== undefined && html`<p class="hint">${hint}</p>`}`;

/** Files in the folder of the poems that no bot reads. */
const unreadOf = ({ passedOver }: FlockPage): Html | false =>
  passedOver.length > 0 &&
  html`<details class="unread">
    <summary>${counted(passedOver.length, 'file')} in the folder of the poems that no bot reads</summary>
    <ul role="list">
      ${passedOver.map(({ file, why, hint }) => html`<li><code>${file}</code>: ${why}<span class="hint">${hint}</span></li>`)}
    </ul>
  </details>`;

type BotPage = Pick<FlockPage, 'csrf' | 'notice'>;

/** The page of one bot: its poem, its key, and what can be done with it. */
export function botPage(card: Card, { csrf, notice }: BotPage): Html {
  const { bot, poem, key, fault } = card;
  return keymakerPage(
    bot,
    html`${masthead(wayHome)}
      <main class="one">
        <div class="opening">
          <h1 class="title">${bot} ${shownAccount(card)}</h1>
        </div>
        ${notice && noticeOf(notice)} ${quoteOf(card)}
        <dl class="facts">
          ${fact('Key', keyInWords(card))}
          ${key.state === 'good' && key.userId !== undefined && fact('Id', key.userId)}
          ${fact('Poem', poem?.file ?? 'not in the folder')}
        </dl>
        ${fault ? faultOf(fault) : key.state === 'bad' && faultOf(key)} ${actionsOf(card, csrf)}
      </main>`,
  );
}

const fact = (name: string, value: Html | string): Html =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;

function keyInWords({ key }: Card): string {
  if (key.state === 'good')
    return key.provider === undefined ? 'stored' : `stored, at ${key.server ?? key.provider}`;
  return key.state === 'bad' ? 'unusable' : 'none yet';
}

function actionsOf(card: Card, csrf: string): Html {
  const { bot, key, fault, issuer } = card;
  const provider = issuer?.title ?? 'X';
  const isOfX = key.state === 'good' && key.provider === undefined;
  const form = (action: string, name: string, look = '', more: Html | string = ''): Html =>
    html`<form method="post" action="${pathOf(bot)}/${action}">
      <input type="hidden" name="csrf" value="${csrf}" />
      ${more}<button class="${look}">${name}<span class="unseen"> (${bot})</span></button>
    </form>`;
  const authorize = (name: string, look: string): Html | false =>
    !fault &&
    html`<section>${accountOf(card)}${form('authorize', name, look, credentialsOf(card) || '')}</section>`;
  if (key.state !== 'good') return html`<div class="acts">${authorize('Authorize', 'primary')}</div>`;
  return html`<div class="acts">
    <section>
      <p>Ask ${provider} whether the key works, and whose account it is for.</p>
      ${form('check', 'Check')}
    </section>
    ${authorize('Authorize again', '')}
    <section>
      <p id="test-text">
        Send a test post. It stays on the account until you delete it
        there${isOfX ? `, and X charges about ${showPrice(usualPrices.post)} for it` : ''}.
      </p>
      ${form(
        'test-post',
        'Post it',
        '',
        html`<input
          type="text"
          name="text"
          aria-labelledby="test-text"
          value="${bot} clears its throat."
          maxlength="${isOfX ? 280 : 500}"
          autocomplete="off"
        />`,
      )}
    </section>
    <section>
      <p>End the key where it was made and remove its bundle. ${bot} posts nothing until it has a new one.</p>
      ${form('revoke', 'Revoke the key', 'danger')}
    </section>
  </div>`;
}

/** The page that asks whether an account is a bot's, before anything of its key is stored. */
export function questionPage(question: AccountQuestion, card: Card | undefined): Html {
  const { bot, account, issuer } = question;
  return keymakerPage(
    `Is @${account} the account of ${bot}?`,
    html`${masthead(wayHome)}
      <main class="one">
        <div class="opening"><h1 class="summary">Is @${account} the account of ${bot}?</h1></div>
        ${card && quoteOf(card)}
        <p>
          You signed in as @${account}. Nothing is stored yet. After a yes, flockd posts this poem as
          <strong>@${account}</strong>.
        </p>
        ${answersTo(question)}
        <p class="more">
          After a no, the key is forgotten. Sign out of ${issuer} in this browser before you authorize again.
        </p>
      </main>`,
  );
}

const answersTo = ({ bot, account, action }: AccountQuestion): Html =>
  html`<form class="controls" method="post" action="${action}">
    <button class="primary" name="answer" value="yes">
      Yes, store the key<span class="unseen"> of @${account} for ${bot}</span>
    </button>
    <button name="answer" value="no">
      No<span class="unseen">, @${account} is not the account of ${bot}</span>
    </button>
  </form>`;
