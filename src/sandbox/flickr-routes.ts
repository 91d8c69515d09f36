import { asset, json, type SandboxAnswer } from './answer.ts';
import { callerOf, type Caller, type Core } from './core.ts';
import { nsidOf, refuseFlickr } from './flickr-dialect.ts';
import type { Refuse } from './problems.ts';
import type { Call, Routes } from './router.ts';

/** Flickr's API, as far as it says whose a token is and what it may do. */
export function flickrRoutes(core: Core): Routes {
  const rest = (call: Call): SandboxAnswer => answerRest(core, call);
  return { 'GET /flickr/services/rest': rest, 'POST /flickr/services/rest': rest };
}

function answerRest(core: Core, call: Call): SandboxAnswer {
  const asked = (name: string): string => call.query.get(name) ?? call.form.get(name) ?? '';
  if (asked('format') !== 'json') return failure(111, `Format "${asked('format')}" not found`);
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
  return answer ? json(200, { ...answer, stat: 'ok' }) : failure(112, `Method "${method}" not found`);
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
  if (refusal === 'dead-token' || refusal === 'suspended') return failure(98, 'Invalid token');
  const keyless = refusal === 'unauthenticated' || refusal === 'bearer' || refusal === 'unknown-app';
  return keyless ? failure(100, 'Invalid API Key (Key has invalid format)') : refuseFlickr(refusal, base);
};

const failure = (code: number, message: string): SandboxAnswer => json(200, { stat: 'fail', code, message });
