import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { findPoems, type FoundPoems, type KnownBots, passedOverShown } from '../../src/poems/find.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { flockError } from '../support/flock-error.ts';
import { bundle } from '../support/bundle.ts';

/** Bots that are there, with the poem that the bundle of each names, where it does. */
const known = (bots: Record<string, string | undefined>): KnownBots => ({
  has: (name) => Promise.resolve(name in bots),
  poemOf: (name) => Promise.resolve(bots[name]),
});

const namesIn = ({ poems }: FoundPoems, folder: string): [bot: string, file: string][] =>
  poems.map(({ bot, file }) => [bot, path.relative(folder, file)]);

const othersIn = ({ passedOver }: FoundPoems, folder: string): [file: string, kind: string][] =>
  passedOver.map(({ file, kind }) => [path.relative(folder, file), kind]);

describe('finding poems', () => {
  it('goes through many more folders than files may be open', async () => {
    const files = Array.from({ length: 500 }, (_, index) => [`${index}/${index}.txt`, 'a line']);
    const script = await bundle(path.join(import.meta.dirname, 'find-poems-process.ts'));
    const call = ['-c', 'ulimit -n 64 && exec "$@"', 'bash', process.execPath, script];
    const said = execFileSync('bash', [
      ...call,
      tempFolder(Object.fromEntries(files) as Record<string, string>),
    ]);
    assert.equal(said.toString(), '500\n');
  });

  it('goes through the folder and those in it, in the order of their paths', async () => {
    const folder = tempFolder({
      'b.txt': 'b',
      'a/z.TXT': 'z',
      'a/deep/er/Ode, Part 2.Txt': 'ode',
      'Zoo.txt': 'zoo',
      'a.txt': 'a',
      '静夜思.txt': 'moon',
    });
    assert.deepEqual(namesIn(await findPoems(folder), folder), [
      ['zoo', 'Zoo.txt'],
      ['a', 'a.txt'],
      ['ode-part-2', 'a/deep/er/Ode, Part 2.Txt'],
      ['z', 'a/z.TXT'],
      ['b', 'b.txt'],
      ['静夜思', '静夜思.txt'],
    ]);
  });

  it('gives paths as the person wrote the folder', async () => {
    const folder = tempFolder({ 'poems/a.txt': 'a' });
    const { poems } = await findPoems(path.relative('.', path.join(folder, 'poems')));
    assert.equal(poems[0]?.file, path.relative('.', path.join(folder, 'poems', 'a.txt')));
  });

  it('says which folder cannot be read', async () => {
    const folder = tempFolder({ 'a.txt': 'a' });
    await assert.rejects(findPoems(path.join(folder, 'none')), flockError('data', /none: there is no such/));
    await assert.rejects(
      findPoems(path.join(folder, 'a.txt')),
      flockError('data', /a\.txt: it is not a folder/),
    );
  });
});

describe('what is no poem', () => {
  it('is named where it could be one, and left alone where it is hidden or a backup', async () => {
    const folder = tempFolder({
      'a.txt': 'a',
      'draft.md': 'no poem',
      txt: 'no poem',
      '.hidden.txt': 'h',
      '.git/x.txt': 'x',
      'a/.swp/y.txt': 'y',
      'a.txt~': 'a backup of an editor',
      '#a.txt#': 'another',
      'a.txt.bak': 'another',
      'b.txt.part': 'half of one that is copied',
    });
    const found = await findPoems(folder);
    assert.equal(found.poems.length, 1);
    assert.deepEqual(othersIn(found, folder), [
      ['draft.md', 'ignored'],
      ['txt', 'ignored'],
    ]);
  });

  it('may be a link to a folder, which is not followed, not even to itself', async () => {
    const folder = tempFolder({ 'a.txt': 'a' });
    symlinkSync('.', path.join(folder, 'loop'));
    symlinkSync('nowhere', path.join(folder, 'lost.txt'));
    const found = await findPoems(folder);
    assert.deepEqual(namesIn(found, folder), [
      ['a', 'a.txt'],
      ['lost', 'lost.txt'],
    ]);
    assert.deepEqual(othersIn(found, folder), [['loop', 'unseen']]);
    assert.match(found.passedOver[0]?.why ?? '', /links to folders are not followed/);
  });

  it('may be a folder that cannot be read, which hides none of the others', async (context) => {
    if (process.geteuid?.() === 0) {
      context.skip('root reads everything');
      return;
    }
    const folder = tempFolder({ 'a.txt': 'a' });
    const locked = path.join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0);
    const found = await findPoems(folder);
    chmodSync(locked, 0o700);
    assert.equal(found.poems.length, 1);
    assert.deepEqual(othersIn(found, folder), [['locked', 'unseen']]);
  });

  it('is counted where there is much of it', async () => {
    const pictures = Array.from({ length: 9 }, (_, index) => [`${index}.jpg`, '']);
    const folder = tempFolder({ ...(Object.fromEntries(pictures) as Record<string, string>), '🌙.txt': 'x' });
    const shown = passedOverShown((await findPoems(folder)).passedOver);
    assert.deepEqual(
      shown.map(({ kind }) => kind),
      ['refused', ...Array.from({ length: 6 }, () => 'ignored')],
    );
    assert.match(shown.at(-1)?.file ?? '', /\.jpg and 3 more$/);
  });
});

