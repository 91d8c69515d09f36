import { page, redirect, type SandboxAnswer } from './answer.ts';
import type { Authorization } from './authorizations.ts';
import { askPage, messagePage, pinPage } from './authorize-page.ts';
import type { Core } from './core.ts';
import type { Call, Routes } from './router.ts';
import type { Account } from './state.ts';

/** The person's step: a page that asks which account the app may use, and what comes of the answer. */
export function authorizeRoutes(core: Core): Routes {
  const answer = (call: Call): SandboxAnswer => takeAnswer(core, call);
  return {
    'GET /oauth/authorize': (call) => ask(core, call),
    'GET /oauth/authenticate': (call) => passOrAsk(core, call),
    'POST /oauth/authorize': answer,
    'POST /oauth/authenticate': answer,
  };
}

function ask(core: Core, call: Call): SandboxAnswer {
  const authorization = openAuthorization(core, call.query.get('oauth_token'));
  if (!authorization) return invalidLink();
  const force = call.query.get('force_login') === 'true';
  const prefilled = validName(call.query.get('screen_name') ?? '');
  const signedIn = force ? undefined : signedInAccount(core, call);
  const chosen = signedIn?.screenName ?? prefilled;
  return showAsk(core, call, authorization, chosen);
}

/**
 * X's trap, kept: an account that approved the app before is passed without a question,
 * even when the link names another, unless the login is forced.
 */
function passOrAsk(core: Core, call: Call): SandboxAnswer {
  const authorization = openAuthorization(core, call.query.get('oauth_token'));
  const account = signedInAccount(core, call);
  const force = call.query.get('force_login') === 'true';
  if (!authorization || !account || force || account.suspended) return ask(core, call);
  const held = core.world.tokenOf(authorization.app, account.id);
  return held?.access === authorization.access ? approve(core, authorization, account) : ask(core, call);
}

function takeAnswer(core: Core, call: Call): SandboxAnswer {
  const { form } = call;
  const authorization = openAuthorization(core, form.get('oauth_token'));
  if (!authorization) return invalidLink();
  if (form.get('authenticity_token') !== authorization.authenticity) {
    return message(403, 'This form is not ours', 'Please open the link from your terminal again.');
  }
  if (form.get('action') === 'cancel') return cancel(authorization);
  const named = (form.get('screen_name') ?? '').trim().replace(/^@/, '');
  const name = named === '' ? (form.get('account') ?? '') : named;
  if (validName(name) === undefined) {
    const complaint =
      name === '' ? 'Pick an account, or name a new one.' : `“${name}” cannot be a screen name.`;
    return showAsk(core, call, authorization, validName(form.get('account') ?? ''), complaint);
  }
  const account = core.world.ensureAccount(name);
  if (account.suspended)
    return message(403, `@${account.screenName} is suspended`, 'It cannot approve an app.');
  return approve(core, authorization, account);
}

function approve(core: Core, authorization: Authorization, account: Account): SandboxAnswer {
  const verifier = core.authorizations.approve(authorization, account.id);
  const cookie = { 'set-cookie': `sandbox_account=${account.screenName}; Path=/; HttpOnly; SameSite=Lax` };
  if (authorization.callback === 'oob') return page(200, pinPage(account.screenName, verifier), cookie);
  const target = new URL(authorization.callback);
  target.searchParams.set('oauth_token', authorization.token);
  target.searchParams.set('oauth_verifier', verifier);
  return redirect(target.href, cookie);
}

function cancel(authorization: Authorization): SandboxAnswer {
  authorization.state = 'spent';
  if (authorization.callback === 'oob') {
    return message(200, 'Nothing was authorized', 'You can close this page. The link is spent now.');
  }
  const target = new URL(authorization.callback);
  target.searchParams.set('denied', authorization.token);
  return redirect(target.href);
}

function showAsk(
  core: Core,
  call: Call,
  authorization: Authorization,
  chosen: string | undefined,
  complaint?: string,
): SandboxAnswer {
  const body = askPage({
    path: call.path,
    authorization,
    accounts: core.world.accounts,
    chosen: chosen === undefined ? undefined : (core.world.accountNamed(chosen)?.screenName ?? chosen),
    complaint,
  });
  const back = authorization.callback === 'oob' ? '' : new URL(authorization.callback).origin;
  return page(complaint === undefined ? 200 : 422, body, {}, back);
}

function openAuthorization(core: Core, token: string | null): Authorization | undefined {
  const found = core.authorizations.find(token ?? '', core.clock.now());
  return found?.state === 'open' ? found : undefined;
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
