import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TokenPair } from '../../src/keys/token-pair.ts';
import { Closures } from '../../src/posting/closures.ts';

const ours = new TokenPair('our-app', 's');
const oursAgain = new TokenPair('our-app', 's');
const theirs = new TokenPair('their-app', 's');

describe('who may post after somebody was refused', () => {
  it('everybody, at first', () => {
    assert.equal(new Closures().closedUntil(ours), 0);
  });

  it('all but the bots of one app where the app’s limit is reached', () => {
    const closures = new Closures();
    closures.learn(ours, { kind: 'wait', scope: 'app', until: 500, reason: '429' }, 500);
    assert.deepEqual([closures.closedUntil(oursAgain), closures.closedUntil(theirs)], [500, 0]);
  });

  it('all but the one bot where its own limit is reached, or its key is bad', () => {
    const closures = new Closures();
    closures.learn(ours, { kind: 'wait', scope: 'bot', until: 500, reason: '429' }, 500);
    closures.learn(ours, { kind: 'reauth', reason: '401' }, 500);
    assert.equal(closures.closedUntil(ours), 0);
  });

  it('nobody where there is no credit', () => {
    const closures = new Closures();
    closures.learn(ours, { kind: 'no-credit', reason: '402' }, 900);
    assert.deepEqual([closures.closedUntil(ours), closures.closedUntil(theirs)], [900, 900]);
  });
});
