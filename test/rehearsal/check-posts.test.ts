import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkPosts,
  type Checked,
  type Expected,
  type RehearsedPost,
} from '../../src/rehearsal/check-posts.ts';

const hour = 3_600_000;

/** A text an hour. */
const said = (texts: readonly string[]): RehearsedPost[] =>
  texts.map((text, index) => ({ text, instant: index * hour }));

function check(
  poem: string,
  posts: string,
  others: Partial<Expected> = {},
  repeats: RehearsedPost[] = [],
): Checked {
  const expected: Expected = {
    texts: poem.split(' '),
    from: { next: 0, ahead: [] },
    atEnd: 'loop',
    refrain: 'join',
    network: 'x',
    ...others,
  };
  return checkPosts(expected, said(posts === '' ? [] : posts.split(' ').map(joinedAs)), repeats);
}

const joinedAs = (text: string): string => text.replace('+', '\n');

const breaksOf = ({ breaks }: Checked): string[] => breaks.map(({ what, line }) => `${what} ${line}`);

describe('posts held against a poem', () => {
  it('are right where they are its lines in order, over and over', () => {
    const found = check('a b c', 'a b c a b');
    assert.deepEqual([breaksOf(found), found.next, found.joined], [[], 2, 0]);
    assert.deepEqual(breaksOf(check('a b c', '')), []);
    assert.equal(check('a b c', 'a b c').next, 3);
  });

  it('are right where a refrain shares its post with the line after it', () => {
    const found = check('a a b c', 'a a+b c a');
    assert.deepEqual([breaksOf(found), found.joined, found.next], [[], 1, 1]);
  });

  it('are not right where a line comes twice, wherever in the poem', () => {
    assert.deepEqual(breaksOf(check('a b c', 'a a b c')), ['twice 1']);
    assert.deepEqual(breaksOf(check('a b c d', 'a b c d d a b')), ['twice 4']);
    assert.deepEqual(breaksOf(check('a b c d e', 'a b c d d e')), ['twice 4']);
  });

  it('are not right where lines are left out, also over the poem’s end', () => {
    assert.deepEqual(breaksOf(check('a b c d', 'a b d')), ['skipped 3']);
    assert.deepEqual(breaksOf(check('a b c d e f', 'a b e f')), ['skipped 3', 'skipped 4']);
    assert.deepEqual(breaksOf(check('a b c d e', 'a b c d a b')), ['skipped 5']);
    assert.deepEqual(breaksOf(check('a b c d', 'd a')), ['skipped 1', 'skipped 2', 'skipped 3']);
  });

  it('are not right where a text is not of the poem', () => {
    const found = check('a b c', 'a x b c');
    assert.deepEqual(found.breaks, [{ what: 'strange', line: 2, instant: hour }]);
  });

  it('are not right after the end of a poem that stops', () => {
    assert.deepEqual(breaksOf(check('a b c', 'a b c', { atEnd: 'stop' })), []);
    assert.deepEqual(breaksOf(check('a b c', 'a b c a', { atEnd: 'stop' })), ['twice 1']);
    assert.deepEqual(breaksOf(check('a b c', 'a b c c', { atEnd: 'stop' })), ['twice 3']);
  });

  it('begin where the bot was, and leave out what it had done ahead', () => {
    const from = { next: 1, ahead: [2] };
    const found = check('a b c d', 'b d a b c', { from });
    assert.deepEqual([breaksOf(found), found.next], [[], 3]);
    assert.deepEqual(breaksOf(check('a b c d', 'b c d', { from })), ['twice 3']);
    // A line that is done ahead cannot share a post.
    assert.deepEqual(breaksOf(check('a b c d', 'b+c d', { from })), ['strange 2', 'skipped 2']);
  });

  it('may leave out a refrain that X has refused, and no other line', () => {
    const refused = (text: string, instant: number): RehearsedPost => ({ text, instant });
    const skip = { refrain: 'skip' } as const;
    const found = check('a b a c', 'a b c', skip, [refused('a', 2 * hour)]);
    assert.deepEqual([breaksOf(found), found.passedOver], [[], 1]);
    assert.deepEqual(breaksOf(check('a b a c', 'a b c', skip, [])), ['skipped 3']);
    assert.deepEqual(breaksOf(check('a b a c', 'a b c', skip, [refused('a', 0)])), ['skipped 3']);
    assert.deepEqual(breaksOf(check('a b a c', 'a b c', skip, [refused('a', 3 * hour)])), ['skipped 3']);
    assert.deepEqual(breaksOf(check('a b a c', 'a b c', {}, [refused('a', 2 * hour)])), ['skipped 3']);
    const over = check('b c a', 'b c b', skip, [refused('a', 2 * hour)]);
    assert.deepEqual([breaksOf(over), over.passedOver, over.next], [[], 1, 1]);
  });

  it('are compared as their network keeps them', () => {
    const texts = ['  cafe\u0301 ', 'b'];
    const found = (network: Expected['network'], ...posts: string[]): string[] => {
      const expected = {
        texts,
        from: { next: 0, ahead: [] },
        atEnd: 'loop',
        refrain: 'join',
        network,
      } as const;
      return breaksOf(checkPosts(expected, said(posts), []));
    };
    assert.deepEqual(found('x', 'caf\u00e9', 'b'), []);
    assert.deepEqual(found('x', 'caf\u00e9 \nb'), []);
    for (const network of ['mastodon', 'bluesky'] as const) {
      assert.deepEqual(found(network, '  cafe\u0301 ', 'b'), []);
      assert.deepEqual(found(network, 'caf\u00e9', 'b'), ['strange 1', 'skipped 1']);
    }
  });
});
