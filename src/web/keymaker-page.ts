import { html } from 'hono/html';
import type { BotName } from '../poems/bot-name.ts';
import { type Html, keymakerPage, type Message } from './layout.ts';

/** One poem on the page, and how its key stands. */
export interface Card {
  bot: BotName;
  /** The poem's first line and how many there are, or undefined where there is no such poem. */
  poem: { file: string; first: string; lines: number } | undefined;
  key:
    | { state: 'none' }
    | {
        state: 'good';
        screenName: string | undefined;
        userId: string | undefined;
        provider: string | undefined;
      }
    | { state: 'bad'; why: string; hint: string | undefined };
  /** The account that it is to have. */
  expected: string | undefined;
}

/** Whether an account is a bot's, and where the answer goes. */
interface AccountQuestion {
  bot: BotName;
  /** Its screen name. */
  account: string;
  to: string;
}

interface FlockPage {
  cards: readonly Card[];
  /** By the bots whose accounts a person has yet to confirm. */
  questions: ReadonlyMap<string, AccountQuestion>;
  csrf: string;
  notice: { bot: string; message: Message } | undefined;
  /** Where the answers of the provider arrive. */
  callback: string;
  provider: string;
}

/** The page with one card for each poem. It holds no secret: keys are told by their accounts. */
export function flockPage({ cards, questions, csrf, notice, callback, provider }: FlockPage): Html {
  const made = cards.filter(({ key }) => key.state === 'good').length;
  return keymakerPage(
    'Your flock',
    html`<header class="top">
        <p class="brand">keymaker <span>one account for each poem</span></p>
        <h1>${summary(made, cards.length)}</h1>
        <p class="small">
          ${provider} sends you back to <code>${callback}</code>, which must be registered with the app. You
          are asked to sign in each time: mind whose account it is.
        </p>
        ${notice && !cards.some(({ bot }) => bot === notice.bot) && noticeOf(notice.message)}
      </header>
      <main class="bots">
        ${cards.map((card) =>
          cardOf(card, csrf, {
            question: questions.get(card.bot),
            notice: notice?.bot === card.bot ? notice.message : undefined,
          }),
        )}
        ${cards.length === 0 && html`<p>There are no poems here yet. A poem is a text file in the poems folder.</p>`}
      </main>`,
  );
}

/** The page that asks whether an account is a bot's, before anything of its key is stored. */
export function questionPage(question: AccountQuestion, poem: Card['poem'], provider: string): Html {
  const { bot, account } = question;
  return keymakerPage(
    `Is @${account} the account of ${bot}?`,
    html`<main class="card question">
      <p class="brand">keymaker</p>
      <h1>Is @${account} the account of ${bot}?</h1>
      <dl>
        <dt>You signed in as</dt>
        <dd>@${account}</dd>
        <dt>The bot</dt>
        <dd>${bot} ${poem && html`<blockquote>${poem.first}</blockquote>`}</dd>
      </dl>
      <p>Nothing is stored yet. After a yes, flockd posts this poem as <strong>@${account}</strong>.</p>
      ${answersTo(question)}
      <p class="small">
        After a no, the key is forgotten. Sign out of ${provider} in this browser before you authorize again.
      </p>
    </main>`,
  );
}

const answersTo = ({ bot, account, to }: AccountQuestion): Html =>
  html`<form class="answers" method="post" action="${to}">
    <button class="primary" name="answer" value="yes">
      Yes, store the key<span class="unseen"> of @${account} for ${bot}</span>
    </button>
    <button name="answer" value="no">
      No<span class="unseen">, @${account} is not the account of ${bot}</span>
    </button>
  </form>`;

const summary = (made: number, all: number): string =>
  made === all && all > 0
    ? `All ${all} ${all === 1 ? 'bot has its key' : 'bots have their keys'}`
    : `${made} of ${all} bots ${made === 1 ? 'has its key' : 'have their keys'}`;

const noticeOf = ({ tone, title, text }: Message): Html =>
  html`<div class="notice" data-tone="${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">
    <strong>${title}</strong>
    <p>${text}</p>
  </div>`;

function cardOf(
  card: Card,
  csrf: string,
  { question, notice }: { question: AccountQuestion | undefined; notice: Message | undefined },
): Html {
  const { bot, poem, key } = card;
  return html`<article class="bot" id="bot-${bot}" aria-labelledby="name-${bot}">
    <header>
      <h2 id="name-${bot}">${bot}</h2>
      ${stateOf(card)}
    </header>
    ${poem && html`<blockquote>${poem.first}</blockquote>`}
    <p class="facts small">${factsOf(card)}</p>
    ${key.state === 'bad' && html`<p class="why">${key.why}${key.hint !== undefined && html`<br />${key.hint}`}</p>`}
    ${notice && noticeOf(notice)}
    ${
      question &&
      html`<div class="notice asks">
        <strong>Is @${question.account} the account of ${bot}?</strong>
        <p>You signed in as it. Nothing is stored yet.</p>
        ${answersTo(question)}
      </div>`
    }
    ${!question && html`<div class="actions">${actionsOf(card, csrf)}</div>`}
  </article>`;
}

function stateOf({ key }: Card): Html {
  if (key.state === 'none') return html`<span class="state" data-state="none">no key yet</span>`;
  if (key.state === 'bad') return html`<span class="state" data-state="bad">key unusable</span>`;
  return html`<span class="state" data-state="good">@${key.screenName ?? key.userId ?? 'unknown'}</span>`;
}

function factsOf({ poem, key, expected }: Card): string {
  const facts = [
    poem
      ? `${poem.file}, ${poem.lines === 1 ? '1 line' : `${poem.lines} lines`}`
      : 'its poem is not in the folder',
    key.state === 'good' && key.userId !== undefined && `id ${key.userId}`,
    key.state === 'good' && key.provider !== undefined && `at ${key.provider}`,
    key.state !== 'good' && expected !== undefined && `to be @${expected}`,
  ];
  return facts.filter((fact) => fact !== false).join(' · ');
}

function actionsOf({ bot, key }: Card, csrf: string): Html[] {
  if (key.state !== 'good') return [actionOf(bot, 'authorize', 'Authorize', csrf, 'primary')];
  return [
    actionOf(bot, 'check', 'Check', csrf),
    actionOf(bot, 'authorize', 'Re-authorize', csrf),
    html`<details name="more-${bot}">
      <summary>Send a test post…</summary>
      <form method="post" action="/bots/${bot}/test-post">
        <input type="hidden" name="csrf" value="${csrf}" />
        <label
          >Text
          <input type="text" name="text" value="${bot} clears its throat." maxlength="280" autocomplete="off"
        /></label>
        <p class="small">
          It stays on the account until you delete it there, and X charges about $0.015 for it.
        </p>
        <button class="primary">Post it<span class="unseen"> as ${bot}</span></button>
      </form>
    </details>`,
    html`<details name="more-${bot}">
      <summary>Revoke…</summary>
      <p>
        The key is ended where it was made, and its bundle is removed. ${bot} posts nothing until it has a new
        one.
      </p>
      ${actionOf(bot, 'revoke', 'Revoke the key', csrf, 'danger')}
    </details>`,
  ];
}

const actionOf = (bot: string, action: string, name: string, csrf: string, look = ''): Html =>
  html`<form method="post" action="/bots/${bot}/${action}">
    <input type="hidden" name="csrf" value="${csrf}" />
    <button class="${look}">${name}<span class="unseen"> (${bot})</span></button>
  </form>`;
