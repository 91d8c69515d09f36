import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareIds, isNewPost, postInstant } from '../../../src/networks/x/client.ts';
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
});

describe('the ids of two posts', () => {
  it('are ordered by value', () => {
    const ids = ['9', '10', '1050118621198921728', '99', '010'];
    assert.deepEqual(ids.sort(compareIds), ['9', '10', '010', '99', '1050118621198921728']);
  });

  it('tell whether one is of a new post', () => {
    const now = Date.parse('2026-05-01T12:00:00Z');
    const id = (instant: number): string => new PostIds().next(instant);
    const isNew = (one: string, last?: string, at = now): boolean => isNewPost(one, last, at);
    assert.deepEqual(
      [isNew('7'), isNew('7', '6'), isNew('7', '7'), isNew('10', '9'), isNew('9', '10')],
      [...[true, true, false, true, false]],
    );
    // Clocks differ, but not by days.
    assert.deepEqual([isNew(id(now + 3_600_000)), isNew(id(now + 2 * 86_400_000))], [true, false]);
    // A clock that was never set tells nothing.
    assert.equal(isNew(id(now), id(now - 1000), 12_000), true);
  });
});
