import { type Call, type Caller, callerOf, type Core, type Routes } from './core.ts';
import { nsidOf, refuseFlickr } from './dialects.ts';
import { asset, json, type Refuse, type SandboxAnswer } from './problems.ts';

/** Flickr's API, as far as it says whose a token is and what it may do. */
export function flickrRoutes(core: Core): Routes {
  const rest = (call: Call): SandboxAnswer => answerRest(core, call);
  return { 'GET /flickr/services/rest': rest, 'POST /flickr/services/rest': rest };
}

function answerRest(core: Core, call: Call): SandboxAnswer {
  const asked = (name: string): string => call.query.get(name) ?? call.form.get(name) ?? '';
  if (asked('format') !== 'json') return flickrFailure(111, `Format "${asked('format')}" not found`);
  const answer = answerMethod(core, call, asked('method'));
  // Who forgets `nojsoncallback=1` gets a script at Flickr.
  return asked('nojsoncallback') === '1' || answer.status !== 200
    ? answer
    : asset('text/javascript', `jsonFlickrApi(${answer.body})`);
}

function answerMethod(core: Core, { request }: Call, method: string): SandboxAnswer {
  const checked = callerOf(core, request, refuseRest, 'flickr');
  if (!checked.ok) return checked.answer;
  if (checked.value.account.suspended) return refuseRest('suspended');
  const answer = methods[method]?.(checked.value);
  return answer ? json(200, { ...answer, stat: 'ok' }) : flickrFailure(112, `Method "${method}" not found`);
}

const methods: Partial<Record<string, (caller: Caller) => object>> = {
  'flickr.test.login': ({ account }) => ({
    user: { id: nsidOf(account), username: { _content: account.screenName }, path_alias: null },
  }),
  'flickr.auth.oauth.checkToken': ({ account, token }) => ({
    oauth: {
      token: { _content: token.token },
      perms: { _content: token.access },
      user: { nsid: nsidOf(account), username: account.screenName, fullname: account.screenName },
    },
  }),
};

/** Flickr's API fails with 200, but what is wrong with a signature is told as in the OAuth steps. */
const refuseRest: Refuse = (refusal, base) => {
  if (refusal === 'dead-token' || refusal === 'suspended') return flickrFailure(98, 'Invalid token');
  const keyless = refusal === 'unauthenticated' || refusal === 'bearer' || refusal === 'unknown-app';
  return keyless
    ? flickrFailure(100, 'Invalid API Key (Key has invalid format)')
    : refuseFlickr(refusal, base);
};

const flickrFailure = (code: number, message: string): SandboxAnswer =>
  json(200, { stat: 'fail', code, message });

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
  if (refusal === 'not-found') return tumblrFailure(404, 'Not Found');
  return refusal === 'suspended' ? tumblrFailure(403, 'Forbidden') : tumblrFailure(401, 'Unauthorized');
};

const tumblrFailure = (status: number, msg: string): SandboxAnswer =>
  json(status, { meta: { status, msg }, response: [] });
