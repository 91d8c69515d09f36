import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlockError } from '../../src/errors.ts';
import { botNameOf, parseBotName } from '../../src/flock/bot.ts';

describe('the name of a bot', () => {
  const cases: [file: string, extension: '.txt' | '.json', name: string][] = [
    ['poems/rain.txt', '.txt', 'rain'],
    ['Rain On Tin.txt', '.txt', 'rain-on-tin'],
    ['poems/deep/er/ODE_2-b.txt', '.txt', 'ode_2-b'],
    ['v1.2.txt', '.txt', 'v1-2'],
    ['caf\u00e9.txt', '.txt', 'caf-'],
    ['\u{1f426}.txt', '.txt', '-'],
    ['keys/rain.json', '.json', 'rain'],
    ['rain.json', '.txt', 'rain-json'],
    ['rain', '.txt', 'rain'],
  ];
  for (const [file, extension, name] of cases) {
    it(`is ${name} for ${file}`, () => {
      assert.equal(botNameOf(file, extension), name);
    });
  }

  it('is taken as typed where it is one, and refused with the one that was meant', () => {
    assert.equal(parseBotName('rain_2-b'), 'rain_2-b');
    for (const [typed, meant] of [
      ['Rain', /mean rain\?/],
      ['../rain', /mean rain\?/],
      ['rain.txt', /mean rain\?/],
      ['', /mean another\?/],
      ['rain\n', /mean rain-\?/],
    ] as const) {
      assert.throws(
        () => parseBotName(typed),
        (error: unknown) => {
          assert.ok(error instanceof FlockError);
          assert.equal(error.exit, 'usage');
          assert.match(error.hint ?? '', meant);
          return true;
        },
      );
    }
  });
});
