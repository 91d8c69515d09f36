import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { HeldClock } from '../../src/clock.ts';
import { FlockError } from '../../src/errors.ts';
import { type HttpRequest, NoAnswer, type Send } from '../../src/http/exchange.ts';
import {
  type Grant,
  openOAuth1Client,
  VerifierRefused,
  type PinAnswer,
  pinFlow,
} from '../../src/oauth/client.ts';
import { xProvider } from '../../src/oauth/providers.ts';
import { TokenPair } from '../../src/oauth/signature.ts';

const base = 'http://127.0.0.1:4010';

interface Dance {
  grant: Promise<Grant | undefined>;
  asked: HttpRequest[];
  links: URL[];
  refusals: VerifierRefused[];
}

/** The flow with a person who gives these answers, and an X that takes the PIN 1234567 only. */
function dance(answers: PinAnswer[], expected?: string, trouble?: Error): Dance {
  const asked: HttpRequest[] = [];
  const links: URL[] = [];
  const refusals: VerifierRefused[] = [];
  let requests = 0;
  const send: Send = (request) => {
    asked.push(request);
    if (trouble) return Promise.reject(trouble);
    const ok = (body: string) => Promise.resolve({ status: 200, headers: {}, body });
    if (request.url === `${base}/oauth/request_token`)
      return ok(
        `oauth_token=req-${++requests}&oauth_token_secret=hidden-${requests}&oauth_callback_confirmed=true`,
      );
    assert.equal(request.url, `${base}/oauth/access_token`);
    return request.headers['authorization']?.includes('oauth_verifier="1234567"') === true
      ? ok('oauth_token=77-acc&oauth_token_secret=hidden-acc&user_id=77&screen_name=rain')
      : Promise.resolve({ status: 401, headers: {}, body: 'Invalid oauth_verifier parameter' });
  };
  const clock = new HeldClock('2026-05-01T09:00:00Z');
  const client = openOAuth1Client(xProvider(base), {
    send,
    clock,
    appKeys: new TokenPair('app', 'hidden-app'),
  });
  const grant = pinFlow({
    client,
    expected,
    showUrl: (url) => links.push(new URL(url)),
    askPin: () => Promise.resolve(answers.shift() ?? assert.fail('asked for one PIN too many')),
    refused: (why) => refusals.push(why),
  });
  return { grant, asked, links, refusals };
}

const wrong: PinAnswer = { pin: '7654321' };
const right: PinAnswer = { pin: '1234567' };

describe('the PIN flow', () => {
  it('asks for a token, shows a link, and turns the PIN into a key', async () => {
    const { grant, asked, links } = dance([right], 'Rain');
    const found = await grant;
    assert.deepEqual(found?.account, { userId: '77', screenName: 'rain' });
    assert.deepEqual(found.accessToken.reveal(), { token: '77-acc', secret: 'hidden-acc' });
    assert.deepEqual(
      asked.map(({ method, url }) => [method, url]),
      [
        ['POST', `${base}/oauth/request_token`],
        ['POST', `${base}/oauth/access_token`],
      ],
    );
    assert.match(asked[0]?.headers['authorization'] ?? '', /oauth_callback="oob"/);
    assert.doesNotMatch(asked[0]?.headers['authorization'] ?? '', /oauth_token=/);
    assert.match(asked[1]?.headers['authorization'] ?? '', /oauth_token="req-1"/);
    assert.equal(links.length, 1);
    assert.doesNotMatch(inspect([asked, links, found], { depth: 9, showHidden: true }), /hidden/);
  });

  it('shows a link that asks who this is to be, even where somebody is signed in', async () => {
    const { grant, links } = dance([right], 'Rain_1');
    await grant;
    const [link] = links;
    assert.equal(link?.origin, base);
    assert.equal(link.pathname, '/oauth/authorize');
    assert.deepEqual(Object.fromEntries(link.searchParams), {
      oauth_token: 'req-1',
      force_login: 'true',
      screen_name: 'Rain_1',
    });
  });

  it('leaves out a name nobody knows', async () => {
    const { grant, links } = dance([right]);
    await grant;
    assert.equal(links[0]?.searchParams.has('screen_name'), false);
  });

  it('shows another link after a wrong PIN', async () => {
    const { grant, links, refusals } = dance([wrong, wrong, right]);
    assert.equal((await grant)?.account.userId, '77');
    assert.deepEqual(
      links.map(({ searchParams }) => searchParams.get('oauth_token')),
      ['req-1', 'req-2', 'req-3'],
    );
    assert.equal(refusals.length, 2);
  });

  it('gives up after five', async () => {
    const { grant, links, refusals } = dance([wrong, wrong, wrong, wrong, wrong]);
    await assert.rejects(grant, VerifierRefused);
    assert.deepEqual([links.length, refusals.length], [5, 4]);
  });

  it('shows another link as often as it is wished', async () => {
    const { grant, links, refusals } = dance([
      ...Array.from({ length: 9 }, () => 'new link' as const),
      wrong,
      right,
    ]);
    assert.ok(await grant);
    assert.deepEqual([links.length, refusals.length], [11, 1]);
  });

  it('may be skipped, at once or after a wrong PIN', async () => {
    assert.equal(await dance(['skip']).grant, undefined);
    assert.equal(await dance([wrong, 'skip']).grant, undefined);
  });

  it('says which provider cannot be reached', async () => {
    const { grant } = dance(
      [],
      undefined,
      new NoAnswer('cannot reach 127.0.0.1:4010 (ECONNREFUSED)', { sent: false }),
    );
    await assert.rejects(grant, (error: unknown) => {
      assert.ok(error instanceof FlockError);
      assert.equal(error.exit, 'unavailable');
      assert.match(error.message, /^X: cannot reach/);
      return true;
    });
  });

  it('does not take a bug for a provider’s trouble', async () => {
    await assert.rejects(dance([], undefined, new TypeError('x')).grant, TypeError);
  });
});
