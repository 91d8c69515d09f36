import { page, redirect, type SandboxAnswer } from './answer.ts';
import type { Authorization } from './authorizations.ts';
import { askPage, messagePage, pinPage } from './authorize-page.ts';
import type { Core } from './core.ts';
import type { Dialect } from './dialect.ts';
import type { Call, Routes } from './router.ts';
import { accesses, type Access, type Account } from './state.ts';

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
  const access = accessAsked(desk.dialect, authorization, call);
  if (!access) return unknownPermission(desk.dialect);
  const force = call.query.get('force_login') === 'true';
  const prefilled = validName(call.query.get('screen_name') ?? '');
  const signedIn = force ? undefined : signedInAccount(desk.core, call);
  return showAsk(desk, call, { authorization, access }, signedIn?.screenName ?? prefilled);
}

/** On the link where the dialect has it there, else with the request token. */
function accessAsked(dialect: Dialect, { access }: Authorization, { query }: Call): Access | undefined {
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
  const access = accessAsked(desk.dialect, authorization, call);
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
