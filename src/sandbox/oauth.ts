import { accessLevel, type Call, type Core, type Routes, type Signed, signedBy } from './core.ts';
import { type Dialect, xDialect } from './dialects.ts';
import { avatar, html, type Html, layout } from './pages.ts';
import { form, json, page, plain, redirect, refuseV1, type SandboxAnswer } from './problems.ts';
import { type Access, accesses, type AccessToken, type Account, type Authorization } from './world.ts';

/** The signed steps of OAuth 1.0a in a dialect. */
export function oauthRoutes(core: Core, dialect: Dialect): Routes {
  const { base } = dialect;
  const request = (call: Call): SandboxAnswer => requestToken(core, dialect, call);
  const access = (call: Call): SandboxAnswer => accessToken(core, dialect, call);
  return {
    [`POST ${base}/request_token`]: request,
    [`GET ${base}/request_token`]: request,
    [`POST ${base}/access_token`]: access,
    [`GET ${base}/access_token`]: access,
  };
}

/** X's way to give a token back. */
export function revokeRoutes(core: Core): Routes {
  const invalidate = (call: Call): SandboxAnswer => invalidateToken(core, call);
  return {
    'POST /1.1/oauth/invalidate_token': invalidate,
    'POST /1.1/oauth/invalidate_token.json': invalidate,
  };
}

function requestToken(core: Core, dialect: Dialect, { request }: Call): SandboxAnswer {
  const checked = signedBy(core, request, dialect.refuse, dialect.id);
  if (!checked.ok) return checked.answer;
  const { app, parameters } = checked.value;
  const callback = parameters.get('oauth_callback') ?? '';
  if (!callbackAllowed(core, dialect, callback)) return dialect.callbackRefused(callback);
  const access = accessAsked(dialect, parameters);
  if (!access) return plain(400, 'Invalid x_auth_access_type parameter');
  const asked = { app, dialect: dialect.id, callback, access };
  const { token, secret } = core.authorizations.begin(asked, core.clock.now());
  return form(200, { oauth_token: token, oauth_token_secret: secret, oauth_callback_confirmed: 'true' });
}

/** X's apps may ask for less than they have; elsewhere the link says it, or nobody. */
function accessAsked({ xAuth }: Dialect, parameters: Map<string, string>): Access | undefined {
  const asked = (xAuth ? parameters.get('x_auth_access_type') : undefined) ?? 'write';
  return asked === 'read' || asked === 'write' ? asked : undefined;
}

/** Callbacks are compared as text, a trailing slash included, as X does; `oob` needs no registration here. */
function callbackAllowed({ callbacks }: Core, { pin }: Dialect, callback: string): boolean {
  if (callback === 'oob') return pin !== undefined;
  if (!URL.canParse(callback) || !/^https?:$/.test(new URL(callback).protocol)) return false;
  return !callbacks || callbacks.includes(callback);
}

function accessToken(core: Core, dialect: Dialect, { request }: Call): SandboxAnswer {
  const checked = signedBy(core, request, dialect.refuse, dialect.id);
  if (!checked.ok) return checked.answer;
  const { app, token, parameters } = checked.value;
  if (dialect.xAuth && parameters.get('x_auth_mode') === 'client_auth')
    return passwordToken(core, checked.value);
  const authorization = core.authorizations.find(token ?? '', core.clock.now());
  if (!authorization || authorization.state === 'spent') return dialect.tokenRefused();
  const accountId = core.authorizations.redeem(authorization, parameters.get('oauth_verifier') ?? '');
  if (accountId === undefined) return dialect.verifierRefused();
  return tokenForm(core, dialect, core.world.grant(app, accountId, authorization.access, dialect.id));
}

/** xAuth: a name and a password instead of the person's step. X dropped it; other services still have it. */
function passwordToken(core: Core, { app, parameters }: Signed): SandboxAnswer {
  if (core.passwords.size === 0) return plain(401, 'Client application is not permitted to use xAuth.');
  const name = parameters.get('x_auth_username') ?? '';
  const expected = core.passwords.get(name.toLowerCase());
  if (expected === undefined || expected !== parameters.get('x_auth_password')) {
    return plain(401, 'Invalid user name or password');
  }
  return tokenForm(core, xDialect, core.world.grant(app, core.world.ensureAccount(name).id, 'write'));
}

