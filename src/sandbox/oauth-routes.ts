import { form, json, plain, type SandboxAnswer } from './answer.ts';
import { accessLevel, signedBy, type Core } from './core.ts';
import type { Dialect } from './dialect.ts';
import { refuseV1 } from './problems.ts';
import type { Call, Routes } from './router.ts';
import type { Access, AccessToken } from './state.ts';
import type { Signed } from './verify.ts';
import { xDialect } from './x-dialect.ts';

/** The signed steps of OAuth 1.0a in a dialect; the person's step between them is in authorize-routes.ts. */
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
