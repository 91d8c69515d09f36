import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Bench, codeOf, hiddenField, pinOf, read } from './client.ts';

const minutes = (n: number): number => n * 60_000;

describe('the PIN dance', () => {
  it('ends in a token of the account the person named', () => {
    const bench = new Bench();
    const key = bench.dance('Howl');
    assert.match(key.token, new RegExp(`^${key.userId}-\\w+$`));
    const me = bench.send({ url: '/2/users/me?user.fields=created_at', token: key });
    assert.deepEqual(read(me), { data: { id: key.userId, name: 'Howl', username: 'Howl' } });
  });

  it('takes GET, and OAuth parameters in the query or the form', () => {
    const bench = new Bench();
    const inQuery = bench.send({ url: '/oauth/request_token?oauth_callback=oob' });
    assert.equal(inQuery.status, 200);
    const inForm = bench.send({
      method: 'POST',
      url: '/oauth/request_token',
      form: { oauth_callback: 'oob' },
    });
    const fields = new URLSearchParams(inForm.body);
    const request = {
      token: fields.get('oauth_token') ?? '',
      secret: fields.get('oauth_token_secret') ?? '',
    };
    const pin = pinOf(bench.answerPage(request, { screen_name: 'howl' }));
    assert.equal(
      bench.send({ url: `/oauth/access_token?oauth_verifier=${pin}`, token: request }).status,
      200,
    );
  });

  it('gives the same token for the same account until it is revoked', () => {
    const bench = new Bench();
    const first = bench.dance('howl');
    assert.deepEqual(bench.dance('HOWL'), first);
    bench.control('POST', '/sandbox/accounts/howl/revoke');
    assert.notEqual(bench.dance('howl').token, first.token);
    assert.notEqual(bench.dance('odyssey').userId, first.userId);
  });

  it('spends the request token on a wrong PIN, in X’s plain text', () => {
    const bench = new Bench();
    const request = bench.begin();
    const pin = pinOf(bench.answerPage(request, { screen_name: 'howl' }));
    const wrong = bench.finish(request, pin === '0000000' ? '1111111' : '0000000');
    assert.equal(wrong.status, 401);
    assert.match(wrong.headers['content-type'] ?? '', /^text\/plain/);
    assert.match(wrong.body, /oauth_verifier/);
    assert.equal(bench.finish(request, pin).status, 401);
  });

  it('takes a PIN once', () => {
    const bench = new Bench();
    const request = bench.begin();
    const pin = pinOf(bench.answerPage(request, { screen_name: 'howl' }));
    assert.equal(bench.finish(request, pin).status, 200);
    assert.equal(bench.finish(request, pin).status, 401);
  });

  it('forgets a request token after 15 minutes', () => {
    const bench = new Bench();
    const request = bench.begin();
    const pin = pinOf(bench.answerPage(request, { screen_name: 'howl' }));
    bench.clock.set(bench.clock.now() + minutes(15));
    assert.equal(codeOf(bench.finish(request, pin)), 89);
    assert.equal(
      bench.send({ url: `/oauth/authorize?oauth_token=${request.token}`, signer: null }).status,
      404,
    );
    bench.begin();
  });

  it('gives a read-only token when asked for one, and lifts it when asked again', () => {
    const bench = new Bench();
    const key = bench.dance('howl', '/oauth/request_token?x_auth_access_type=read');
    assert.match(String(read(bench.post(key, 'line'))['type']), /oauth1-permissions$/);
    assert.equal(bench.post(bench.dance('howl'), 'line').status, 201);
    const other = bench.send({
      method: 'POST',
      url: '/oauth/request_token?x_auth_access_type=all',
      oauth: { oauth_callback: 'oob' },
    });
    assert.equal(other.status, 400);
  });
});

