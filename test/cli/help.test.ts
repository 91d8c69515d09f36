import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { flockd, keymaker } from '../../src/cli/program.ts';
import { commandHelp, programHelp } from '../../src/cli/help.ts';
import { manualOf, usageOf } from '../../src/cli/manual.ts';
import { choir } from './small-program.ts';

const transcript = readFileSync(path.resolve(import.meta.dirname, '../transcripts/help.txt'), 'utf8');

const tooWide = (text: string, columns: number): string[] =>
  text.split('\n').filter((line) => line.length > columns);

for (const program of [keymaker, flockd]) {
  describe(`the help of ${program.name}`, async () => {
    const manual = await manualOf(program);

    it('tells of every command, and where to go on', () => {
      const text = programHelp(manual, 80);
      for (const command of manual.commands) {
        const { summary } = command;
        assert.match(text, RegExp(`\n {2}${usageOf(command).replaceAll(/[[\]]/g, '\\$&')}\\s`), command.name);
        assert.ok(text.replaceAll(/\s+/g, ' ').includes(summary), summary);
      }
      const more = `More: ${program.name} <command> --help, and the manual: ${program.name} help guide, `;
      assert.ok(text.replaceAll(/\s+/g, ' ').includes(more));
    });

    for (const command of manual.commands) {
      it(`has examples and descriptions for ${command.name}`, () => {
        assert.ok(command.examples.length > 0, 'no example');
        for (const [call, does] of command.examples) {
          assert.match(call, RegExp(`\\b${program.name} ${command.name}\\b`));
          assert.notEqual(does, '');
        }
        for (const { name, description } of [...command.positionals, ...command.flags])
          assert.notEqual(description, '', name);
      });

      it(`is seen in the transcript for ${command.name}`, () => {
        assert.ok(transcript.includes(`\n$ ${program.name} ${command.name} --help\n`));
      });

      it(`fits for ${command.name}`, () => {
        for (const columns of [60, 80, 100]) {
          assert.deepEqual(tooWide(commandHelp(command, program.name, columns), columns), []);
          assert.deepEqual(tooWide(programHelp(manual, columns), columns), []);
        }
      });
    }
  });
}

describe('a help page', async () => {
  const manual = await manualOf(choir);

  it('shows arguments, flags by their headings, and examples', () => {
    const [sing] = manual.commands;
    assert.ok(sing);
    const [loud, voice, ...rest] = sing.flags;
    assert.ok(loud && voice);
    const flags = [loud, { ...voice, group: 'Who sings' }, ...rest.filter(({ name }) => name === 'tempo')];
    assert.equal(
      commandHelp({ ...sing, flags }, 'choir', 40),
      `Sing a poem.

Usage: choir sing <bot> [file] [flags]

Arguments:
  <bot>   who sings
  [file]  the tape

Flags:
  --loud             as loud as can be
  -t, --tempo TEMPO  how fast (default:
                     90)

Who sings:
  --voice VOICE  which voice: alto or
                 bass

Help:
  -h, --help     show this help
  -v, --version  show the version

Examples:
  choir sing howl --loud
      sing it

Exit codes:
  0       success
  1       out of tune
  64      wrong command line
  others  see choir --help
`,
    );
  });

  it('has every text below its label where it is narrow', () => {
    const [sing] = manual.commands;
    assert.ok(sing);
    const text = commandHelp(sing, 'choir', 20);
    assert.ok(text.includes('\n  -t, --tempo TEMPO\n      how fast\n      (default: 90)\n'), text);
    assert.deepEqual(
      tooWide(text, 20).filter((line) => /^ {6}/.test(line)),
      [],
    );
  });

  it('has a long label on a line of its own', () => {
    const [sing] = manual.commands;
    const [flag] = sing?.flags ?? [];
    assert.ok(sing && flag);
    const long = { ...flag, name: 'as-long-as-no-flag-should-be' };
    assert.match(
      commandHelp({ ...sing, flags: [flag, long] }, 'choir', 60),
      /\n {2}--as-long\S+\n {10}as loud/,
    );
  });
});
