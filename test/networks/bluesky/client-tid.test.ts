import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isTid, newTid, tidInstant } from '../../../src/networks/bluesky/client.ts';

const now = Date.parse('2026-11-21T09:00:00.123Z');

describe('a TID', () => {
  it('holds its time, and is a record key', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 43 }), (instant) => {
        const tid = newTid(instant);
        assert.ok(isTid(tid), tid);
        assert.equal(tidInstant(tid), instant);
      }),
    );
  });

  it('is read as the network does', () => {
    // @see atproto.com/specs/tid, examples
    for (const tid of ['3jzfcijpj2z2a', '7777777777777', '3zzzzzzzzzzzz', '2222222222222'])
      assert.ok(isTid(tid), tid);
    for (const text of [
      '',
      '3jzfcijpj2z21',
      '0000000000000',
      '3jzfcijpj2z2aa',
      '3jzfcijpj2z2',
      'kjzfcijpj2z2a',
      'self',
    ])
      assert.ok(!isTid(text), text);
    assert.equal(tidInstant('2222222222222'), 0);
  });

  it('rises, whatever the clock shows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { maxLength: 50 }), (instants) => {
        let last: string | undefined;
        for (const instant of instants) {
          const next = newTid(instant, last);
          assert.ok(isTid(next) && (last === undefined || next > last), `${next} after ${String(last)}`);
          last = next;
        }
      }),
    );
  });

  it('rises a thousand times within a millisecond, and stays near it', () => {
    let last = newTid(now);
    for (let count = 0; count < 1000; count++) {
      const next = newTid(now, last);
      assert.ok(next > last);
      last = next;
    }
    assert.ok(tidInstant(last) - now <= 1001);
  });

  it('is another one for two machines with one clock', () => {
    const made = new Set(Array.from({ length: 100 }, () => newTid(now)));
    assert.ok(made.size > 95);
  });

  it('takes no notice of a last id that is none of Bluesky, nor of a clock before 1970', () => {
    assert.equal(tidInstant(newTid(now, '1846')), now);
    assert.equal(tidInstant(newTid(-5000)), 0);
  });
});
