import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CommandManual, manualOf } from '../../src/cli/manual.ts';
import { findCommand, noCommand, readArgs } from '../../src/cli/program.ts';
import { FlockError } from '../../src/errors.ts';
import { choir } from './small-program.ts';

const {
  commands: [sing, walk],
} = await manualOf(choir);
assert.ok(sing && walk);

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
  const table: [line: string, args: Record<string, unknown>][] = [
    ['howl', { bot: 'howl', file: undefined }],
    ['howl tape --loud -t 90', { bot: 'howl', file: 'tape', loud: true, tempo: '90' }],
    ['howl --loud --loud=false', { bot: 'howl', file: undefined, loud: false }],
    ['howl --loud=true', { bot: 'howl', file: undefined, loud: true }],
    ['howl --also lyre --also=a=b', { bot: 'howl', file: undefined, also: ['lyre', 'a=b'] }],
    ['howl --also lyre', { bot: 'howl', file: undefined, also: ['lyre'] }],
    ['-- --loud', { bot: '--loud', file: undefined }],
  ];
  for (const [line, args] of table) {
    it(`has its arguments by name: ${line}`, async () => {
      assert.deepEqual(await readArgs(line.split(' '), sing, 'choir sing'), args);
    });
  }

  const fault = async (command: CommandManual, line: string): Promise<string> => {
    const words = line === '' ? [] : line.split(' ');
    try {
      await readArgs(words, command, `choir ${command.name}`);
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
    ['howl --loud=1', `--loud: takes no value; ${how}`],
    ['howl --tempo 90 -t 80', '--tempo: should be given once; give each flag once'],
  ];
  for (const [line, expected] of faults) {
    it(`is ${expected === '' ? 'good' : 'refused'}: ${JSON.stringify(line)}`, async () => {
      assert.equal(await fault(sing, line), expected);
    });
  }

  it('is refused without repeating a word that may be a secret', async () => {
    assert.doesNotMatch(await fault(walk, 'poems hunter2'), /hunter2/);
  });
});