describe('the bots of poems', () => {
  it('have no name where a poem gives none, and the others theirs', async () => {
    const folder = tempFolder({ '🌙.txt': 'a', '❤️.txt': 'b', '---.txt': 'c', 'rain.txt': 'd' });
    const found = await findPoems(folder);
    assert.deepEqual(namesIn(found, folder), [['rain', 'rain.txt']]);
    assert.deepEqual(
      othersIn(found, folder).map(([, kind]) => kind),
      ['refused', 'refused', 'refused'],
    );
    for (const { hint } of found.passedOver) assert.match(hint, /rename the file/);
  });

  it('of one name read nothing, and the others do', async () => {
    const folder = tempFolder({ 'Rain.txt': 'a', 'old/rain.txt': 'b', 'other.txt': 'c' });
    const found = await findPoems(folder);
    assert.deepEqual(namesIn(found, folder), [['other', 'other.txt']]);
    const [clash, more] = found.clashes;
    assert.equal(more, undefined);
    assert.equal(clash?.bot, 'rain');
    assert.match(
      clash.error.message,
      /Rain\.txt and .*old\/rain\.txt would both be read by a bot called rain/,
    );
    assert.match(clash.error.hint ?? '', /rename all but one/);
  });

  it('of one name read what their bundle names, and the other poem is told of', async () => {
    const folder = tempFolder({ 'Rain.txt': 'a', 'old/rain.txt': 'b' });
    const found = await findPoems(folder, known({ rain: path.join(folder, 'old/rain.txt') }));
    assert.deepEqual(namesIn(found, folder), [['rain', 'old/rain.txt']]);
    assert.deepEqual(found.clashes, []);
    assert.deepEqual(othersIn(found, folder), [['Rain.txt', 'refused']]);
  });

  it('keep the name that they have by an older rule, as a bundle or the ledger has it', async () => {
    const folder = tempFolder({ 'Long Breath (draft 2).txt': 'a', '静夜思.txt': 'b', '🌙.txt': 'c' });
    assert.deepEqual(namesIn(await findPoems(folder), folder), [
      ['long-breath-draft-2', 'Long Breath (draft 2).txt'],
      ['静夜思', '静夜思.txt'],
    ]);
    const before = known({ 'long-breath--draft-2-': undefined, '---': undefined, '-': undefined });
    assert.deepEqual(namesIn(await findPoems(folder, before), folder), [
      ['long-breath--draft-2-', 'Long Breath (draft 2).txt'],
      ['---', '静夜思.txt'],
      ['-', '🌙.txt'],
    ]);
  });

  it('share an older name with others: who has it is the one whose poem its bundle names', async () => {
    const folder = tempFolder({ '静夜思.txt': 'a', '春望詩.txt': 'b' });
    const named = known({ '---': path.join(folder, '春望詩.txt') });
    assert.deepEqual(namesIn(await findPoems(folder, named), folder), [
      ['---', '春望詩.txt'],
      ['静夜思', '静夜思.txt'],
    ]);
    const nameless = await findPoems(folder, known({ '---': undefined }));
    assert.deepEqual(
      nameless.poems.map(({ bot }) => bot),
      ['春望詩', '静夜思'],
    );
  });
});
