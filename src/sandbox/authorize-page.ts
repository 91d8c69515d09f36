import type { Authorization } from './authorizations.ts';
import type { Dialect } from './dialect.ts';
import { avatar, html, layout, type Html } from './html.ts';
import type { Access, Account } from './state.ts';

/** How many accounts the page lists; others can be named. */
const longestList = 50;

export interface Question {
  dialect: Dialect;
  /** Where the form goes back to. */
  path: string;
  authorization: Authorization;
  /** What the app is to be permitted. */
  access: Access;
  accounts: Account[];
  /** The screen name to have picked already; it need not exist yet. */
  chosen: string | undefined;
  /** What was wrong with the answer before. */
  complaint: string | undefined;
}

/** The page that asks a person which account the app may use. */
export function askPage(question: Question): string {
  const { dialect, path, authorization, access, accounts, chosen, complaint } = question;
  const names = listNames(accounts, chosen);
  const left = accounts.length - longestList;
  return layout(
    'Authorize an app · Sandbox',
    html`<main class="card">
      ${brand(dialect)}
      <h1>Authorize this app to use an account?</h1>
      <p class="app">App key <code>${authorization.app}</code></p>
      ${rights(dialect, access)}
      <form method="post" action="${path}">
        <input type="hidden" name="oauth_token" value="${authorization.token}" />
        <input type="hidden" name="authenticity_token" value="${authorization.authenticity}" />
        ${complaint !== undefined && html`<p class="complaint" role="alert">${complaint}</p>`}
        ${names.length > 0 && choices(names, accounts, chosen)}
        ${left > 0 && html`<p class="small">and ${left} more, which you can name below</p>`}
        <label class="field" for="screen_name"
          >${names.length > 0 ? 'Or another account' : 'Name an account'}
          <span class="small">It is made if it does not exist. What you type here counts.</span></label
        >
        <span class="at"
          ><input
            id="screen_name"
            name="screen_name"
            maxlength="16"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
        /></span>
        <div class="buttons">
          <button class="primary" name="action" value="authorize">Authorize app</button>
          <button name="action" value="cancel" formnovalidate>Cancel</button>
        </div>
      </form>
      <p class="small">Nothing here reaches the real ${dialect.title}.</p>
    </main>`,
  );
}

const brand = ({ id, title }: Dialect): Html =>
  html`<p class="brand">Sandbox <span>${id === 'x' ? 'an' : 'a'} ${title} in a box</span></p>`;

function rights(dialect: Dialect, access: Access): Html {
  return html`<ul class="rights">
    ${dialect.rights[access].map(({ text, granted }) =>
      granted ? html`<li>${text}</li>` : html`<li class="no">${text}</li>`,
    )}
  </ul>`;
}

function choices(names: string[], accounts: Account[], chosen: string | undefined): Html {
  const known = new Set(accounts.map(({ screenName }) => screenName));
  return html`<fieldset>
    <legend>Account</legend>
    ${names.map(
      (name) =>
        html`<label class="choice">
          <input type="radio" name="account" value="${name}" ${name === chosen && html` checked`} />
          ${avatar(name)}<span>@${name}</span>${!known.has(name) && html`<span class="tag">new</span>`}
        </label>`,
    )}
  </fieldset>`;
}

/** The chosen name first, then the others by alphabet. */
function listNames(accounts: Account[], chosen: string | undefined): string[] {
  const names = accounts.map(({ screenName }) => screenName).filter((name) => name !== chosen);
  names.sort((a, b) => a.localeCompare(b, 'en'));
  return (chosen === undefined ? names : [chosen, ...names]).slice(0, longestList);
}

/** The page that shows the PIN, in the markup X has, which scripts look for. */
export function pinPage(dialect: Dialect, screenName: string, pin: string): string {
  return layout(
    'Your PIN · Sandbox',
    html`<main class="card">
      ${brand(dialect)}
      <p class="who">${avatar(screenName)} @${screenName}</p>
      <h1 id="code-desc">Type this PIN into your terminal</h1>
      <div id="oauth_pin">
        <kbd aria-labelledby="code-desc"><code>${pin}</code></kbd>
      </div>
      <p class="small">It works once, within 15 minutes. After a wrong PIN a fresh link is needed.</p>
    </main>`,
  );
}

/** A page that only says something. */
export function messagePage(title: string, text: string): string {
  return layout(
    `${title} · Sandbox`,
    html`<main class="card">
      <p class="brand">Sandbox <span>an X in a box</span></p>
      <h1>${title}</h1>
      <p>${text}</p>
    </main>`,
  );
}
