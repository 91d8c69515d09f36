import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualOf, readLine, usageOf } from '../../src/cli/manual.ts';
import { choir } from './small-program.ts';

const { commands } = await manualOf(choir);
const [sing] = commands;
assert.ok(sing);

describe('the usage of a command', () => {
  it('names its arguments in their order', () => {
    assert.deepEqual(commands.map(usageOf), ['sing <bot> [file]', 'walk <poems>', 'hum', 'hush <shell>']);
  });
});

describe('a command line', () => {
  const read = (line: string): unknown => {
    const { positionals, given } = readLine(line.split(' '), sing.flags);
    return [positionals, given.map(({ flag, typed, value }) => [flag?.name ?? `no ${typed}`, value])];
  };
  const table: [line: string, read: unknown][] = [
    ['howl tape', [['howl', 'tape'], []]],
    ['howl --loud tape', [['howl', 'tape'], [['loud', undefined]]]],
    ['--tempo 90 howl', [['howl'], [['tempo', '90']]]],
    ['-t 90 howl', [['howl'], [['tempo', '90']]]],
    ['--tempo=a=b howl', [['howl'], [['tempo', 'a=b']]]],
    ['--tempo= howl', [['howl'], [['tempo', '']]]],
    ['--tempo -1 howl', [['howl'], [['tempo', '-1']]]],
    ['--tempo -.5', [[], [['tempo', '-.5']]]],
    ['--tempo - howl', [['howl'], [['tempo', '-']]]],
    ['--tempo --loud howl', [['howl'], [['tempo', undefined], ['loud', undefined]]]],
    ['--tempo -- howl', [['howl'], [['tempo', undefined]]]],
    ['-- --loud -t', [['--loud', '-t'], []]],
    ['--- ---x', [['---', '---x'], []]],
    ['-x --nothing=1', [[], [['no -x', undefined], ['no --nothing', '1']]]],
  ]; // prettier-ignore
  for (const [line, expected] of table) {
    it(`is taken apart: ${line}`, () => {
      assert.deepEqual(read(line), expected);
    });
  }
});
