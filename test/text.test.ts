import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { couldBeSecret, quoted, shown } from '../src/text.ts';

describe('what could be a secret', () => {
  const secrets = [
    '1834567890123456789-sX2mQ0tVbN4yLr8KcJd7ZpWf3HgTeA',
    'sX2mQ0tVbN4yLr8KcJd7',
    'xVbNyLrKcJdZpWfHg',
    'hNq7+vT/3bZk9Q==',
    '9f86d081884c7d65',
    'AKIAIOSFODNN7EXAMPLE',
    '550e8400-e29b-41d4-a716-446655440000',
    '4f9c0d3b-7e1a2b5c6d',
    'Tr0ub4dor&3-xyz!',
    'qwzxkvbnmlkjhgfd',
    '0 9 * * sX2mQ0tVbN4yLr8KcJd7',
    'oauth_token=sX2mQ0tVbN4yLr8KcJd7',
    `${'a tide comes in '.repeat(6)}and in`,
  ];
  for (const secret of secrets) {
    it(`is not shown: ${secret}`, () => {
      assert.ok(couldBeSecret(secret));
      assert.equal(quoted(secret), '"…"');
      assert.equal(shown(secret), '…');
    });
  }

  it('is every token that X gives, and every key in hex or base64', () => {
    const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789');
    const tokens = [
      fc.array(fc.constantFrom(...letters), { minLength: 40, maxLength: 50 }).map((parts) => parts.join('')),
      fc.uint8Array({ minLength: 16, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
      fc.uint8Array({ minLength: 32, maxLength: 64 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    ];
    // Whoever writes a key of zeros has no secret.
    const isRandom = (token: string): boolean => new Set(token).size > 8;
    fc.assert(
      fc.property(fc.oneof(...tokens).filter(isRandom), (token) => {
        assert.ok(couldBeSecret(token));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what is no secret', () => {
  const names = [
    '',
    'Eurpoe/Berlin',
    'America/Argentina/Buenos_Aires',
    'America/North_Dakota/New_Salem',
    'Etc/GMT+12',
    '0 9,21 * * 1-5',
    '0,5,10,15,20,25,30,35,40,45,50,55 9-17/2 * JAN-DEC MON,TUE,WED,THU,FRI',
    'every day at nine',
    'postsPerDayy',
    'authorizeParameterss',
    'snow-ledger',
    'the-love-song-of-j-alfred-prufrock',
    'lines-composed-a-few-miles-above-tintern-abbey--july-13--1798',
    'https://example.com/flock.schema.json',
  ];
  for (const name of names) {
    it(`is shown: ${name}`, () => {
      assert.equal(shown(name), name);
      assert.equal(quoted(name), JSON.stringify(name));
    });
  }

  it('is any time zone but one', () => {
    const hidden = Intl.supportedValuesOf('timeZone').filter(couldBeSecret);
    assert.deepEqual(
      hidden.filter((zone) => zone !== 'Antarctica/DumontDUrville'),
      [],
    );
  });
});
