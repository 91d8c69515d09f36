import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { FlockError } from '../../../src/errors.ts';
import type { HttpAnswer } from '../../../src/http/exchange.ts';
import { authorize } from '../../../src/networks/bluesky/authorize.ts';
import { Secret } from '../../../src/text.ts';
import { Bench, directory, lost, methodOf, server, unreachable, xrpcError } from './bench.ts';

const tryKey = ({ send, clock }: Bench, identifier: string, password: string, at = server) =>
  authorize({ identifier, appPassword: new Secret(password) }, { send, clock, directory, server: at });

async function refusal(promise: Promise<unknown>): Promise<FlockError> {
  const error: unknown = await promise.then(
    (grant) => assert.fail(inspect(grant)),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FlockError, inspect(error));
  return error;
}

describe('a key for Bluesky', () => {
  it('is tried once, and leaves no session behind', async () => {
    const bench = new Bench();
    const { handle, key, userId } = await bench.person();
    const grant = await tryKey(bench, handle, key.appPassword.reveal());
    assert.deepEqual(bench.calls(), ['resolveHandle', userId, 'createSession', 'deleteSession']);
    assert.equal(grant.screenName, handle);
    assert.equal(grant.key.appPassword.reveal(), key.appPassword.reveal());
    assert.ok(!inspect(grant, { depth: 9 }).includes(key.appPassword.reveal()));
  });

  it('is for the DID: the handle it has now is the one that counts', async () => {
    const bench = new Bench();
    const { handle, access, key, userId } = await bench.person();
    await bench.call('identity.updateHandle', { handle: 'growl.test' }, access);
    assert.match((await refusal(tryKey(bench, handle, 'x'))).message, /there is no account @bot-1\.test/);
    const grant = await tryKey(bench, userId, key.appPassword.reveal());
    assert.deepEqual([grant.screenName, grant.key.userId], ['growl.test', userId]);
  });

  it('is tried where the account is, whatever server knows the handle', async () => {
    const bench = new Bench();
    const { handle } = await bench.person();
    const { password } = await bench.call('/sandbox/bluesky/bot-1.test/move/bluesky-2', {});
    const { key } = await tryKey(bench, handle, String(password));
    assert.equal(key.server, 'http://127.0.0.1:4010/bluesky-2');
  });

  const names: string[] = ['', ' ', 'anna', '@', 'anna bsky.social', 'https://example.com', 'did:key:abc', 'a@b.c', 'aaaa-bbbb-cccc-dddd', '.social', `${'a'.repeat(300)}.test`]; // prettier-ignore
  for (const name of names) {
    it(`is not asked for with "${name.slice(0, 30)}", which is no handle`, async () => {
      const bench = new Bench();
      const error = await refusal(tryKey(bench, name, 'aaaa-bbbb-cccc-dddd'));
      assert.equal(error.exit, 'usage');
      assert.match(error.hint ?? '', /anna\.bsky\.social/);
      assert.deepEqual(bench.calls(), []);
      assert.ok(!error.message.includes('dddd'));
    });
  }

  for (const at of [
    'http://pds.example',
    'pds.example',
    'ftp://pds.example',
    'https://a:b@pds.example',
    '',
  ]) {
    it(`is not asked for at ${at || 'nothing'}`, async () => {
      const bench = new Bench();
      assert.equal((await refusal(tryKey(bench, 'anna.test', 'x', at))).exit, 'usage');
      assert.deepEqual(bench.calls(), []);
    });
  }

  const page: Partial<HttpAnswer> = { body: '<html>hello</html>' };
  const rows: [method: string, name: string, answer: Partial<HttpAnswer> | Error, exit: string, message: RegExp][] = [
    ['resolveHandle', 'is gone', unreachable, 'unavailable', /cannot find the account @bot-1\.test: cannot reach/],
    ['resolveHandle', 'is no server of Bluesky', page, 'unavailable', /a web page that is not Bluesky's/],
    ['resolveHandle', 'is no server of Bluesky, and says so', { status: 404, body: '<html>' }, 'unavailable', /a web page/],
    ['resolveHandle', 'names no DID', { body: '{"did":"did:key:z6Mk"}' }, 'unavailable', /not documented/],
    ['plc', 'is gone', unreachable, 'unavailable', /cannot find the server of did:plc:a+/],
    ['plc', 'has another document', { body: '{"id":"did:plc:bbbbbbbbbbbbbbbbbbbbbbbb"}' }, 'data', /names no server/],
    ['plc', 'has a document without a server', { body: '{"service":[]}' }, 'data', /names no server/],
    ['createSession', 'limits logins', xrpcError(429, 'RateLimitExceeded'), 'tryLater', /limits its requests/],
    ['createSession', 'has a fault', xrpcError(500, 'InternalServerError'), 'unavailable', /answered with an error/],
    ['createSession', 'gives no answer', lost, 'unavailable', /the answer was lost/],
    ['createSession', 'wants a code', xrpcError(401, 'AuthFactorTokenRequired'), 'data', /use an app password/],
    ['createSession', 'signs in as another', { body: JSON.stringify({ did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', handle: 'b.test', accessJwt: 'a.b.c', refreshJwt: 'd' }) }, 'unavailable', /signed in as did:plc:b+ instead/],
  ]; // prettier-ignore
  for (const [method, name, answer, exit, message] of rows) {
    it(`is not got where ${method} ${name}`, async () => {
      const bench = new Bench();
      const { handle, key } = await bench.person();
      bench.instead = (request) =>
        methodOf(request) === method || (method === 'plc' && request.url.includes('/plc/'))
          ? answer
          : undefined;
      const error = await refusal(tryKey(bench, handle, key.appPassword.reveal()));
      assert.equal(error.exit, exit, error.message);
      assert.match(error.message, message);
      assert.ok(!inspect(error).includes(key.appPassword.reveal()));
    });
  }

  it('is not got for an account that is deactivated', async () => {
    const bench = new Bench();
    const { handle, access, key } = await bench.person();
    await bench.call('server.deactivateAccount', {}, access);
    const error = await refusal(tryKey(bench, handle, key.appPassword.reveal()));
    assert.deepEqual([error.exit, error.message], ['data', `the account @${handle} is deactivated`]);
  });
});
