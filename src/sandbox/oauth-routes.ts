import { form, json, plain, type SandboxAnswer } from './answer.ts';
import { signedBy, type Core } from './core.ts';
import { callbackRefused, refuseV1, requestTokenRefused, verifierRefused } from './problems.ts';
import type { Call, Routes } from './router.ts';
import type { Signed } from './verify.ts';

/** The three signed steps of OAuth 1.0a; the person's step between them is in authorize-routes.ts. */
export function oauthRoutes(core: Core): Routes {
  const request = (call: Call): SandboxAnswer => requestToken(core, call);
  const access = (call: Call): SandboxAnswer => accessToken(core, call);
  const invalidate = (call: Call): SandboxAnswer => invalidateToken(core, call);
  return {
    'POST /oauth/request_token': request,
    'GET /oauth/request_token': request,
    'POST /oauth/access_token': access,
    'GET /oauth/access_token': access,
    'POST /1.1/oauth/invalidate_token': invalidate,
    'POST /1.1/oauth/invalidate_token.json': invalidate,
  };
}

function requestToken(core: Core, { request }: Call): SandboxAnswer {
  const checked = signedBy(core, request, refuseV1);
  if (!checked.ok) return checked.answer;
  const { app, parameters } = checked.value;
  const callback = parameters.get('oauth_callback') ?? '';
  if (!callbackAllowed(core, callback)) return callbackRefused();
  const asked = parameters.get('x_auth_access_type') ?? 'write';
  if (asked !== 'read' && asked !== 'write') return plain(400, 'Invalid x_auth_access_type parameter');
  const { token, secret } = core.authorizations.begin({ app, callback, access: asked }, core.clock.now());
  return form(200, { oauth_token: token, oauth_token_secret: secret, oauth_callback_confirmed: 'true' });
}

/** X compares callbacks as text, a trailing slash included; `oob` needs no registration here. */
function callbackAllowed({ callbacks }: Core, callback: string): boolean {
  if (callback === 'oob') return true;
  if (!URL.canParse(callback) || !/^https?:$/.test(new URL(callback).protocol)) return false;
  return !callbacks || callbacks.includes(callback);
}

function accessToken(core: Core, { request }: Call): SandboxAnswer {
  const checked = signedBy(core, request, refuseV1);
  if (!checked.ok) return checked.answer;
  const { app, token, parameters } = checked.value;
  if (parameters.get('x_auth_mode') === 'client_auth') return passwordToken(core, checked.value);
  const authorization = core.authorizations.find(token ?? '', core.clock.now());
  if (!authorization || authorization.state === 'spent') return requestTokenRefused();
  const accountId = core.authorizations.redeem(authorization, parameters.get('oauth_verifier') ?? '');
  if (accountId === undefined) return verifierRefused();
  const granted = core.world.grant(app, accountId, authorization.access);
  return tokenForm(core, granted);
}

/** xAuth: a name and a password instead of the person's step. X dropped it; other services still have it. */
function passwordToken(core: Core, { app, parameters }: Signed): SandboxAnswer {
  const name = parameters.get('x_auth_username') ?? '';
  const expected = core.passwords.get(name.toLowerCase());
  if (expected === undefined || expected !== parameters.get('x_auth_password')) {
    return plain(401, 'Invalid user name or password');
  }
  return tokenForm(core, core.world.grant(app, core.world.ensureAccount(name).id, 'write'));
}

function tokenForm(core: Core, granted: { token: string; secret: string; accountId: string }): SandboxAnswer {
  return form(200, {
    oauth_token: granted.token,
    oauth_token_secret: granted.secret,
    user_id: granted.accountId,
    screen_name: core.world.account(granted.accountId)?.screenName ?? '',
  });
}

function invalidateToken(core: Core, { request }: Call): SandboxAnswer {
  const checked = signedBy(core, request, refuseV1);
  if (!checked.ok) return checked.answer;
  const token = core.world.accessToken(checked.value.token ?? '');
  if (!token) return refuseV1('dead-token');
  token.revoked = true;
  core.world.changed();
  return json(200, { access_token: token.token });
}
