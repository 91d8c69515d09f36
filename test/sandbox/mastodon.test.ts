import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SandboxAnswer } from '../../src/sandbox/requests.ts';
import { stateSchema } from '../../src/sandbox/world.ts';
import { app as xApp, Bench } from './client.ts';

/** A sandbox with an account of its Mastodon, and requests with its token. */
function bench(options: ConstructorParameters<typeof Bench>[0] = {}) {
  const made = new Bench(options);
  const { token, userId } = made.sandbox.grantMastodon('app', 'rain');
  const ask = (
    method: string,
    url: string,
    json?: unknown,
    headers: Record<string, string> = {},
  ): SandboxAnswer =>
    made.send({
      method,
      url: `/mastodon${url}`,
      signer: null,
      ...(json !== undefined && { json }),
      headers: { authorization: `Bearer ${token}`, ...headers },
    });
  return {
    bench: made,
    token,
    userId,
    ask,
    post: (status: string, more: object = {}, headers?: Record<string, string>) =>
      ask('POST', '/api/v1/statuses', { status, ...more }, headers),
    form: (url: string, form: Record<string, string>) =>
      made.send({ method: 'POST', url: `/mastodon${url}`, signer: null, form }),
  };
}

type Json = Record<string, unknown>;
const read = (answer: SandboxAnswer): Json => JSON.parse(answer.body) as Json;
const list = (answer: SandboxAnswer): Json[] => JSON.parse(answer.body) as Json[];
const errorOf = (answer: SandboxAnswer): unknown[] => [answer.status, read(answer)['error']];

const redirectUri = 'urn:ietf:wg:oauth:2.0:oob';
const registration = { client_name: 'test', redirect_uris: redirectUri, scopes: 'read write' };

