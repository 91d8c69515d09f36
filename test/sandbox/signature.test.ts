import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { app, Bench, codeOf, pinOf, read } from './client.ts';

describe('a signature', () => {
  it('is refused when anything it covers is wrong', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const at = { method: 'POST', url: '/oauth/request_token', oauth: { oauth_callback: 'oob' } };
    assert.equal(codeOf(bench.send({ ...at, signer: { ...app, secret: 'wrong' } })), 32);
    assert.equal(codeOf(bench.send({ ...at, signer: { token: 'unknown', secret: 'x' } })), 32);
    assert.equal(codeOf(bench.send({ ...at, oauth: { oauth_signature_method: 'PLAINTEXT' } })), 32);
    assert.equal(codeOf(bench.send({ ...at, signer: null })), 215);
    assert.equal(codeOf(bench.send({ ...at, signer: null, headers: { authorization: 'OAuth a="%"' } })), 32);
    const me = { url: '/2/users/me', token: { ...key, secret: 'wrong' } };
    assert.deepEqual(read(bench.send(me)), {
      title: 'Unauthorized',
      type: 'about:blank',
      status: 401,
      detail: 'Unauthorized',
    });
    assert.equal(bench.send({ ...me, token: { token: 'unknown', secret: 'x' } }).status, 401);
    assert.equal(bench.send({ url: '/2/users/me' }).status, 401);
  });

  it('is taken once, and near its time', () => {
    const bench = new Bench();
    const now = Math.floor(bench.clock.now() / 1000);
    const ask = (oauth: Record<string, string>) =>
      bench.send({ method: 'POST', url: '/oauth/request_token', oauth: { oauth_callback: 'oob', ...oauth } });
    assert.equal(ask({ oauth_nonce: 'once' }).status, 200);
    assert.equal(codeOf(ask({ oauth_nonce: 'once' })), 32);
    assert.equal(ask({ oauth_nonce: 'once', oauth_timestamp: String(now + 1) }).status, 200);
    assert.equal(ask({ oauth_timestamp: String(now - 300) }).status, 200);
    for (const skew of [-301, 301]) {
      const skewed = ask({ oauth_timestamp: String(now + skew) });
      assert.deepEqual([skewed.status, codeOf(skewed)], [401, 135]);
    }
  });

  it('covers query, form and header, with every odd character and repeated names', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    const odd = "Rök & rim = 100 % + ~ ' ( ) * ! “é” 🐺 /?";
    const answer = bench.send({
      method: 'POST',
      url: `/1.1/statuses/update.json?b=2&a=%20&a=1&c=x+y&empty=`,
      token: key,
      form: { status: odd },
    });
    assert.equal(answer.status, 200, answer.body);
  });

  it('for X’s own hosts was made for https', () => {
    const bench = new Bench();
    const key = bench.dance('howl');
    for (const host of ['api.x.com', 'api.twitter.com']) {
      assert.equal(bench.send({ url: '/2/users/me', token: key, host }).status, 200);
    }
  });

  it('may say the same twice, as one library does, but not two things', () => {
    const bench = new Bench();
    const request = bench.begin();
    const pin = pinOf(bench.answerPage(request, { screen_name: 'howl' }));
    const send = (body: string) => {
      const oauth = { oauth_token: request.token, oauth_verifier: pin };
      const template = { method: 'POST', url: '/oauth/access_token', token: request, oauth };
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const handle = bench.sandbox.handle.bind(bench.sandbox);
      bench.sandbox.handle = (sent) => handle({ ...sent, headers: { ...sent.headers, ...headers }, body });
      const answer = bench.send(template);
      bench.sandbox.handle = handle;
      return answer;
    };
    assert.equal(codeOf(send(`oauth_token=other&oauth_verifier=${pin}`)), 32);
    assert.equal(send(`oauth_token=${request.token}&oauth_verifier=${pin}`).status, 200);
  });

  it('is what it takes: a bearer token is refused', () => {
    const bench = new Bench();
    const answer = bench.send({ url: '/2/users/me', signer: null, headers: { authorization: 'Bearer abc' } });
    assert.equal(answer.status, 403);
    assert.match(String(read(answer)['type']), /unsupported-authentication$/);
  });
});
