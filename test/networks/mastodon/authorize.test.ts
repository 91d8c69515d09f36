import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { HeldClock } from '../../../src/clock.ts';
import { FlockError } from '../../../src/errors.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../../../src/http/exchange.ts';
import {
  type MastodonGrant,
  openMastodonOAuth,
  outOfBand,
  type PendingCode,
  type ServerApp,
  serverAddress,
} from '../../../src/networks/mastodon/authorize.ts';
import { openMastodon } from '../../../src/networks/mastodon/client.ts';
import { VerifierRefused } from '../../../src/oauth/client.ts';
import { sendInProcess } from '../../../src/rehearsal/stage.ts';
import { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { Secret } from '../../../src/text.ts';
import { flockError } from '../../support/flock-error.ts';

const address = 'http://127.0.0.1:4010';
const server = `${address}/mastodon`;

function stage() {
  const clock = new HeldClock('2026-11-21T09:00:00Z');
  const sandbox = new Sandbox({ clock, appKeys: [], seed: 'test' });
  const send = sendInProcess((request) => sandbox.handle(request), { clock, deadline: 30_000 });
  const oauth = openMastodonOAuth(server, send, clock);

  /** What a person does with a link: opens it, and answers the form of its page. */
  const answerPage = async (link: string, answer: Record<string, string>): Promise<HttpAnswer> => {
    const page = await send({ method: 'GET', url: link, headers: {} });
    assert.equal(page.status, 200, page.body);
    const [, asked = ''] = /name="asked" value="(\w+)"/.exec(page.body) ?? [];
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams({ asked, action: 'authorize', ...answer }).toString();
    return send({ method: 'POST', url: `${server}/oauth/authorize`, headers, body });
  };
  const codeFor = async ({ link }: PendingCode, name: string): Promise<string> => {
    const { body } = await answerPage(link, { screen_name: name });
    return /class="oauth-code" readonly value="(\w+)"/.exec(body)?.[1] ?? assert.fail(body);
  };
  const grant = async (app: ServerApp, name: string): Promise<MastodonGrant> => {
    const pending = oauth.begin(app);
    return oauth.finish(app, pending, await codeFor(pending, name));
  };
  return { clock, sandbox, send, oauth, answerPage, codeFor, grant };
}

/** The steps at a server that gives this answer to everything. */
const at = (answer: Partial<HttpAnswer> | Error): ReturnType<typeof openMastodonOAuth> => {
  const send: Send = () =>
    answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve({ status: 200, headers: {}, body: '', ...answer });
  return openMastodonOAuth('https://social.example', send, new HeldClock('2026-11-21T09:00:00Z'));
};

const app: ServerApp = { clientId: 'id', clientSecret: new Secret('hidden-secret') };
const pending = { redirectUri: outOfBand, codeVerifier: new Secret('hidden-verifier') };

const refusal = async (promise: Promise<unknown>): Promise<FlockError> => {
  const error = await promise.then(
    () => assert.fail('no error'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof FlockError, inspect(error));
  assert.doesNotMatch(inspect(error), /hidden/);
  return error;
};

describe("a server's address", () => {
  const good: [text: string, address: string][] = [
    ['mastodon.social', 'https://mastodon.social'],
    ['https://mastodon.social/', 'https://mastodon.social'],
    ['HTTPS://Mastodon.Social', 'https://mastodon.social'],
    ['social.example:8443', 'https://social.example:8443'],
    ['http://127.0.0.1:4010/mastodon/', 'http://127.0.0.1:4010/mastodon'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['bücher.example', 'https://xn--bcher-kva.example'],
  ];
  for (const [text, expected] of good) {
    it(`${text} is ${expected}`, () => {
      assert.equal(serverAddress(text), expected);
    });
  }

  const bad: [text: string, message: RegExp][] = [
    ['http://mastodon.social', /is not an https:\/\/ address$/],
    ['ftp://mastodon.social', /is not an https:\/\/ address$/],
    ['https://me:pw@mastodon.social', /is not the address of a server$/],
    ['@anna@mastodon.social', /is not the address of a server$/],
    ['anna@mastodon.social', /is not the address of a server$/],
    ['mastodon social', /is not the address of a server$/],
    ['https://mastodon.social/?a=b', /is not the address of a server$/],
    ['', /is not the address of a server$/],
    ['https://', /is not the address of a server$/],
  ];
  for (const [text, message] of bad) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => serverAddress(text), flockError('usage', message));
    });
  }
});