function tokenForm({ world }: Core, dialect: Dialect, granted: AccessToken): SandboxAnswer {
  const account = world.account(granted.accountId);
  return account ? form(200, dialect.tokenFields(granted, account)) : dialect.tokenRefused();
}

function invalidateToken(core: Core, { request }: Call): SandboxAnswer {
  const checked = signedBy(core, request, refuseV1);
  if (!checked.ok) return checked.answer;
  const token = core.world.accessToken(checked.value.token ?? '');
  if (!token) return refuseV1('dead-token');
  token.revoked = true;
  core.world.changed();
  return json(200, { access_token: token.token }, accessLevel(token));
}

/** How many accounts the page lists; others can be named. */
const maxList = 50;

interface Question {
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
function askPage(question: Question): string {
  const { dialect, path, authorization, access, accounts, chosen, complaint } = question;
  const names = listNames(accounts, chosen);
  const left = accounts.length - maxList;
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
  return (chosen === undefined ? names : [chosen, ...names]).slice(0, maxList);
}

/** The page that shows the PIN, in the markup X has, which scripts look for. */
function pinPage(dialect: Dialect, screenName: string, pin: string): string {
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

/** The person's step in a dialect: a page that asks which account the app may use, and what comes of the answer. */
export function authorizeRoutes(core: Core, dialect: Dialect): Routes {
  const desk = { core, dialect };
  const asking = (call: Call): SandboxAnswer => ask(desk, call);
  const answer = (call: Call): SandboxAnswer => takeAnswer(desk, call);
  return {
    [`GET ${dialect.base}/authorize`]: asking,
    [`POST ${dialect.base}/authorize`]: answer,
    ...(dialect.authenticate && {
      [`GET ${dialect.base}/authenticate`]: (call) => passOrAsk(desk, call),
      [`POST ${dialect.base}/authenticate`]: answer,
    }),
  };
}

/** Where a person answers. */
interface Desk {
  core: Core;
  dialect: Dialect;
}

/** A request token that waits for its person, and what the link asks for it. */
interface Asked {
  authorization: Authorization;
  access: Access;
}

function ask(desk: Desk, call: Call): SandboxAnswer {
  const authorization = openAuthorization(desk, call.query.get('oauth_token'));
  if (!authorization) return invalidLink();
  const access = accessChosen(desk.dialect, authorization, call);
  if (!access) return unknownPermission(desk.dialect);
  const force = call.query.get('force_login') === 'true';
  const prefilled = validName(call.query.get('screen_name') ?? '');
  const signedIn = force ? undefined : signedInAccount(desk.core, call);
  return showAsk(desk, call, { authorization, access }, signedIn?.screenName ?? prefilled);
}

/** On the link where the dialect has it there, else with the request token. */
function accessChosen(dialect: Dialect, { access }: Authorization, { query }: Call): Access | undefined {
  const { permission } = dialect;
  return permission === undefined ? access : accesses.find((choice) => choice === query.get(permission));
}

/**
 * X's trap, kept: an account that approved the app before is passed without a question,
 * even when the link names another, unless the login is forced.
 */
function passOrAsk(desk: Desk, call: Call): SandboxAnswer {
  const { world } = desk.core;
  const authorization = openAuthorization(desk, call.query.get('oauth_token'));
  const account = signedInAccount(desk.core, call);
  const force = call.query.get('force_login') === 'true';
  if (!authorization || !account || force || account.suspended) return ask(desk, call);
  const { app, access } = authorization;
  const held = world.tokenOf(app, account.id, desk.dialect.id);
  return held?.access === access ? approve(desk, { authorization, access }, account) : ask(desk, call);
}

function takeAnswer(desk: Desk, call: Call): SandboxAnswer {
  const { form } = call;
  const authorization = openAuthorization(desk, form.get('oauth_token'));
  if (!authorization) return invalidLink();
  if (form.get('authenticity_token') !== authorization.authenticity) {
    return message(403, 'This form is not ours', 'Please open the link from your terminal again.');
  }
  if (form.get('action') === 'cancel') return cancel(desk, authorization);
  const access = accessChosen(desk.dialect, authorization, call);
  if (!access) return unknownPermission(desk.dialect);
  return takeName(desk, call, { authorization, access });
}

function takeName(desk: Desk, call: Call, asked: Asked): SandboxAnswer {
  const { form } = call;
  const named = (form.get('screen_name') ?? '').trim().replace(/^@/, '');
  const name = named === '' ? (form.get('account') ?? '') : named;
  if (validName(name) === undefined) {
    const complaint =
      name === '' ? 'Pick an account, or name a new one.' : `“${name}” cannot be a screen name.`;
    return showAsk(desk, call, asked, validName(form.get('account') ?? ''), complaint);
  }
  const account = desk.core.world.ensureAccount(name);
  if (account.suspended)
    return message(403, `@${account.screenName} is suspended`, 'It cannot approve an app.');
  return approve(desk, asked, account);
}

function approve({ core, dialect }: Desk, { authorization, access }: Asked, account: Account): SandboxAnswer {
  authorization.access = access;
  const verifier = core.authorizations.approve(authorization, account.id, dialect.pin ?? '');
  const cookie = { 'set-cookie': `sandbox_account=${account.screenName}; Path=/; HttpOnly; SameSite=Lax` };
  if (authorization.callback === 'oob')
    return page(200, pinPage(dialect, account.screenName, verifier), cookie);
  const target = new URL(authorization.callback);
  target.searchParams.set('oauth_token', authorization.token);
  target.searchParams.set('oauth_verifier', verifier);
  if (dialect.fragment !== '') target.hash = dialect.fragment;
  return redirect(target.href, cookie);
}

function cancel({ dialect }: Desk, authorization: Authorization): SandboxAnswer {
  authorization.state = 'spent';
  const { callback, token } = authorization;
  const back = callback === 'oob' ? undefined : dialect.deniedUrl(callback, token);
  if (back !== undefined) return redirect(back);
  const silent = callback === 'oob' ? '' : ` ${dialect.title} does not tell the app.`;
  return message(200, 'Nothing was authorized', `You can close this page. The link is spent now.${silent}`);
}

function showAsk(
  { core, dialect }: Desk,
  call: Call,
  { authorization, access }: Asked,
  chosen: string | undefined,
  complaint?: string,
): SandboxAnswer {
  const { world } = core;
  const { permission } = dialect;
  const body = askPage({
    dialect,
    // The form asks for what its own page shows, whatever another page of the same link asks for.
    path: permission === undefined ? call.path : `${call.path}?${permission}=${access}`,
    authorization,
    access,
    accounts: world.accounts,
    chosen: chosen === undefined ? undefined : (world.accountNamed(chosen)?.screenName ?? chosen),
    complaint,
  });
  const back = authorization.callback === 'oob' ? '' : new URL(authorization.callback).origin;
  return page(complaint === undefined ? 200 : 422, body, {}, back);
}

function openAuthorization({ core, dialect }: Desk, token: string | null): Authorization | undefined {
  const found = core.authorizations.find(token ?? '', core.clock.now());
  return found?.state === 'open' && found.dialect === dialect.id ? found : undefined;
}

function signedInAccount(core: Core, { request }: Call): Account | undefined {
  const name = /(?:^|;\s*)sandbox_account=(\w+)/.exec(request.headers['cookie'] ?? '')?.[1];
  return name === undefined ? undefined : core.world.accountNamed(name);
}

/** A screen name X would allow, or undefined. */
function validName(name: string): string | undefined {
  const bare = name.replace(/^@/, '');
  return /^\w{1,15}$/.test(bare) ? bare : undefined;
}

const message = (status: number, title: string, text: string): SandboxAnswer =>
  page(status, messagePage(title, text));

const invalidLink = (): SandboxAnswer =>
  message(
    404,
    'This link no longer works',
    'It was used already, or it is older than 15 minutes. Ask for a fresh one.',
  );

const unknownPermission = ({ title, permission = '' }: Dialect): SandboxAnswer =>
  message(
    400,
    `${title} does not recognise the permission`,
    `The link must say ${accesses.map((access) => `${permission}=${access}`).join(' or ')}.`,
  );
