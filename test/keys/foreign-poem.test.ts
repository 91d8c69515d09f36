import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { poemFinder } from '../../src/flock/load.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const bot = parseBotName;

describe('the poem of an imported key', () => {
  const outside = tempFolder({ 'rain.txt': 'rain' });
  const root = tempFolder({
    'poems/rain.txt': 'rain',
    'poems/deep/Snow, 2.txt': 'snow',
    'poems/twin.txt': 'one',
    'poems/deep/twin.txt': 'two',
    'texts/hail.txt': 'hail',
  });
  symlinkSync(path.join(outside, 'rain.txt'), path.join(root, 'texts/link.txt'));

  const cases: [name: string, before: (string | undefined)[], found: string | undefined][] = [
    ['rain', ['texts/hail.txt'], 'texts/hail.txt'],
    ['rain', [path.join(root, 'texts/hail.txt')], 'texts/hail.txt'],
    ['rain', ['texts/none.txt', 'texts/hail.txt'], 'texts/hail.txt'],
    ['rain', [undefined], 'poems/rain.txt'],
    ['rain', ['texts/none.txt'], 'poems/rain.txt'],
    ['snow-2', [], 'poems/deep/Snow, 2.txt'],
    ['twin', [], undefined],
    ['hail', [], undefined],
    ['hail', [path.join(outside, 'rain.txt')], undefined],
    ['hail', [path.join('..', path.basename(outside), 'rain.txt')], undefined],
    ['hail', ['texts/link.txt'], undefined],
    ['hail', ['texts'], undefined],
    ['hail', ['.'], undefined],
    ['hail', ['a\0b'], undefined],
    ['hail', ['x'.repeat(9000)], undefined],
  ];
  for (const [name, before, found] of cases) {
    it(`of ${name}, before in ${JSON.stringify(before).slice(0, 60)}, is ${found ?? 'not known'}`, async () => {
      const findPoem = await poemFinder(root);
      assert.equal(await findPoem(bot(name), before), found);
    });
  }

  it('is not known where there is no poems folder', async () => {
    assert.equal(await (await poemFinder(outside))(bot('rain'), []), undefined);
  });
});
