import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearest, parseDuration } from '../src/text.ts';

describe('a duration', () => {
  const rows: [text: string, milliseconds: number | undefined][] = [
    ['90s', 90_000],
    ['20m', 1_200_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['250ms', 250],
    ['0s', 0],
    [' 5s ', 5000],
    ['5', undefined],
    ['s', undefined],
    ['-5s', undefined],
    ['5 s', undefined],
    ['5S', undefined],
    ['1h30m', undefined],
    ['5w', undefined],
    ['.5s', undefined],
    ['1e3s', undefined],
    ['', undefined],
  ];
  for (const [text, milliseconds] of rows) {
    it(`${JSON.stringify(text)} is ${String(milliseconds)}`, () => {
      assert.equal(parseDuration(text), milliseconds);
    });
  }
});

describe('the nearest word', () => {
  const known = ['schedule', 'timezone', 'missed', 'atEnd'];
  for (const [word, meant] of [
    ['shedule', 'schedule'],
    ['SCHEDULE', 'schedule'],
    ['atend', 'atEnd'],
    ['timzone', 'timezone'],
    ['elephant', undefined],
  ] as const) {
    it(`to ${word} is ${String(meant)}`, () => {
      assert.equal(nearest(word, known), meant);
    });
  }

  it('is none where none is known', () => {
    assert.equal(nearest('x', []), undefined);
  });
});
