import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { type Exit, FlockError } from '../../src/errors.ts';
import { formatKeyBundle, type KeyBundle } from '../../src/keys/bundle.ts';
import { KeyStore } from '../../src/keys/store.ts';
import { TokenPair } from '../../src/oauth/signature.ts';
import { parseBotName } from '../../src/poems/bot-name.ts';
import { tempFolder } from '../flock/temp-folder.ts';

const rain = parseBotName('rain');
const bundle = (n: number): KeyBundle => ({
  appKeys: new TokenPair('app', 'hidden-app'),
  accessToken: new TokenPair(`77-access${n}`, 'hidden-access'),
  userId: '77',
  screenName: 'rain',
  poemFile: 'poems/rain.txt',
});
const modeOf = (file: string): number => statSync(file).mode & 0o777;

const refused =
  (exit: Exit, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof FlockError, String(error));
    assert.equal(error.exit, exit);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.hint ?? ''}`, /hidden/);
    return true;
  };

describe('a stored bundle', () => {
  it('is for its owner alone, in a folder for its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const keys = new KeyStore(path.join(tempFolder(), 'deep', 'keys'));
      const file = await keys.write(rain, bundle(1));
      assert.equal(file, path.join(keys.folder, 'rain.json'));
      assert.deepEqual([modeOf(file), modeOf(keys.folder)], [0o600, 0o700]);
      assert.equal(readFileSync(file, 'utf8'), formatKeyBundle(bundle(1)));
      assert.deepEqual(readdirSync(keys.folder), ['rain.json']);
    } finally {
      process.umask(before);
    }
  });

  it('is replaced as a whole, and is private then too', async () => {
    const keys = new KeyStore(tempFolder());
    writeFileSync(keys.fileOf(rain), 'x'.repeat(5000));
    chmodSync(keys.fileOf(rain), 0o644);
    const { ino } = statSync(keys.fileOf(rain));
    await keys.write(rain, bundle(2));
    assert.notEqual(statSync(keys.fileOf(rain)).ino, ino);
    assert.equal(modeOf(keys.fileOf(rain)), 0o600);
    assert.equal((await keys.readIfThere(rain))?.accessToken.reveal().token, '77-access2');
  });

  it('is not written through a link', async () => {
    const folder = tempFolder({ 'other.json': 'other' });
    const keys = new KeyStore(path.join(folder, 'keys'));
    await keys.prepare();
    symlinkSync('../other.json', keys.fileOf(rain));
    await keys.write(rain, bundle(1));
    assert.equal(readFileSync(path.join(folder, 'other.json'), 'utf8'), 'other');
  });

  it('leaves nothing behind where it cannot be put in its place', async () => {
    const keys = new KeyStore(tempFolder());
    mkdirSync(path.join(keys.fileOf(rain), 'full'), { recursive: true });
    await assert.rejects(keys.write(rain, bundle(1)), refused('cannotCreate', /cannot write .*rain\.json/));
    assert.deepEqual(readdirSync(keys.folder), ['rain.json']);
  });

  it('cannot be written where the folder is a file', async () => {
    const folder = tempFolder({ keys: 'a file' });
    for (const place of ['keys', 'keys/deeper']) {
      const keys = new KeyStore(path.join(folder, place));
      await assert.rejects(keys.write(rain, bundle(1)), refused('cannotCreate', /cannot write .*keys/));
    }
    assert.equal(readFileSync(path.join(folder, 'keys'), 'utf8'), 'a file');
  });

  it('cannot be written in a folder nobody may write in', { skip: process.getuid?.() === 0 }, async () => {
    const keys = new KeyStore(tempFolder());
    chmodSync(keys.folder, 0o500);
    await assert.rejects(keys.write(rain, bundle(1)), refused('cannotCreate', /permission denied/));
    chmodSync(keys.folder, 0o700);
    assert.deepEqual(readdirSync(keys.folder), []);
  });
});

describe('reading bundles', () => {
  it('lists what is there, good or bad, but nothing hidden or else', async () => {
    const text = formatKeyBundle(bundle(1));
    const folder = tempFolder({
      'b.json': 'bad',
      'A.json': text,
      '.a.json.x.tmp': text,
      '.c.json': text,
      'd.txt': text,
    });
    const found = await new KeyStore(folder).list();
    assert.deepEqual(
      found.map(({ bot, file }) => [bot, path.basename(file)]),
      [
        ['a', 'A.json'],
        ['b', 'b.json'],
      ],
    );
    assert.deepEqual(await new KeyStore(path.join(folder, 'none')).list(), []);
  });

  it('names both of two bundles for one bot, and reads the others', async () => {
    const lamp = formatKeyBundle(bundle(1));
    const keys = new KeyStore(tempFolder({ 'Rain.json': '{}', 'lamp.json': lamp, 'rain.json': '{}' }));
    const listed = await keys.list();
    const readOne = (bot: string) =>
      keys.readListed(listed.find((one) => one.bot === bot) ?? assert.fail(bot));
    assert.equal((await readOne('lamp')).userId, '77');
    await assert.rejects(
      readOne('rain'),
      refused('data', /Rain\.json and rain\.json are both the bundle of rain/),
    );
  });

  it('is for a bot of any script, and keeps the name that the ledger has from an older rule', async () => {
    const files = {
      '静夜思.json': '{}',
      'cafe\u0301.json': '{}',
      '---.json': '{}',
      'long-breath--draft-2-.json': '{}',
    };
    const names = async (inLedger: string[]) =>
      (
        await new KeyStore(tempFolder(files), {
          botsInLedger: () => Promise.resolve(new Set(inLedger)),
        }).list()
      )
        .map(({ bot }) => bot)
        .sort();
    const now = ['---', 'caf\u00e9', 'long-breath--draft-2-', '静夜思'];
    assert.deepEqual(await names([]), now);
    // Somebody else's bundle has the name ---, and who is in the ledger under the new name has no other.
    assert.deepEqual(await names(['---', 'caf-', 'caf\u00e9']), now);
    assert.deepEqual(await names(['caf-']), ['---', 'caf-', 'long-breath--draft-2-', '静夜思']);
  });

  it('is replaced where it is, whatever a person has called its file', async () => {
    const keys = new KeyStore(tempFolder({ 'Cafe\u0301.json': '{}' }));
    const file = await keys.write(parseBotName('caf\u00e9'), bundle(1));
    assert.equal(path.basename(file), 'Cafe\u0301.json');
    assert.equal((await keys.list()).length, 1);
  });

  it('refuses by name what is no bundle', async () => {
    const folder = tempFolder({
      'cut.json': '{"consumer_token": "hidden',
      'huge.json': 'x'.repeat(70_000),
      'to.json': '{}',
    });
    mkdirSync(path.join(folder, 'folder.json'));
    symlinkSync('to.json', path.join(folder, 'link.json'));
    const keys = new KeyStore(folder);
    for (const [name, message] of [
      ['cut.json', /cut\.json: not whole JSON/],
      ['huge.json', /huge\.json: .*too large/],
      ['folder.json', /folder\.json: .*(folder|regular)/],
      ['none.json', /none\.json: .*no such file/],
    ] as const)
      await assert.rejects(keys.read(path.join(folder, name)), refused('data', message));
    await assert.rejects(
      keys.read(path.join(folder, 'link.json')),
      refused('permission', /link\.json: is a symbolic link/),
    );
  });

  it('finds none where there is none', async () => {
    assert.equal(await new KeyStore(tempFolder()).readIfThere(rain), undefined);
  });
});
