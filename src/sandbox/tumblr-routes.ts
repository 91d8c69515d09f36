import { json, type SandboxAnswer } from './answer.ts';
import { callerOf, type Core } from './core.ts';
import type { Refuse } from './problems.ts';
import type { Call, Routes } from './router.ts';

/** Tumblr's API, as far as it says whose a token is. */
export function tumblrRoutes(core: Core): Routes {
  return { 'GET /tumblr/v2/user/info': (call) => userInfo(core, call) };
}

function userInfo(core: Core, { request }: Call): SandboxAnswer {
  const checked = callerOf(core, request, refuseTumblrApi, 'tumblr');
  if (!checked.ok) return checked.answer;
  const { account } = checked.value;
  if (account.suspended) return refuseTumblrApi('suspended');
  const name = account.screenName;
  const blog = { name, title: name, url: `https://${name.toLowerCase()}.tumblr.com/`, primary: true };
  const user = { name, likes: 0, following: 0, default_post_format: 'html', blogs: [blog] };
  return json(200, { meta: { status: 200, msg: 'OK' }, response: { user } });
}

/** Tumblr's API tells its status again in the body. */
export const refuseTumblrApi: Refuse = (refusal) => {
  if (refusal === 'not-found') return failure(404, 'Not Found');
  return refusal === 'suspended' ? failure(403, 'Forbidden') : failure(401, 'Unauthorized');
};

const failure = (status: number, msg: string): SandboxAnswer =>
  json(status, { meta: { status, msg }, response: [] });