describe('callbacks', () => {
  it('send the person back with the verifier', () => {
    const bench = new Bench();
    const request = bench.begin('http://127.0.0.1:5000/back?poem=howl');
    const answer = bench.answerPage(request, { screen_name: 'howl' });
    assert.equal(answer.status, 302);
    const target = new URL(answer.headers['location'] ?? '');
    assert.equal(target.searchParams.get('poem'), 'howl');
    assert.equal(target.searchParams.get('oauth_token'), request.token);
    assert.equal(bench.finish(request, target.searchParams.get('oauth_verifier') ?? '').status, 200);
  });

  it('let the form lead to their origin, which browsers check', () => {
    const bench = new Bench();
    const { token } = bench.begin('http://127.0.0.1:5000/back');
    const asked = bench.send({ url: `/oauth/authorize?oauth_token=${token}`, signer: null });
    assert.match(
      asked.headers['content-security-policy'] ?? '',
      /form-action 'self' http:\/\/127\.0\.0\.1:5000;/,
    );
  });

  it('say so when the person cancels', () => {
    const bench = new Bench();
    const request = bench.begin('http://127.0.0.1:5000/');
    const answer = bench.answerPage(request, { action: 'cancel' });
    assert.equal(answer.headers['location'], `http://127.0.0.1:5000/?denied=${request.token}`);
    assert.equal(bench.finish(request, 'x').status, 401);
    const oob = bench.answerPage(bench.begin(), { action: 'cancel' });
    assert.match(oob.body, /Nothing was authorized/);
  });

  it('must be registered where a registry is kept, and be http', () => {
    const bench = new Bench({ callbacks: ['http://127.0.0.1:5000/'] });
    const ask = (callback: string) =>
      bench.send({ method: 'POST', url: '/oauth/request_token', oauth: { oauth_callback: callback } });
    assert.equal(ask('http://127.0.0.1:5000/').status, 200);
    for (const callback of ['http://127.0.0.1:5000', 'javascript:alert(1)', 'nonsense', '']) {
      const refused = ask(callback);
      assert.equal(refused.status, 403, callback);
      assert.match(refused.body, /^<\?xml .*<error code="415">/);
    }
  });
});

describe('the authorize page', () => {
  const open = (bench: Bench, query: string, cookie = '', path = '/oauth/authorize') =>
    bench.send({ url: `${path}?${query}`, signer: null, headers: cookie === '' ? {} : { cookie } });

  const checked = (page: string): string | undefined =>
    /<input\s+type="radio"\s+name="account"\s+value="(\w+)"\s+checked/.exec(page)?.[1];

  it('offers every account, with the prefilled one picked', () => {
    const bench = new Bench();
    bench.dance('howl');
    bench.dance('odyssey');
    const { token } = bench.begin();
    const { body } = open(bench, `oauth_token=${token}&force_login=true&screen_name=ODYSSEY`);
    assert.equal(checked(body), 'odyssey');
    assert.match(body, /value="howl"/);
  });

  it('offers a prefilled name that nobody has yet', () => {
    const bench = new Bench();
    const request = bench.begin();
    const { body } = open(bench, `oauth_token=${request.token}&screen_name=newbot`);
    assert.equal(checked(body), 'newbot');
    assert.equal(pinOf(bench.answerPage(request, { account: 'newbot', screen_name: '' })).length, 7);
    assert.ok(bench.sandbox.world.accountNamed('newbot'));
  });

  it('picks the account signed in by cookie, unless the login is forced', () => {
    const bench = new Bench();
    const done = bench.answerPage(bench.begin(), { screen_name: 'howl' });
    const cookie = (done.headers['set-cookie'] ?? '').split(';')[0] ?? '';
    assert.match(done.headers['set-cookie'] ?? '', /HttpOnly; SameSite=Lax/);
    const { token } = bench.begin();
    assert.equal(checked(open(bench, `oauth_token=${token}&screen_name=odyssey`, cookie).body), 'howl');
    assert.equal(checked(open(bench, `oauth_token=${token}&force_login=true`, cookie).body), undefined);
  });

  it('always asks, where /authenticate passes an account that approved before', () => {
    const bench = new Bench();
    bench.dance('howl');
    const cookie = 'sandbox_account=howl';
    const query = `oauth_token=${bench.begin().token}&screen_name=odyssey`;
    assert.match(open(bench, query, cookie).body, /Authorize app/);
    const forced = open(bench, `${query}&force_login=true`, cookie, '/oauth/authenticate');
    assert.match(forced.body, /Authorize app/);
    assert.match(open(bench, query, 'sandbox_account=nobody', '/oauth/authenticate').body, /Authorize app/);
    const passed = open(bench, query, cookie, '/oauth/authenticate');
    assert.match(passed.body, /@howl/);
    assert.equal(pinOf(passed).length, 7);
  });

  it('takes only a form of its own', () => {
    const bench = new Bench();
    const request = bench.begin();
    const forged = bench.answerPage(request, { screen_name: 'howl', authenticity_token: 'guess' });
    assert.equal(forged.status, 403);
    assert.equal(bench.sandbox.world.accounts.length, 0);
  });

  it('lets a typed name win over a picked one, and asks again for an impossible one', () => {
    const bench = new Bench();
    bench.dance('howl');
    const request = bench.begin();
    for (const name of ['much_too_long_a_name', 'a b', '<script>']) {
      const again = bench.answerPage(request, { account: 'howl', screen_name: name });
      assert.equal(again.status, 422);
      assert.match(again.body, /role="alert"/);
      assert.equal(checked(again.body), 'howl');
      assert.doesNotMatch(again.body, /<script>/);
      assert.equal(hiddenField(again.body, 'oauth_token'), request.token);
    }
    assert.equal(bench.answerPage(request, {}).status, 422);
    assert.match(bench.answerPage(request, { account: 'howl', screen_name: '@odyssey' }).body, /@odyssey/);
  });

  it('refuses a suspended account, and a link that is used, unknown or missing', () => {
    const bench = new Bench();
    bench.dance('howl');
    bench.control('POST', '/sandbox/accounts/howl/suspend');
    const request = bench.begin();
    assert.equal(bench.answerPage(request, { screen_name: 'howl' }).status, 403);
    pinOf(bench.answerPage(request, { screen_name: 'odyssey' }));
    for (const query of [`oauth_token=${request.token}`, 'oauth_token=unknown', '']) {
      assert.equal(open(bench, query).status, 404);
    }
  });
});

