import { createHash } from 'node:crypto';
import { html } from 'hono/html';
import { networkOf, shownName, usernameOf } from './names.ts';
import { dialects } from './oauth.ts';
import { answer, type Call, type Routes, type SandboxAnswer } from './requests.ts';
import { accesses, type Account, type Authorization, type Core, screenNamePattern } from './world.ts';

/*
 * The frame of the sandbox's pages for people, and the authorize pages: each asks a person which account an app may use.
 */

/** The authorize pages of OAuth 1.0a. */
export function authorizeRoutes(core: Core): Routes {
  const authorizing = dialects.map((dialect): Routes => {
    const { base } = dialect;
    const submitted = visiting(core, dialect, submit);
    return {
      [`GET ${base}/authorize`]: visiting(core, dialect, ask),
      [`POST ${base}/authorize`]: submitted,
      ...(dialect.id === 'x' && {
        [`GET ${base}/authenticate`]: visiting(core, dialect, approveOrAsk),
        [`POST ${base}/authenticate`]: submitted,
      }),
    };
  });
  return Object.assign({}, ...authorizing) as Routes;
}

export type Html = ReturnType<typeof html>;
type Dialect = (typeof dialects)[number];
type Access = Authorization['access'];

interface PageOptions {
  hasScript?: boolean;
  headers?: Record<string, string>;
  /** One more origin that its form may lead to: browsers apply `form-action` to the redirect after a form, too. */
  formTarget?: string;
}

