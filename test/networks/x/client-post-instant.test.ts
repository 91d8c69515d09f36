import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postInstant } from '../../../src/networks/x/client.ts';
import { PostIds } from '../../../src/sandbox/world.ts';

describe('the instant of a post', () => {
  it('is in its id', () => {
    // X's documentation shows this id beside its time, to the second.
    const instant = postInstant('1050118621198921728') ?? 0;
    assert.equal(Math.floor(instant / 1000), Date.parse('2018-10-10T20:19:24Z') / 1000);
  });

  it('is what the sandbox made it of', () => {
    const now = Date.parse('2026-11-21T09:00:00.123Z');
    assert.equal(postInstant(new PostIds().next(now)), now);
  });

  it('is not in the ids of before', () => {
    assert.equal(postInstant('20'), undefined);
  });

  it('is not in the ids of other networks', () => {
    for (const id of ['01JDWQ5Y3H8Z', '3lbkqx2uhms2y', '-1', '', '1'.repeat(25)])
      assert.equal(postInstant(id), undefined);
  });
});
