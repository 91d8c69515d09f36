import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columnsOf, wrapped } from '../src/text.ts';

describe('the width of a terminal', () => {
  it('is what it says, or else that of most', () => {
    assert.equal(columnsOf({ columns: 100 }), 100);
    assert.equal(columnsOf({ columns: 0 }), 80);
  });
});

describe('a line that is too long', () => {
  it('is broken between words, and goes on a little further in', () => {
    assert.equal(
      wrapped('the wind has one word and says it again', 16),
      'the wind has\n  one word and\n  says it again',
    );
  });

  it('keeps what it was indented by', () => {
    assert.equal(wrapped('  the wind has one word', 16), '  the wind has\n    one word');
  });

  it('is left whole where it is one word, and where it fits', () => {
    const link = 'https://api.x.com/oauth/authorize?oauth_token=abc';
    assert.equal(wrapped(link, 20), link);
    assert.equal(wrapped('sixteen columns!', 16), 'sixteen columns!');
    assert.equal(wrapped('two  spaces', 16), 'two  spaces');
  });

  it('is broken alone, and the others are left', () => {
    assert.equal(wrapped('a b\nthe wind has one word\n', 16), 'a b\nthe wind has\n  one word\n');
  });
});
