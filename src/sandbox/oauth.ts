import { accessLevel, type Call, type Core, type Routes, type Signed, signedBy } from './core.ts';
import { type Dialect, xDialect } from './dialects.ts';
import { avatar, html, type Html, layout } from './pages.ts';
import { form, json, page, plain, redirect, refuseV1, type SandboxAnswer } from './problems.ts';
import {
  type Access,
  accesses,
  type AccessToken,
  type Account,
  type Authorization,
  screenNamePattern,
} from './world.ts';

/** The signed steps of OAuth 1.0a in a dialect. {@link authorizeRoutes} has the step between them, which is the person's. */
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

/** X's method to revoke the token that signs the request. */
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
  const access = accessAtRequest(dialect, parameters);
  if (!access) return plain(400, 'Invalid x_auth_access_type parameter');
  const asked = { app, dialect: dialect.id, callback, access };
  const { token, secret } = core.authorizations.begin(asked, core.clock.now());
  return form(200, { oauth_token: token, oauth_token_secret: secret, oauth_callback_confirmed: 'true' });
}

/** The access that a request token is for. At X an app may ask for less than it has; elsewhere only the link can ask. */
function accessAtRequest({ xAuth }: Dialect, parameters: Map<string, string>): Access | undefined {
  const asked = (xAuth ? parameters.get('x_auth_access_type') : undefined) ?? 'write';
  return asked === 'read' || asked === 'write' ? asked : undefined;
}

/** Compares callbacks as text, including a trailing slash, as X does. `oob` needs no registration. */
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

/** xAuth: a name and a password instead of the authorize page. X removed it; other services still have it. */
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

/** The maximum of accounts that the page lists. The person can type the name of any other. */
const maxListed = 50;

/** The content of the authorize page. */
interface Question {
  dialect: Dialect;
  /** The target of the form. */
  path: string;
  authorization: Authorization;
  /** The access that the app asks for. */
  access: Access;
  accounts: Account[];
  /** The screen name that is selected at first. The account need not exist yet. */
  chosen: string | undefined;
  /** What was wrong with the last submission. */
  complaint: string | undefined;
}

