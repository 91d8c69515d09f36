import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FlockError } from '../../src/errors.ts';
import { botNameOf, formerNameOf, isBotName, namesOfBundle, parseBotName } from '../../src/poems/bot-name.ts';

describe('the name of a bot', () => {
  const cases: [file: string, name: string | undefined, former: string][] = [
    ['poems/rain.txt', 'rain', 'rain'],
    ['Rain On Tin.TXT', 'rain-on-tin', 'rain-on-tin'],
    ['poems/deep/er/ODE_2-b.txt', 'ode_2-b', 'ode_2-b'],
    ['v1.2.txt', 'v1-2', 'v1-2'],
    ['rain', 'rain', 'rain'],
    ['Howl, Part 1.txt', 'howl-part-1', 'howl--part-1'],
    ['Long Breath (draft 2).txt', 'long-breath-draft-2', 'long-breath--draft-2-'],
    ['a - b.txt', 'a---b', 'a---b'],
    ['-dash-.txt', 'dash', '-dash-'],
    ['cafe\u0301.txt', 'caf\u00e9', 'caf-'],
    ['静夜思.txt', '静夜思', '---'],
    ['Парус.txt', 'парус', '-----'],
    ['ΟΔΟΣ (2).txt', 'οδος-2', '------2-'],
    ['قَصِيدَة.txt', 'قَصِيدَة', '--------'],
    ['प्रेम कविता.txt', 'प्रेम-कविता', '-----------'],
    ['진달래꽃.txt', '진달래꽃', '----'],
    ['二〇二四.txt', '二〇二四', '----'],
    ['J\u030c.txt', '\u01f0', 'j-'],
    ['🌙 tide.txt', 'tide', '--tide'],
    ['❤️.txt', undefined, '--'],
    ['1️⃣.txt', '1', '1--'],
    ['\u0301.txt', undefined, '-'],
    ['🌙.txt', undefined, '-'],
    ['---.txt', undefined, '---'],
    ['.txt', undefined, ''],
    [`${'x'.repeat(201)}.txt`, undefined, 'x'.repeat(201)],
  ];
  for (const [file, name, former] of cases) {
    it(`is ${name ?? 'none'} for ${file}`, () => {
      assert.equal(botNameOf(file), name);
      assert.equal(formerNameOf(file), former);
    });
  }

  it('is a name whatever the file is called, and the name of its own file', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const name = botNameOf(text);
        if (name === undefined) return;
        assert.ok(isBotName(name), JSON.stringify(name));
        assert.equal(botNameOf(`${name}.txt`), name);
        assert.equal(parseBotName(name), name);
        assert.deepEqual(namesOfBundle(`${name}.json`)[0], name);
        assert.doesNotMatch(name, /^-|-$|[/\\\s\0.~]/);
      }),
    );
  });

  it('is that of the bundle as it stands, where a bot can have it', () => {
    for (const [file, name, former] of [
      ['keys/rain.json', 'rain', 'rain'],
      ['Rain.json', 'rain', 'rain'],
      ['---.json', '---', '---'],
      ['long-breath--draft-2-.json', 'long-breath--draft-2-', 'long-breath--draft-2-'],
      ['Long Breath (draft 2).json', 'long-breath-draft-2', 'long-breath--draft-2-'],
      ['cafe\u0301.json', 'caf\u00e9', 'caf-'],
      ['🌙.json', '-', '-'],
    ] as const)
      assert.deepEqual(namesOfBundle(file), [name, former]);
  });

  it('is taken as typed where it is one, and refused with the one that was meant', () => {
    for (const name of ['rain_2-b', '静夜思', '---', 'long-breath--draft-2-'])
      assert.equal(parseBotName(name), name);
    assert.equal(parseBotName('cafe\u0301'), 'caf\u00e9');
    for (const [typed, meant] of [
      ['Rain', /mean rain\?/],
      ['../rain', /mean rain\?/],
      ['rain.txt', /mean rain\?/],
      ['', /mean another\?/],
      ['🌙', /mean another\?/],
      ['rain\n', /mean rain\?/],
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