describe('an authorization at the sandbox', () => {
  it('gives each bot of a server a key for its own account, with one app', async () => {
    const { oauth, grant, send, clock } = stage();
    const registered = await oauth.registerApp();
    const [rain, tin] = [await grant(registered, 'rain'), await grant(registered, 'tin')];
    assert.deepEqual(
      [rain.account.screenName, tin.account.screenName],
      ['rain@127.0.0.1:4010', 'tin@127.0.0.1:4010'],
    );
    assert.notEqual(rain.account.userId, tin.account.userId);
    assert.notEqual(rain.accessToken.reveal(), tin.accessToken.reveal());
    const posted = await openMastodon(server, send, clock)(tin.accessToken).post('rain');
    assert.ok('ok' in posted);
  });

  it('asks with PKCE for the scopes of a bot, and that the person signs in', async () => {
    const { oauth } = stage();
    const { link, state, codeVerifier } = oauth.begin(await oauth.registerApp());
    const query = Object.fromEntries(new URL(link).searchParams);
    assert.match(query['client_id'] ?? '', /./);
    assert.match(query['code_challenge'] ?? '', /^[\w-]{43}$/);
    assert.deepEqual(
      { ...query, client_id: '', code_challenge: '' },
      {
        response_type: 'code',
        client_id: '',
        redirect_uri: outOfBand,
        scope: 'read:accounts read:statuses write:statuses',
        state,
        code_challenge: '',
        code_challenge_method: 'S256',
        force_login: 'true',
      },
    );
    // @see RFC 7636 section 4.1
    assert.match(codeVerifier.reveal(), /^[\w.~-]{43,128}$/);
    assert.notEqual(oauth.begin(app).state, state);
    assert.ok(!link.includes(codeVerifier.reveal()));
  });

  it('gives the code to a callback, with the state of its link', async () => {
    const { oauth, answerPage } = stage();
    const callback = `${address}/callback`;
    const registered = await oauth.registerApp([outOfBand, callback]);
    const begun = oauth.begin(registered, callback);
    const { status, headers } = await answerPage(begun.link, { screen_name: 'rain' });
    const target = new URL(headers['location'] ?? '');
    assert.deepEqual([status, target.origin + target.pathname], [302, callback]);
    assert.equal(target.searchParams.get('state'), begun.state);
    const granted = await oauth.finish(registered, begun, target.searchParams.get('code') ?? '');
    assert.equal(granted.account.screenName, 'rain@127.0.0.1:4010');
  });

  it('tells a callback that the person denied it', async () => {
    const { oauth, answerPage } = stage();
    const callback = `${address}/callback`;
    const { link, state } = oauth.begin(await oauth.registerApp([callback]), callback);
    const { headers } = await answerPage(link, { action: 'cancel' });
    assert.equal(headers['location'], `${callback}?state=${state}&error=access_denied`);
  });

  it('takes spaces around a code', async () => {
    const { oauth, codeFor } = stage();
    const registered = await oauth.registerApp();
    const begun = oauth.begin(registered);
    const { account } = await oauth.finish(registered, begun, ` ${await codeFor(begun, 'rain')}\n`);
    assert.equal(account.screenName, 'rain@127.0.0.1:4010');
  });

  it('refuses a code that is wrong, used, old, or of another link', async () => {
    const { oauth, codeFor, clock } = stage();
    const registered = await oauth.registerApp();
    const begun = oauth.begin(registered);
    const refused = async (code: string, by: PendingCode = begun): Promise<void> => {
      const error = await refusal(oauth.finish(registered, by, code));
      assert.ok(error instanceof VerifierRefused, error.message);
      assert.match(
        error.message,
        /^127\.0\.0\.1:4010 refused the code: .*: “The provided authorization grant/,
      );
    };
    await refused('wrong');
    const used = await codeFor(begun, 'rain');
    await oauth.finish(registered, begun, used);
    await refused(used);
    await refused(await codeFor(begun, 'rain'), oauth.begin(registered));
    const old = await codeFor(begun, 'rain');
    clock.set(clock.now() + 10 * 60_000);
    await refused(old);
  });

  it('ends a key, and again', async () => {
    const { oauth, grant, send, clock } = stage();
    const registered = await oauth.registerApp();
    const { accessToken } = await grant(registered, 'rain');
    assert.equal(await oauth.revoke(registered, accessToken), 'ended');
    assert.equal(await oauth.revoke(registered, accessToken), 'ended');
    const outcome = await openMastodon(server, send, clock)(accessToken).post('rain');
    assert.ok('failure' in outcome);
    assert.equal(outcome.failure.kind, 'reauth');
    const error = await refusal(oauth.whoAmI(accessToken));
    assert.equal(error.exit, 'partly');
    assert.match(error.hint ?? '', /keymaker reauth/);
  });

  it("leaves another app's key to the person", async () => {
    const { oauth, sandbox } = stage();
    const { token } = sandbox.grantMastodon('another app', 'rain');
    assert.equal(await oauth.revoke(await oauth.registerApp(), new Secret(token)), 'by hand');
  });

  it('finds out that the server does not know the app', async () => {
    const { oauth } = stage();
    const error = await refusal(oauth.finish(app, pending, 'code'));
    assert.equal(error.exit, 'config');
    assert.match(
      error.message,
      /^127\.0\.0\.1:4010 does not know the app \(401\): “Client authentication failed/,
    );
    assert.match(error.hint ?? '', /registered anew/);
  });
});