describe('revoking', () => {
  it('ends a token; the next use says so', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const url = '/1.1/oauth/invalidate_token';
    assert.deepEqual(read(bench.send({ method: 'POST', url: `${url}.json`, token: key })), {
      access_token: key.token,
    });
    const again = bench.send({ method: 'POST', url, token: key });
    assert.deepEqual([again.status, codeOf(again)], [401, 89]);
    const posted = bench.post(key, 'line');
    assert.deepEqual([posted.status, read(posted)['title']], [401, 'Unauthorized']);
    assert.equal(codeOf(bench.send({ method: 'POST', url })), 89);
  });
});

describe('xAuth', () => {
  it('gives a token for a name and a password where it is switched on', () => {
    const bench = new Bench({ passwords: { Howl: 'moloch' } });
    const ask = (password: string) =>
      bench.send({
        method: 'POST',
        url: '/oauth/access_token',
        form: { x_auth_username: 'howl', x_auth_password: password, x_auth_mode: 'client_auth' },
      });
    assert.equal(new URLSearchParams(ask('moloch').body).get('screen_name'), 'howl');
    assert.equal(ask('wrong').status, 401);
  });

  it('is refused to all apps where nobody has a password, in other words than a wrong password', () => {
    const form = { x_auth_username: 'howl', x_auth_password: 'moloch', x_auth_mode: 'client_auth' };
    const ask = (passwords: Record<string, string>) =>
      new Bench({ passwords }).send({ method: 'POST', url: '/oauth/access_token', form });
    for (const [passwords, body] of [
      [{}, 'Client application is not permitted to use xAuth.'],
      [{ odyssey: 'ithaca' }, 'Invalid user name or password'],
    ] as const) {
      const { status, headers, body: said } = ask(passwords);
      assert.deepEqual([status, headers['content-type'], said], [401, 'text/plain; charset=utf-8', body]);
    }
  });
});

describe('the access level', () => {
  it('is told on every answer to a signed request, refused ones too', () => {
    const bench = new Bench({ limits: { me: 1 } });
    const key = bench.dance('howl');
    const level = (url: string, method = 'GET') => {
      const { status, headers } = bench.send({ url, method, token: key });
      return [status, headers['x-access-level']];
    };
    assert.deepEqual(level('/2/users/me'), [200, 'read-write']);
    assert.deepEqual(level('/1.1/account/verify_credentials.json'), [429, 'read-write']);
    assert.deepEqual(level('/2/tweets', 'POST'), [400, 'read-write']);
    bench.control('POST', '/sandbox/accounts/howl/read-only');
    assert.deepEqual(level('/2/users/1/tweets'), [404, 'read']);
    assert.deepEqual(level('/1.1/oauth/invalidate_token.json', 'POST'), [200, 'read']);
    assert.deepEqual(level('/2/users/me'), [401, undefined]);
  });
});
