import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  checkLine,
  type CommandManual,
  findCommand,
  manualOf,
  noCommand,
  readLine,
  usageOf,
} from '../../src/cli/manual.ts';
import { FlockError } from '../../src/errors.ts';
import { choir } from './small-program.ts';

const { commands } = await manualOf(choir);
const [sing, walk] = commands;
assert.ok(sing && walk);

describe('the usage of a command', () => {
  it('names its arguments in their order', () => {
    assert.deepEqual(commands.map(usageOf), ['sing <bot> [file]', 'walk <poems>', 'hum', 'hush <shell>']);
  });
});

describe('the command on a line', () => {
  const table: [line: string, found: string | undefined][] = [
    ['sing howl', 'sing'],
    ['--loud sing howl', 'sing'],
    ['--root /srv sing', 'sing'],
    ['--root hum sing', 'sing'],
    ['--root=hum sing', 'sing'],
    ['dance', undefined],
    ['', undefined],
  ];
  for (const [line, found] of table) {
    it(`is ${found ?? 'none'} in ${JSON.stringify(line)}`, () => {
      const words = line.split(' ');
      assert.equal(words[findCommand(words, Object.keys(choir.commands))], found);
    });
  }

  it('is asked for where there is none, and guessed where it is misspelt', () => {
    const shown = (...argv: string[]): string[] => {
      const { message, hint = '' } = noCommand(choir, argv);
      return [message, hint];
    };
    assert.deepEqual(shown('--loud'), ['which command?', 'choir --help lists the commands']);
    assert.deepEqual(shown('snig'), ['there is no command "snig"', 'did you mean choir sing?']);
    assert.deepEqual(shown('zzzzzz'), ['there is no command "zzzzzz"', 'choir --help lists the commands']);
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

  const fault = (command: CommandManual, line: string): string => {
    const words = line === '' ? [] : line.split(' ');
    try {
      checkLine(readLine(words, command.flags), command, `choir ${command.name}`);
      return '';
    } catch (error) {
      assert.ok(error instanceof FlockError && error.exit === 'usage');
      return `${error.message}; ${error.hint ?? ''}`;
    }
  };
  const how = 'choir sing --help shows how it is called';
  const faults: [line: string, fault: string][] = [
    ['howl', ''],
    ['howl tape --loud', ''],
    ['-- -howl', ''],
    ['', `sing: <bot> is missing; ${how}`],
    ['howl tape more', `sing: a word too many; ${how}`],
    ['howl tape more --lod', 'there is no flag --lod; did you mean --loud?'],
    ['howl --hlep', 'there is no flag --hlep; did you mean --help?'],
    ['howl --zzzzzzzz=1', `there is no flag --zzzzzzzz; ${how}`],
    ['-howl', 'there is no flag -howl; a name that begins with - goes last, after --: choir sing -- -howl'],
    ['howl --tempo', `--tempo: a value is missing; ${how}`],
    ['howl -t --loud', `-t: a value is missing; ${how}`],
  ];
  for (const [line, expected] of faults) {
    it(`is ${expected === '' ? 'good' : 'refused'}: ${JSON.stringify(line)}`, () => {
      assert.equal(fault(sing, line), expected);
    });
  }

  it('is refused without repeating a word that may be a secret', () => {
    assert.doesNotMatch(fault(walk, 'poems hunter2'), /hunter2/);
  });
});
