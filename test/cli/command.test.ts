import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { botFlags, command, nonEmpty, portFlag, toggle } from '../../src/cli/command.ts';
import { openTerminal } from '../../src/cli/terminal.ts';
import { FlockError } from '../../src/errors.ts';

const seen: unknown[] = [];
const play = command({
  summary: 'Play',
  schema: z
    .object({
      tune: z.enum(['slow', 'fast', 'odd']).meta({ positional: true, description: 'which tune' }),
      loud: toggle('as loud as can be').meta({ group: 'Sound' }),
      port: portFlag.default(4180).meta({ description: 'where', alias: 'p' }),
      bot: botFlags.meta({ description: 'who plays' }),
      name: nonEmpty.optional().meta({ description: 'of the band', defaultText: 'none' }),
    })
    .refine(({ loud, name }) => !loud || name === undefined, 'either --loud or --name'),
  examples: [],
  run: (args) => {
    seen.push(args);
    return Promise.resolve('done');
  },
});

describe('a command', () => {
  it('has its arguments and flags from its schema', () => {
    const other = {
      kind: 'other',
      choices: [],
      suggestions: [],
      isOptional: true,
      isList: false,
      group: 'Flags',
    } as const;
    const tunes = ['slow', 'fast', 'odd'];
    const shown = (list: unknown): unknown => JSON.parse(JSON.stringify(list));
    assert.deepEqual(shown(play.positionals), [
      {
        ...other,
        name: 'tune',
        description: 'which tune',
        choices: tunes,
        suggestions: tunes,
        isOptional: false,
        placeholder: 'TUNE',
      },
    ]);
    assert.deepEqual(shown(play.flags), [
      { ...other, name: 'loud', description: 'as loud as can be', group: 'Sound' },
      { ...other, name: 'port', description: 'where', placeholder: 'PORT', alias: 'p', default: '4180' },
      { ...other, name: 'bot', description: 'who plays', kind: 'bot', placeholder: 'NAME', isList: true },
      { ...other, name: 'name', description: 'of the band', placeholder: 'NAME', default: 'none' },
    ]);
  });

  it('gets what its schema makes of a line', async () => {
    using terminal = openTerminal('choir');
    await play.run({ tune: 'slow', port: '80', bot: ['howl'] }, terminal, 'the hint');
    await play.run({ tune: 'odd' }, terminal, 'the hint');
    assert.deepEqual(seen, [
      { tune: 'slow', loud: false, port: 80, bot: ['howl'] },
      { tune: 'odd', loud: false, port: 4180, bot: [] },
    ]);
  });

  const refused: [args: Record<string, unknown>, message: string][] = [
    [{ tune: 'x' }, '<tune>: must be slow, fast or odd'],
    [{ tune: 'slow', port: 'http' }, '--port: must be a number from 0 to 65535'],
    [{ tune: 'slow', name: '' }, '--name: is empty'],
    [{ tune: 'slow', loud: true, name: 'x' }, 'either --loud or --name'],
  ];
  for (const [args, message] of refused) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      using terminal = openTerminal('choir');
      await assert.rejects(
        play.run(args, terminal, 'the hint'),
        (error) =>
          error instanceof FlockError &&
          error.exit === 'usage' &&
          error.message === message &&
          error.hint === 'the hint',
      );
    });
  }
});
