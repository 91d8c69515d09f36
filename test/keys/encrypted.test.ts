import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { type Identity, makeIdentity, readIdentity, seal } from '../../src/keys/age.ts';
import { formatKeyBundle } from '../../src/keys/bundle.ts';
import { KeyStore } from '../../src/keys/store.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle, refused } from './hidden-bundle.ts';

const [howl, prowl] = ['howl', 'prowl'] as [BotName, BotName];

// What a hook makes would be gone before its test.
const home = tempFolder();
let count = 0;

let folder: string;
let keys: KeyStore;
let identity: Identity;
const names = (): string[] => readdirSync(folder).sort();
const sealing = async () => ({ recipients: await identity.recipients(), identity });

beforeEach(async () => {
  const identityFile = path.join(home, `identity-${++count}`);
  await makeIdentity(identityFile);
  identity = await readIdentity(identityFile);
  folder = path.join(home, `keys-${count}`);
  keys = new KeyStore(folder, { identityFile });
  await keys.write(howl, bundle(1));
});

describe('an encrypted bundle', () => {
  it('takes the place of the plain one, private too, and reads the same', async () => {
    const before = readFileSync(keys.fileOf(howl), 'utf8');
    const file = path.join(folder, 'howl.json.age');
    assert.equal(await keys.encrypt(howl, await sealing()), file);
    assert.deepEqual(names(), ['howl.json.age']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(!readFileSync(file).includes('hidden'));
    assert.equal(formatKeyBundle(await keys.read(file)), before);
    assert.deepEqual(await keys.list(), [{ bot: howl, file, hasSibling: false }]);
    assert.deepEqual(await keys.owners(), new Map([['71', howl]]));
    assert.equal(await keys.encrypt(howl, await sealing()), undefined);
  });

  it('is encrypted again when it is rewritten, and new bots stay plain', async () => {
    await keys.encrypt(howl, await sealing());
    assert.equal(await keys.write(howl, bundle(2)), path.join(folder, 'howl.json.age'));
    await keys.write(prowl, bundle(3));
    assert.deepEqual(names(), ['howl.json.age', 'prowl.json']);
    assert.ok(!readFileSync(path.join(folder, 'howl.json.age')).includes('hidden'));
    assert.equal((await keys.readIfThere(howl))?.userId, '72');
  });

  it('keeps the name of its file, which may differ from the name of its bot', async () => {
    const [odd, sealed] = [path.join(folder, 'Howl.json'), path.join(folder, 'Howl.json.age')];
    renameSync(keys.fileOf(howl), odd);
    keys = new KeyStore(folder, keys.options);
    assert.equal(await keys.encrypt(howl, await sealing()), sealed);
    assert.deepEqual(names(), ['Howl.json.age']);
    assert.equal((await keys.readIfThere(howl))?.userId, '71');
    assert.equal(await keys.encrypt(howl, await sealing()), undefined);
    assert.equal(await keys.decrypt(howl, identity), odd);
    assert.equal(await keys.decrypt(howl, identity), undefined);
    assert.deepEqual(names(), ['Howl.json']);
    assert.equal(await keys.placeOf(howl), odd);
  });

  it('goes back as it was, byte for byte', async () => {
    const odd = formatKeyBundle(bundle(1)).replace('{', '{ "made by": "hand",');
    writeFileSync(keys.fileOf(howl), odd);
    await keys.encrypt(howl, await sealing());
    assert.equal(await keys.decrypt(howl, identity), keys.fileOf(howl));
    assert.equal(readFileSync(keys.fileOf(howl), 'utf8'), odd);
    assert.deepEqual([names(), statSync(keys.fileOf(howl)).mode & 0o777], [['howl.json'], 0o600]);
    assert.equal(await keys.decrypt(howl, identity), undefined);
  });

  it('is removed like any other', async () => {
    await keys.encrypt(howl, await sealing());
    await keys.remove(howl);
    assert.deepEqual(names(), []);
    assert.equal(await keys.readIfThere(howl), undefined);
  });

  it('is refused by name where no identity is known, and never replaced by a plain one', async () => {
    await keys.encrypt(howl, await sealing());
    const without = new KeyStore(folder);
    const why = refused(
      'config',
      /howl\.json\.age: it is encrypted, and no identity/,
      /KEYMAKER_IDENTITY_FILE/,
    );
    await assert.rejects(without.readIfThere(howl), why);
    await assert.rejects(without.prepare(howl), why);
    await assert.rejects(without.write(howl, bundle(2)), why);
    assert.deepEqual(names(), ['howl.json.age']);
  });

  it('is refused by name with another identity, and where it is damaged or open', async () => {
    await keys.encrypt(howl, await sealing());
    const file = path.join(folder, 'howl.json.age');
    const other = path.join(tempFolder(), 'other');
    await makeIdentity(other);
    const stranger = new KeyStore(folder, { identityFile: other });
    await assert.rejects(
      stranger.read(file),
      refused('config', /howl\.json\.age: the identity in .* does not open/),
    );
    chmodSync(file, 0o644);
    await assert.rejects(
      keys.read(file),
      refused('permission', /howl\.json\.age: open to others/, /^chmod 600 /),
    );
    chmodSync(file, 0o600);
    writeFileSync(file, readFileSync(file).subarray(0, -9));
    await assert.rejects(keys.read(file), refused('data', /howl\.json\.age: not a whole age file/));
    writeFileSync(file, await seal(Buffer.from('{"consumer_token": "hidden'), await identity.recipients()));
    await assert.rejects(keys.read(file), refused('data', /howl\.json\.age: not whole JSON/, /--bot=howl/));
  });
});

describe('a bundle and its encrypted self', () => {
  beforeEach(async () => {
    const text = readFileSync(keys.fileOf(howl));
    await keys.encrypt(howl, await sealing());
    writeFileSync(keys.fileOf(howl), text, { mode: 0o600 });
    await keys.write(prowl, bundle(3));
  });

  it('stop that bot, naming both, and no other', async () => {
    const both = refused(
      'data',
      /howl\.json and howl\.json\.age are both there/,
      /keymaker encrypt --identity/,
    );
    const found = await keys.list();
    assert.deepEqual(
      found.map(({ bot }) => bot),
      [howl, prowl],
    );
    for (const name of ['howl.json', 'howl.json.age'])
      await assert.rejects(keys.read(path.join(folder, name)), both);
    await assert.rejects(keys.readIfThere(howl), both);
    await assert.rejects(keys.write(howl, bundle(2)), both);
    assert.equal((await keys.readIfThere(prowl))?.userId, '73');
  });

  it('become one again where they hold the same, in either direction', async () => {
    assert.equal(await keys.encrypt(howl, await sealing()), path.join(folder, 'howl.json.age'));
    assert.deepEqual(names(), ['howl.json.age', 'prowl.json']);
    writeFileSync(keys.fileOf(howl), formatKeyBundle(bundle(1)), { mode: 0o600 });
    assert.equal(await keys.decrypt(howl, identity), keys.fileOf(howl));
    assert.deepEqual(names(), ['howl.json', 'prowl.json']);
  });

  it('both stay where they differ, or nobody can tell', async () => {
    const { recipients } = await sealing();
    await assert.rejects(
      keys.encrypt(howl, { recipients, identity: undefined }),
      refused('data', /both there/),
    );
    writeFileSync(keys.fileOf(howl), formatKeyBundle(bundle(2)));
    for (const change of [
      async () => keys.encrypt(howl, await sealing()),
      () => keys.decrypt(howl, identity),
    ])
      await assert.rejects(change, refused('data', /howl\.json and .*howl\.json\.age hold different keys/));
    assert.deepEqual(names(), ['howl.json', 'howl.json.age', 'prowl.json']);
  });
});

describe('encrypting', () => {
  it('keeps the plain bundle where the identity does not open what was encrypted', async () => {
    const other = path.join(tempFolder(), 'other');
    const recipient = await makeIdentity(other);
    await assert.rejects(
      keys.encrypt(howl, { recipients: [recipient], identity }),
      refused('config', /does not open it/),
    );
    assert.deepEqual(names(), ['howl.json']);
    await keys.encrypt(howl, { recipients: [recipient], identity: undefined });
    assert.deepEqual(names(), ['howl.json.age']);
    assert.equal((await new KeyStore(folder, { identityFile: other }).readIfThere(howl))?.userId, '71');
  });

  it('leaves alone what is no bundle, or is open to others', async () => {
    chmodSync(keys.fileOf(howl), 0o644);
    await assert.rejects(
      async () => keys.encrypt(howl, await sealing()),
      refused('permission', /open to others/),
    );
    chmodSync(keys.fileOf(howl), 0o600);
    writeFileSync(keys.fileOf(howl), '{"consumer_token": "hidden');
    await assert.rejects(async () => keys.encrypt(howl, await sealing()), refused('data', /not whole JSON/));
    assert.deepEqual(names(), ['howl.json']);
  });
});