describe('apps of the Mastodon in the sandbox', () => {
  it('are registered by a form or by JSON, and refused where a field is wrong', () => {
    const { ask, form } = bench();
    assert.equal(ask('POST', '/api/v1/apps', registration).status, 200);
    for (const [change, error] of [
      [{ client_name: '' }, /name can't be blank/],
      [{ redirect_uris: '' }, /absolute URI/],
      [{ redirect_uris: 'here' }, /absolute URI/],
      [{ scopes: 'dance' }, /Scopes/],
    ] as const) {
      const answer = form('/api/v1/apps', { ...registration, ...change });
      assert.equal(answer.status, 422);
      assert.match(String(read(answer)['error']), error);
    }
  });

  it('are shown a page about a link that is wrong', () => {
    const { bench: made, form } = bench();
    const id = String(read(form('/api/v1/apps', { ...registration, scopes: 'read' }))['client_id']);
    const good = { client_id: id, redirect_uri: redirectUri, response_type: 'code', scope: 'read' };
    const open = (query: Record<string, string>): number =>
      made.send({ url: `/mastodon/oauth/authorize?${String(new URLSearchParams(query))}`, signer: null })
        .status;
    assert.equal(open(good), 200);
    assert.equal(open({ ...good, client_id: 'unknown' }), 401);
    assert.equal(open({ ...good, redirect_uri: 'http://127.0.0.1/' }), 400);
    assert.equal(open({ ...good, scope: 'write' }), 400);
    assert.equal(open({ ...good, response_type: 'token' }), 400);
  });

  it('need a fresh link, and a name on its page', () => {
    const { bench: made, form } = bench();
    const id = String(read(form('/api/v1/apps', registration))['client_id']);
    const query = new URLSearchParams({ client_id: id, redirect_uri: redirectUri, response_type: 'code' });
    const page = made.send({ url: `/mastodon/oauth/authorize?${String(query)}`, signer: null });
    const [, asked = ''] = /name="asked" value="(\w+)"/.exec(page.body) ?? [];
    const complaint = form('/oauth/authorize', { asked, screen_name: 'not a name' });
    assert.equal(complaint.status, 422);
    assert.match(complaint.body, /role="alert">Pick an account/);
    assert.match(complaint.body, /value="rain@mastodon"/);
    assert.equal(form('/oauth/authorize', { asked, account: 'rain@mastodon' }).status, 200);
    assert.equal(form('/oauth/authorize', { asked, account: 'rain@mastodon' }).status, 404);
  });

  it('are refused another grant', () => {
    const { form } = bench();
    const { client_id: id, client_secret: secret } = read(form('/api/v1/apps', registration));
    const fields = { client_id: String(id), client_secret: String(secret), grant_type: 'password' };
    assert.deepEqual(errorOf(form('/oauth/token', fields)), [400, 'unsupported_grant_type']);
    assert.deepEqual(errorOf(form('/oauth/token', { ...fields, client_secret: 'x' })), [
      401,
      'invalid_client',
    ]);
  });
});

describe('posts of the Mastodon in the sandbox', () => {
  it('are shown as HTML, and their source as written', () => {
    const { post, ask } = bench();
    const text = '1 < 2 & "x"\nline\n\nsee https://www.example.org/a-path-that-is-longer-than-thirty?a=b.';
    const made = read(post(text, { visibility: 'unlisted', language: 'en', spoiler_text: 'wet' }));
    assert.equal(
      made['content'],
      '<p>1 &#60; 2 &amp; &#34;x&#34;<br />line</p><p>see <a href="https://www.example.org/a-path-that-is-longer-than-thirty?a=b" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">https://www.</span><span class="ellipsis">example.org/a-path-that-is-lon</span><span class="invisible">ger-than-thirty?a=b</span></a>.</p>',
    );
    assert.deepEqual(
      [made['visibility'], made['language'], made['spoiler_text'], made['sensitive'], made['created_at']],
      ['unlisted', 'en', 'wet', true, '2026-11-21T09:00:00.000Z'],
    );
    const id = String(made['id']);
    const source = read(ask('GET', `/api/v1/statuses/${id}/source`));
    assert.deepEqual(source, { id, text, spoiler_text: 'wet' });
    assert.deepEqual(errorOf(ask('GET', '/api/v1/statuses/1/source')), [404, 'Record not found']);
  });

  it('are refused where they are empty, too long or of no visibility', () => {
    const { post, bench: made } = bench({ mastodon: { maxCharacters: 30 } });
    assert.equal(post(`${'x'.repeat(6)} https://example.org/${'y'.repeat(90)}`).status, 200);
    assert.equal(post(`${'雨'.repeat(24)} @anna@example.org`).status, 200);
    const tooLong = [422, 'Validation failed: Text character limit of 30 exceeded'];
    assert.deepEqual(errorOf(post(`${'x'.repeat(7)} https://example.org/`)), tooLong);
    assert.deepEqual(errorOf(post('x'.repeat(28), { spoiler_text: 'wet' })), tooLong);
    assert.deepEqual(errorOf(post(' \n')), [422, "Validation failed: Text can't be blank"]);
    assert.equal(post('rain', { visibility: 'nobody' }).status, 422);
    assert.equal(made.sandbox.world.posts.length, 2);
  });

  it('are listed newest first, in pages that link to the next', () => {
    const { post, ask, userId } = bench();
    const ids = Array.from({ length: 5 }, (_, n) => String(read(post(`line ${n}`))['id'])).reverse();
    const page = (query: string): { ids: unknown[]; link: string | undefined } => {
      const answer = ask('GET', `/api/v1/accounts/${userId}/statuses?${query}`);
      return { ids: list(answer).map(({ id }) => id), link: answer.headers['link'] };
    };
    assert.deepEqual(page('').ids, ids);
    const first = page('limit=2');
    assert.deepEqual(first.ids, ids.slice(0, 2));
    assert.match(first.link ?? '', new RegExp(`[?&]max_id=${ids[1] ?? ''}>; rel="next"$`));
    assert.deepEqual(page(`limit=4&max_id=${ids[1] ?? ''}`), { ids: ids.slice(2), link: undefined });
    assert.deepEqual(page(`since_id=${ids[3] ?? ''}`).ids, ids.slice(0, 3));
    assert.equal(ask('GET', '/api/v1/accounts/1/statuses').status, 404);
  });

  it('cost nothing, and stand on the page of all posts', () => {
    const { post, bench: made } = bench({ credits: 5 });
    post('see https://example.org');
    assert.deepEqual(made.control('GET', '/sandbox/bill'), {
      ...{ posts: 0, linkPosts: 0, postReads: 0, accountReads: 0, credits: 5, usd: 0 },
    });
    assert.match(made.send({ url: '/', signer: null }).body, /@rain@mastodon/);
  });

  it('are kept in the state of the sandbox, with their account and token', () => {
    const { post, bench: made, token } = bench();
    post('rain', { visibility: 'private' });
    const state = stateSchema.parse(JSON.parse(JSON.stringify(made.sandbox.world.snapshot())));
    const again = new Bench({ state });
    const answer = again.send({
      url: '/mastodon/api/v1/accounts/verify_credentials',
      signer: null,
      headers: { authorization: `Bearer ${token}` },
    });
    assert.deepEqual([read(answer)['username'], state.posts[0]?.visibility], ['rain', 'private']);
  });
});

describe('keys of the Mastodon in the sandbox', () => {
  it("are not X's, nor are its accounts", () => {
    const { bench: made, token } = bench();
    const x = made.dance('howl');
    const asked = made.send({
      url: '/mastodon/api/v1/accounts/verify_credentials',
      signer: null,
      headers: { authorization: `Bearer ${x.token}` },
    });
    assert.deepEqual(errorOf(asked), [401, 'The access token is invalid']);
    const { secret } = made.sandbox.world.accessToken(token) ?? assert.fail();
    assert.equal(made.post({ token, secret }, 'rain').status, 401);
    const { token: request } = made.begin();
    const page = made.send({ url: `/oauth/authorize?oauth_token=${request}`, signer: null }).body;
    assert.match(page, /value="howl"/);
    assert.doesNotMatch(page, /rain@mastodon/);
    assert.equal(made.answerPage(made.begin(), { screen_name: 'rain@mastodon' }).status, 422);
    assert.equal(xApp.token, 'app-key');
  });

  it('are counted against a limit, with a reset that is a date', () => {
    const { ask, bench: made } = bench({ mastodon: { maxRequests: 2 } });
    const me = (): SandboxAnswer => ask('GET', '/api/v1/accounts/verify_credentials');
    const first = me();
    assert.deepEqual(
      ['limit', 'remaining', 'reset'].map((name) => first.headers[`x-ratelimit-${name}`]),
      ['2', '1', '2026-11-21T09:05:00.000000Z'],
    );
    assert.equal(me().status, 200);
    assert.deepEqual(errorOf(me()), [429, 'Too many requests']);
    made.clock.set(Date.parse('2026-11-21T09:05:00Z'));
    assert.equal(me().status, 200);
  });

  it('are remembered for an hour where the server honours them', () => {
    const { post, bench: made } = bench();
    const ids = (): unknown => read(post('rain', {}, { 'idempotency-key': 'one' }))['id'];
    const first = ids();
    assert.equal(ids(), first);
    made.clock.set(made.clock.now() + 3_600_000);
    assert.notEqual(ids(), first);
  });

  it('are of one account, but of the whole server where it replays', () => {
    for (const key of ['honours', 'replays'] as const) {
      const { post, bench: made } = bench({ mastodon: { key } });
      const first = read(post('rain', {}, { 'idempotency-key': 'one' }))['id'];
      const { token } = made.sandbox.grantMastodon('app', 'tin');
      const headers = { 'idempotency-key': 'one', authorization: `Bearer ${token}` };
      const answer = post('tin', {}, headers);
      assert.equal(read(answer)['id'] === first, key === 'replays');
      assert.equal(answer.headers['idempotent-replayed'], key === 'replays' ? 'true' : undefined);
    }
  });
});

describe('the switches of the Mastodon in the sandbox', () => {
  it('can be changed while it runs, one by one', () => {
    const { bench: made, ask } = bench();
    const set = (change: object): unknown => made.control('POST', '/sandbox/mastodon', change);
    set({ key: 'ignores' });
    assert.deepEqual(set({ maxCharacters: 5000 }), {
      ...{ key: 'ignores', timelineLag: 0, unauthorized: 'keys', maxCharacters: 5000, maxRequests: 300 },
    });
    for (const version of ['v1', 'v2'])
      assert.deepEqual(read(ask('GET', `/api/${version}/instance`))['configuration'], {
        statuses: { max_characters: 5000, characters_reserved_per_url: 23 },
      });
  });

  it('are refused where they are none', () => {
    const { bench: made } = bench();
    for (const json of [{ key: 'loses' }, { maxCharacters: 0 }, { speed: 1 }, []]) {
      const answer = made.send({ method: 'POST', url: '/sandbox/mastodon', signer: null, json });
      assert.equal(answer.status, 400, JSON.stringify(json));
    }
  });

  it('stand beside the faults of the sandbox, which know its accounts', () => {
    const { bench: made, post } = bench();
    const fault = { kind: 'status', status: 503 };
    made.control('POST', '/sandbox/faults', { match: { account: 'rain@mastodon' }, times: 1, fault });
    assert.equal(post('rain').status, 503);
    assert.equal(post('rain').status, 200);
    made.control('POST', '/sandbox/trigger/suspend/rain@mastodon');
    assert.deepEqual(errorOf(post('rain')), [403, 'Your login is currently disabled']);
  });

  it('leave an address that it does not have', () => {
    assert.deepEqual(errorOf(bench().ask('GET', '/api/v1/timelines/home')), [404, 'Not Found']);
  });
});