/** The page that asks a person which account the app may use. */
function askPage(question: Question): string {
  const { dialect, path, authorization, access, accounts, chosen, complaint } = question;
  const names = listNames(accounts, chosen);
  const unlisted = accounts.length - maxListed;
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
        ${unlisted > 0 && html`<p class="small">and ${unlisted} more, which you can name below</p>`}
        <label class="field" for="screen_name"
          >${names.length > 0 ? 'Or another account' : 'Name an account'}
          <span class="small">It is created if it does not exist. This field overrides the list.</span></label
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

/** The chosen name first, then the others in alphabetical order. */
function listNames(accounts: Account[], chosen: string | undefined): string[] {
  const names = accounts.map(({ screenName }) => screenName).filter((name) => name !== chosen);
  names.sort((a, b) => a.localeCompare(b, 'en'));
  return (chosen === undefined ? names : [chosen, ...names]).slice(0, maxListed);
}

/** The page that shows the PIN, in X's markup, because scripts search for it. */
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
      <p class="small">It works once, within 15 minutes. After a wrong PIN you need a new link.</p>
    </main>`,
  );
}

/** A page with a title and a paragraph. */
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

/** The person's step in a dialect: a page that asks which account the app may use, and the handling of its form. */
export function authorizeRoutes(core: Core, dialect: Dialect): Routes {
  const service = { core, dialect };
  const asking = (call: Call): SandboxAnswer => ask(service, call);
  const answer = (call: Call): SandboxAnswer => submit(service, call);
  return {
    [`GET ${dialect.base}/authorize`]: asking,
    [`POST ${dialect.base}/authorize`]: answer,
    ...(dialect.authenticate && {
      [`GET ${dialect.base}/authenticate`]: (call) => approveOrAsk(service, call),
      [`POST ${dialect.base}/authenticate`]: answer,
    }),
  };
}

/** The service whose authorize page a person sees. */
interface Service {
  core: Core;
  dialect: Dialect;
}

/** A request token that the person has not answered yet, and the access that the app asks for. */
interface Pending {
  authorization: Authorization;
  access: Access;
}

function ask(service: Service, call: Call): SandboxAnswer {
  const authorization = openAuthorization(service, call.query.get('oauth_token'));
  if (!authorization) return invalidLink();
  const access = requestedAccess(service.dialect, authorization, call);
  if (!access) return unknownPermission(service.dialect);
  const force = call.query.get('force_login') === 'true';
  const prefilled = validName(call.query.get('screen_name') ?? '');
  const signedIn = force ? undefined : signedInAccount(service.core, call);
  return showAsk(service, call, { authorization, access }, signedIn?.screenName ?? prefilled);
}

/** The access that the link asks for, in a dialect with a permission parameter; otherwise that of the request token. */
function requestedAccess(dialect: Dialect, { access }: Authorization, { query }: Call): Access | undefined {
  const { permission } = dialect;
  return permission === undefined ? access : accesses.find((choice) => choice === query.get(permission));
}

/**
 * Approves without a page if the signed-in account approved the app before, even if the link names another account. X does
 * this too; `force_login` prevents it.
 */
function approveOrAsk(service: Service, call: Call): SandboxAnswer {
  const { world } = service.core;
  const authorization = openAuthorization(service, call.query.get('oauth_token'));
  const account = signedInAccount(service.core, call);
  const force = call.query.get('force_login') === 'true';
  if (!authorization || !account || force || account.suspended) return ask(service, call);
  const { app, access } = authorization;
  const held = world.tokenOf(app, account.id, service.dialect.id);
  return held?.access === access ? approve(service, { authorization, access }, account) : ask(service, call);
}

function submit(service: Service, call: Call): SandboxAnswer {
  const { form } = call;
  const authorization = openAuthorization(service, form.get('oauth_token'));
  if (!authorization) return invalidLink();
  if (form.get('authenticity_token') !== authorization.authenticity) {
    return message(403, 'This form is not from the sandbox', 'Open the link from your terminal again.');
  }
  if (form.get('action') === 'cancel') return cancel(service, authorization);
  const access = requestedAccess(service.dialect, authorization, call);
  if (!access) return unknownPermission(service.dialect);
  return approveNamed(service, call, { authorization, access });
}

function approveNamed(service: Service, call: Call, pending: Pending): SandboxAnswer {
  const { form } = call;
  const named = (form.get('screen_name') ?? '').trim().replace(/^@/, '');
  const name = named === '' ? (form.get('account') ?? '') : named;
  if (validName(name) === undefined) {
    const complaint =
      name === '' ? 'Pick an account, or name a new one.' : `“${name}” cannot be a screen name.`;
    return showAsk(service, call, pending, validName(form.get('account') ?? ''), complaint);
  }
  const account = service.core.world.ensureAccount(name);
  if (account.suspended)
    return message(403, `@${account.screenName} is suspended`, 'It cannot approve an app.');
  return approve(service, pending, account);
}

function approve(
  { core, dialect }: Service,
  { authorization, access }: Pending,
  account: Account,
): SandboxAnswer {
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

function cancel({ dialect }: Service, authorization: Authorization): SandboxAnswer {
  authorization.state = 'spent';
  const { callback, token } = authorization;
  const back = callback === 'oob' ? undefined : dialect.deniedUrl(callback, token);
  if (back !== undefined) return redirect(back);
  const silent = callback === 'oob' ? '' : ` ${dialect.title} does not tell the app.`;
  return message(
    200,
    'Nothing was authorized',
    `You can close this page. The link cannot be used again.${silent}`,
  );
}

function showAsk(
  { core, dialect }: Service,
  call: Call,
  { authorization, access }: Pending,
  chosen: string | undefined,
  complaint?: string,
): SandboxAnswer {
  const { world } = core;
  const { permission } = dialect;
  const body = askPage({
    dialect,
    // The form repeats the permission, so that the person grants what this page shows, even if another page of the same
    // request token asks for something else.
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

function openAuthorization({ core, dialect }: Service, token: string | null): Authorization | undefined {
  const found = core.authorizations.find(token ?? '', core.clock.now());
  return found?.state === 'open' && found.dialect === dialect.id ? found : undefined;
}

function signedInAccount(core: Core, { request }: Call): Account | undefined {
  const name = /(?:^|;\s*)sandbox_account=(\w+)/.exec(request.headers['cookie'] ?? '')?.[1];
  return name === undefined ? undefined : core.world.accountNamed(name);
}

/** Returns the name without its `@`, or undefined if it cannot be a screen name. */
function validName(name: string): string | undefined {
  const bare = name.replace(/^@/, '');
  return screenNamePattern.test(bare) ? bare : undefined;
}

const message = (status: number, title: string, text: string): SandboxAnswer =>
  page(status, messagePage(title, text));

const invalidLink = (): SandboxAnswer =>
  message(
    404,
    'This link no longer works',
    'It was used already, or it is older than 15 minutes. Ask for a new one.',
  );

const unknownPermission = ({ title, permission = '' }: Dialect): SandboxAnswer =>
  message(
    400,
    `${title} does not recognise the permission`,
    `The link must say ${accesses.map((access) => `${permission}=${access}`).join(' or ')}.`,
  );
