import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { command } from '../../src/cli/command.ts';
import { manPage } from '../../src/cli/help.ts';
import { flockd, keymaker } from '../../src/cli/program.ts';
import { manualOf, usageOf } from '../../src/cli/manual.ts';
import { exitCodes } from '../../src/errors.ts';
import { manNameOf, sectionAsRoff, topicNames } from '../../src/manual/manual.ts';
import { choir } from './small-program.ts';

const skip =
  spawnSync('mandoc', ['-V']).error !== undefined && 'mandoc is not installed: scripts/install-debian mandoc';

const root = path.resolve(import.meta.dirname, '../..');
const edition = {
  version: '1.2.3',
  date: '2026-08-31',
  others: topicNames.map(manNameOf),
  files: sectionAsRoff('flock.json', 'The files of a flock'),
  environment: sectionAsRoff('flock.json', 'The environment'),
};

function mandoc(page: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync('mandoc', args, { input: page, encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout;
}

/** A page as it is read, without bold and underlined, its lines joined. */
const read = (page: string, columns = 78): string =>
  mandoc(page, ['-T', 'utf8', '-O', `width=${columns}`])
    .replaceAll(/.[\b]/gu, '')
    .replaceAll(/\s+/g, ' ');

const headings = (page: string): string[] =>
  Array.from(page.matchAll(/^\.SH "(.+)"$/gm), ([, name = '']) => name);

for (const program of [keymaker, flockd]) {
  describe(`${program.name}(1)`, { skip }, async () => {
    const manual = await manualOf(program);
    const page = manPage(manual, edition);

    it('is what mandoc likes', () => {
      assert.equal(mandoc(page, ['-T', 'lint', '-W', 'warning']), '');
    });

    it('has the sections that are looked for', () => {
      assert.deepEqual(headings(page), [
        ...['NAME', 'SYNOPSIS', 'DESCRIPTION', 'COMMANDS', 'FILES', 'ENVIRONMENT', 'EXIT STATUS'],
        ...['EXAMPLES', 'SEE ALSO'],
      ]);
    });

    for (const columns of [60, 100]) {
      it(`tells of every command, flag, example and exit code at ${columns} columns`, () => {
        const text = read(page, columns);
        for (const command of manual.commands) {
          assert.ok(text.includes(` ${usageOf(command)} `), command.name);
          for (const { name, placeholder = '' } of command.flags)
            assert.ok(text.includes(`--${name} ${placeholder}`), name);
          for (const [call] of command.examples) assert.ok(text.includes(call), call);
        }
        for (const code of Object.values(exitCodes)) assert.match(text, RegExp(` ${code} [A-Z]`));
      });
    }

    it('tells of every variable of the environment that is ours', () => {
      const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFileSync(path.join(root, 'src', name), 'utf8'));
      const names = sources.flatMap((text) => text.match(/\b(?:KEYMAKER|CONSUMER)_[A-Z_]*[A-Z]\b/g) ?? []);
      const text = read(page);
      for (const name of new Set([...names, 'NO_COLOR', 'STATE_DIRECTORY']))
        assert.ok(text.includes(name), name);
    });

    it('is what the build wrote, for the version and the day', () => {
      const [head = '', ...built] = readFileSync(path.join(root, `dist/man/${program.name}.1`), 'utf8').split(
        '\n',
      );
      assert.match(
        head,
        /^\.TH (KEYMAKER|FLOCKD) 1 \d{4}-\d\d-\d\d "keymaker \d+\.\d+\.\d+" "Manual of the flock"$/,
      );
      assert.deepEqual(built, page.split('\n').slice(1));
      const data: unknown = JSON.parse(
        readFileSync(path.join(root, `dist/man/${program.name}.json`), 'utf8'),
      );
      assert.deepEqual(data, JSON.parse(JSON.stringify(manual)));
    });
  });
}

describe('a man page', { skip }, () => {
  it('shows every character as it is', async () => {
    const hard = [
      String.raw`.SH is no macro, nor is 'so; \fBbold\fR, \(aq and \\n stay`,
      `"quoted" 'single' \`back\` ^caret ~tilde -minus --flag a-b`,
      'naïve … 🐦 “typographic”',
      `${'a '.repeat(40)}.dot and ${'b '.repeat(35)}'quote`,
    ];
    const manual = await manualOf({
      ...choir,
      commands: Object.fromEntries(
        hard.map((text, index) => [
          `command${index}`,
          () =>
            Promise.resolve(
              command({
                summary: text,
                schema: z.object({ flag: z.string().default(text).meta({ description: text }) }),
                examples: [[text, text]],
                run: () => Promise.resolve('done'),
              }),
            ),
        ]),
      ),
    });
    const page = manPage(manual, edition);
    assert.equal(mandoc(page, ['-T', 'lint', '-W', 'warning']), '');
    const text = read(page, 1000);
    for (const words of hard) {
      const shown = words.replaceAll(/\s+/g, ' ').trim();
      // The first letter of a description is a capital.
      const tail = shown.slice(1);
      assert.equal(text.split(tail).length - 1, 5, `${shown}\n${text}`);
    }
  });

  it('tells what can be chosen and what is usual', async () => {
    const text = read(manPage(await manualOf(choir), edition));
    assert.match(text, /--voice VOICE Which voice: alto or bass\. /);
    assert.match(text, /-t, --tempo TEMPO How fast \(default: 90\)\. /);
    assert.match(text, /<shell> Where: bash or zsh\. /);
    assert.match(text, / -h, --help Show this help\. /);
  });
});
