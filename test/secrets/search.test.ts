import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodings, Sentinels } from './search.ts';

const wrapped = (text: string): Buffer => Buffer.from(`{"msg":"something ${text} else"}`);

describe('the search for secrets', () => {
  it('finds one in every encoding, and what is left of it when it is shortened', () => {
    const sentinels = new Sentinels();
    const secret = sentinels.plant('token');
    for (const [name, encode] of Object.entries(encodings)) {
      for (const text of encode(secret)) {
        const found = sentinels.search(wrapped(text)).map(({ encoding }) => encoding);
        assert.ok(found.length > 0, `${name}: ${text}`);
      }
      for (const text of encode(secret.slice(3, 19)))
        assert.ok(sentinels.search(wrapped(text)).length > 0, `a part in ${name}: ${text}`);
    }
  });

  it('finds one in the middle of what was encoded as a whole', () => {
    const sentinels = new Sentinels();
    const secret = sentinels.plant('token');
    const pin = sentinels.plantDigits('pin', 10);
    for (const before of ['', 'a', 'ab', 'abc']) {
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const text = Buffer.from(`${before}${secret} and ${pin}`).toString(encoding);
        const found = new Set(sentinels.search(Buffer.from(text)).map((leak) => leak.secret));
        assert.deepEqual([...found], ['token', 'pin'], `${encoding} after ${JSON.stringify(before)}`);
      }
    }
  });

  it('finds nothing where there is nothing, and not what may be there', () => {
    const sentinels = new Sentinels();
    const secret = sentinels.plant('token', { before: 'seen' });
    assert.deepEqual(sentinels.search(wrapped(secret.slice(0, 9))), []);
    assert.deepEqual(sentinels.search(wrapped(new Sentinels().plant('token'))), []);
    assert.deepEqual(sentinels.search(wrapped(secret), ['token']), []);
  });
});