/** An answer with a page. Its policy allows no inline script or style. */
export function page(
  status: number,
  title: string,
  content: Html,
  { hasScript = false, headers = {}, formTarget = '' }: PageOptions = {},
): SandboxAnswer {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    `form-action 'self' ${formTarget}`.trim(),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  const body = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/sandbox/style.css" />
        ${hasScript && html`<script src="/sandbox/page.js" defer></script>`}
      </head>
      <body>
        ${content}
      </body>
    </html> `;
  return answer(status, 'text/html', textOf(body), {
    'content-security-policy': policy,
    // With no-referrer, browsers would send `Origin: null` with a form.
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
}

export function textOf(markup: Html): string {
  if (markup instanceof Promise) throw new Error('no page of the sandbox has pieces that are promises');
  return markup.toString();
}

/** What the sandbox is. */
export const inBox = 'X, Mastodon and Bluesky in a box';

export const message = (status: number, title: string, text: string): SandboxAnswer =>
  page(
    status,
    `${title} · Sandbox`,
    html`<main class="card">
      <p class="brand">Sandbox <span>${inBox}</span></p>
      <h1>${title}</h1>
      <p>${text}</p>
    </main>`,
  );

/** As many as the style sheet has. */
const hueCount = 8;

/** An account's initial on a colour, which depends on its name alone. It is decoration, so screen readers skip it. */
export function avatar(screenName: string): Html {
  const hash = createHash('sha256').update(usernameOf({ screenName }).toLowerCase()).digest();
  const initial = (screenName.replace(/^_+/, '')[0] ?? '_').toUpperCase();
  return html`<span class="avatar hue-${hash.readUInt16BE() % hueCount}" aria-hidden="true"
    >${initial}</span
  >`;
}

/** A person's request to the authorize page of a service, for a request token that is not answered yet. */
interface Visit {
  core: Core;
  dialect: Dialect;
  call: Call;
  authorization: Authorization;
}

const visiting =
  (core: Core, dialect: Dialect, act: (visit: Visit) => SandboxAnswer) =>
  (call: Call): SandboxAnswer => {
    const { request, query, form } = call;
    const token = (request.method === 'POST' ? form : query).get('oauth_token') ?? '';
    const authorization = core.authorizations.find(token);
    if (authorization?.state === 'open' && authorization.dialect === dialect.id)
      return act({ core, dialect, call, authorization });
    const text = 'It was used already, or it is older than 15 minutes. Ask for a new one.';
    return message(404, 'This link no longer works', text);
  };

function ask(visit: Visit): SandboxAnswer {
  const access = requestedAccess(visit);
  if (!access) return unknownPermission(visit.dialect);
  const chosen = signedInAccount(visit)?.screenName ?? visit.call.query.get('screen_name') ?? '';
  return showAsk(visit, { access, chosen });
}

/** The access that the link asks for, in a dialect with a permission parameter; otherwise that of the request token. */
function requestedAccess({ dialect, call, authorization }: Visit): Access | undefined {
  const { permission } = dialect;
  if (permission === undefined) return authorization.access;
  return accesses.find((choice) => choice === call.query.get(permission));
}

/**
 * Approves without a page if the signed-in account approved the app before, even if the link names another account. X does
 * this too; `force_login` prevents it.
 */
function approveOrAsk(visit: Visit): SandboxAnswer {
  const account = signedInAccount(visit);
  if (!account || account.suspended) return ask(visit);
  const { app, access } = visit.authorization;
  const held = visit.core.world.tokenOf(app, account.id, visit.dialect.id);
  return held?.access === access ? approve(visit, access, account) : ask(visit);
}

function submit(visit: Visit): SandboxAnswer {
  const { authorization } = visit;
  const { form } = visit.call;
  if (form.get('authenticity_token') !== authorization.authenticity) {
    return message(403, 'This form is not from the sandbox', 'Open the link from your terminal again.');
  }
  if (form.get('action') === 'cancel') return cancel(visit);
  const access = requestedAccess(visit);
  if (!access) return unknownPermission(visit.dialect);
  const picked = form.get('account') ?? '';
  const typed = (form.get('screen_name') ?? '').trim().replace(/^@/, '');
  const given = typed === '' ? picked : typed;
  const name = validName(given);
  if (name === undefined) {
    const complaint =
      given === '' ? 'Pick an account, or name a new one.' : `“${given}” cannot be a screen name.`;
    return showAsk(visit, { access, chosen: picked, complaint });
  }
  const account = visit.core.world.ensureAccount(name);
  return account.suspended
    ? message(403, `@${account.screenName} is suspended`, 'It cannot approve an app.')
    : approve(visit, access, account);
}

function approve(
  { core, dialect, authorization }: Visit,
  access: Access,
  { id, screenName }: Account,
): SandboxAnswer {
  authorization.access = access;
  const verifier = core.authorizations.approve(authorization, id, dialect.pin ?? '');
  const headers = { 'set-cookie': `sandbox_account=${screenName}; Path=/; HttpOnly; SameSite=Lax` };
  if (authorization.callback === 'oob')
    return page(200, 'Your PIN · Sandbox', pinOf(dialect, screenName, verifier), { headers });
  const target = new URL(authorization.callback);
  target.searchParams.set('oauth_token', authorization.token);
  target.searchParams.set('oauth_verifier', verifier);
  if (dialect.fragment !== undefined) target.hash = dialect.fragment;
  return redirect(target.href, headers);
}

function cancel({ dialect, authorization }: Visit): SandboxAnswer {
  authorization.state = 'spent';
  const { callback, token } = authorization;
  const back = callback === 'oob' ? undefined : dialect.deniedUrl?.(callback, token);
  if (back !== undefined) return redirect(back);
  const silent = callback === 'oob' ? '' : ` ${dialect.title} does not tell the app.`;
  const text = `You can close this page. The link cannot be used again.${silent}`;
  return message(200, 'Nothing was authorized', text);
}

const redirect = (location: string, headers: Record<string, string> = {}): SandboxAnswer => ({
  status: 302,
  headers: { location, 'cache-control': 'no-store', ...headers },
  body: '',
});

/** The account of the browser's cookie, unless the link asks for a new sign-in. */
function signedInAccount({ core, call: { request, query } }: Visit): Account | undefined {
  if (query.get('force_login') === 'true') return undefined;
  const name = /(?:^|;\s*)sandbox_account=(\w+)/.exec(request.headers['cookie'] ?? '')?.[1];
  return name === undefined ? undefined : core.world.accountNamed(name);
}

/** Returns the name without its `@`, or undefined if it cannot be a screen name. */
function validName(name: string): string | undefined {
  const bare = name.replace(/^@/, '');
  return screenNamePattern.test(bare) ? bare : undefined;
}

const unknownPermission = ({ title, permission = '' }: Dialect): SandboxAnswer =>
  message(
    400,
    `${title} does not recognise the permission`,
    `The link must say ${accesses.map((access) => `${permission}=${access}`).join(' or ')}.`,
  );

/**
 * The page that asks a person which account the app may use.
 *
 * @param form - `access`: what the app asks for; `chosen`: the screen name that is selected at first, whose account need not
 * exist yet; `complaint`: what was wrong with the last submission
 */
function showAsk(
  { core, dialect, call, authorization }: Visit,
  { access, ...form }: { access: Access; chosen: string; complaint?: string },
): SandboxAnswer {
  const accounts = core.world.accounts.filter((account) => networkOf(account) === 'x');
  const { permission } = dialect;
  // The form repeats the permission, so that the person grants what this page shows, even if another page of the same request
  // token asks for something else.
  const action = permission === undefined ? call.path : `${call.path}?${permission}=${access}`;
  const named = validName(form.chosen);
  const chosen = named === undefined ? undefined : (core.world.accountNamed(named)?.screenName ?? named);
  const content = html`<main class="card">
    ${brand(dialect)}
    <h1>Authorize this app to use an account?</h1>
    <p class="app">App key <code>${authorization.app}</code></p>
    ${rights(dialect, access)}
    ${accountForm({
      action,
      hidden: { oauth_token: authorization.token, authenticity_token: authorization.authenticity },
      accounts,
      chosen,
      complaint: form.complaint,
    })}
    <p class="small">Nothing here reaches the real ${dialect.title}.</p>
  </main>`;
  const formTarget = authorization.callback === 'oob' ? '' : new URL(authorization.callback).origin;
  const status = form.complaint === undefined ? 200 : 422;
  return page(status, 'Authorize an app · Sandbox', content, { formTarget });
}

const brand = ({ id, title }: Dialect): Html =>
  html`<p class="brand">Sandbox <span>${id === 'x' ? 'an' : 'a'} ${title} in a box</span></p>`;

const rights = (dialect: Dialect, access: Access): Html =>
  html`<ul class="rights">
    ${dialect.rights.map((right, n) =>
      n <= accesses.indexOf(access)
        ? html`<li>${right}</li>`
        : html`<li class="no"><span class="unseen">It may not: </span>${right}</li>`,
    )}
  </ul>`;

/** The maximum of accounts that a page lists. The person can type the name of any other. */
const maxListed = 50;

interface AccountForm {
  action: string;
  /** What the form says besides, by field. */
  hidden: Record<string, string>;
  accounts: Account[];
  /** The name that is selected at first; its account need not exist yet. */
  chosen?: string | undefined;
  /** What was wrong with the last submission. */
  complaint: string | undefined;
}

/** The form in which a person picks an account, or names another, and approves or not. */
export function accountForm({ action, hidden, accounts, chosen, complaint }: AccountForm): Html {
  const names = listNames(accounts, chosen);
  const unlisted = accounts.length - maxListed;
  return html`<form method="post" action="${action}">
    ${Object.entries(hidden).map(
      ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
    )}
    ${complaint !== undefined && html`<p class="complaint" role="alert">${complaint}</p>`}
    ${names.length > 0 && accountChoices(names, accounts, chosen)}
    ${unlisted > 0 && html`<p class="small">and ${unlisted} more, which you can name below</p>`}
    <label class="field" for="screen_name"
      >${names.length > 0 ? 'Or another account' : 'Name an account'}
      <span class="small">It is created if it does not exist. This field overrides the list.</span></label
    >
    <span class="at"
      ><input
        id="screen_name"
        name="screen_name"
        maxlength="40"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
    /></span>
    <div class="buttons">
      <button class="primary" name="action" value="authorize">Authorize app</button>
      <button name="action" value="cancel" formnovalidate>Cancel</button>
    </div>
  </form>`;
}

const accountChoices = (names: string[], accounts: Account[], chosen: string | undefined): Html =>
  html`<fieldset>
    <legend>Account</legend>
    ${names.map(
      (name) =>
        html`<label class="choice">
          <input type="radio" name="account" value="${name}" ${name === chosen && html` checked`} />
          ${avatar(name)}<span>@${shownName({ screenName: name })}</span>
          ${!accounts.some(({ screenName }) => screenName === name) && html`<span class="tag">new</span>`}
        </label>`,
    )}
  </fieldset>`;

/** The chosen name first, then the others in alphabetical order. */
function listNames(accounts: Account[], chosen: string | undefined): string[] {
  const names = accounts.map(({ screenName }) => screenName).filter((name) => name !== chosen);
  names.sort((a, b) => a.localeCompare(b, 'en'));
  return (chosen === undefined ? names : [chosen, ...names]).slice(0, maxListed);
}

/** The PIN, in X's markup, because scripts search for it. */
const pinOf = (dialect: Dialect, screenName: string, pin: string): Html =>
  html`<main class="card">
    ${brand(dialect)}
    <p class="who">${avatar(screenName)} @${screenName}</p>
    <h1 id="code-desc">Type this PIN into your terminal</h1>
    <div id="oauth_pin">
      <kbd aria-labelledby="code-desc"><code>${pin}</code></kbd>
    </div>
    <p class="small">It works once, within 15 minutes. After a wrong PIN you need a new link.</p>
  </main>`;