describe('what a server answers to an authorization', () => {
  const granted = (scope?: string): Partial<HttpAnswer> => ({
    body: JSON.stringify({
      access_token: 'hidden-token',
      token_type: 'Bearer',
      id: '7',
      username: 'rain',
      scope,
    }),
  });

  it('may be more than a bot needs, or no scopes', async () => {
    for (const scope of [
      'read write follow',
      'read:accounts read:statuses write:statuses profile',
      undefined,
    ]) {
      const { account } = await at(granted(scope)).finish(app, pending, 'code');
      assert.equal(account.screenName, 'rain@social.example');
    }
  });

  it('is refused where it is less than a bot needs', async () => {
    for (const [scope, missing] of [
      ['read', 'write:statuses'],
      ['profile write:statuses', 'read:accounts and read:statuses'],
      ['', 'read:accounts, read:statuses and write:statuses'],
    ] as const) {
      const error = await refusal(at(granted(scope)).finish(app, pending, 'code'));
      assert.equal(error.exit, 'partly');
      assert.equal(error.message, `social.example granted a key that lacks ${missing}`);
    }
  });

  const noMastodon = /^social\.example answered .* with (a web page|something else) \(\d+\)$/;
  const rows: [name: string, answer: Partial<HttpAnswer> | Error, exit: string, message: RegExp][] = [
    ['a web page', { body: '<html>hello</html>' }, 'unavailable', noMastodon],
    ['a 404', { status: 404, body: '<h1>Not Found</h1>' }, 'unavailable', noMastodon],
    ['a 404 in JSON', { status: 404, body: '{"error":"Not Found"}' }, 'unavailable', noMastodon],
    ['a redirect', { status: 301 }, 'unavailable', noMastodon],
    ['another JSON', { body: '{"hello":"world"}' }, 'unavailable', noMastodon],
    ['a token of more than ASCII', { body: '{"client_id":"a b","access_token":"a b"}' }, 'unavailable', noMastodon],
    ['too many requests', { status: 429, body: '{"error":"Too many"}' }, 'tryLater', /asks for patience \(429\)/],
    ['an error', { status: 500, body: '{"error":"An error"}' }, 'unavailable', /is not well \(500\): “An error”/],
    ['a refusal', { status: 422, body: '{"error":"Validation failed"}' }, 'config', /refused .* \(422\): “Validation failed”/],
    ['nothing', new NoAnswer('cannot reach social.example (ENOTFOUND)', { sent: false }), 'unavailable', /ENOTFOUND/],
  ]; // prettier-ignore
  for (const [name, answer, exit, message] of rows) {
    it(`can be ${name}, at each step`, async () => {
      const errors = [
        await refusal(at(answer).registerApp()),
        await refusal(at(answer).finish(app, pending, 'code')),
        await refusal(at(answer).whoAmI(new Secret('hidden-token'))),
      ];
      const [first, second, whose] = errors;
      for (const error of [first, second]) {
        assert.equal(error?.exit, exit);
        assert.match(error.message, message);
      }
      assert.notEqual(whose?.exit, undefined);
    });
  }

  it('can be the empty 401 of snac to an app that it does not know', async () => {
    const error = await refusal(at({ status: 401 }).finish(app, pending, 'code'));
    assert.equal(error.exit, 'config');
  });

  it('can refuse the end of a key', async () => {
    const refused = { status: 403, body: '{"error":"unauthorized_client","error_description":"Not yours"}' };
    assert.equal(await at(refused).revoke(app, new Secret('hidden-token')), 'by hand');
    assert.equal(await at({ body: '' }).revoke(app, new Secret('hidden-token')), 'ended');
    for (const answer of [{ status: 403, body: '<html>' }, { body: '<html>' }, { status: 502 }])
      assert.equal((await refusal(at(answer).revoke(app, new Secret('hidden-token')))).exit, 'unavailable');
  });
});
