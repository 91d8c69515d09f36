import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
const sealing = async () => ({ recipients: await identity.recipients(), identity });

beforeEach(async () => {
  const identityFile = path.join(home, `identity-${++count}`);
  await makeIdentity(identityFile);
  identity = await readIdentity(identityFile);
  folder = path.join(home, `keys-${count}`);
  keys = new KeyStore(folder, { identityFile });
  await keys.write(howl, bundle(1));
});

describe('credentials of systemd', () => {
  const credentials = (): { folder: string; store: KeyStore } => {
    const place = tempFolder({
      'keys_howl.json': formatKeyBundle(bundle(1)),
      'keys_prowl.json': '{"consumer_token": "hidden',
      'other.json': '{}',
      'keys_notes.txt': '',
    });
    chmodSync(path.join(place, 'keys_howl.json'), 0o444);
    return { folder: place, store: new KeyStore(place, { credentials: place, identityFile: identity.file }) };
  };

  it('are bundles under a prefix, whatever their modes', async () => {
    const { folder: place, store } = credentials();
    chmodSync(place, 0o777);
    assert.deepEqual(await store.list(), [
      { bot: howl, file: path.join(place, 'keys_howl.json'), hasSibling: false },
      { bot: prowl, file: path.join(place, 'keys_prowl.json'), hasSibling: false },
    ]);
    assert.equal((await store.readIfThere(howl))?.userId, '71');
    await assert.rejects(
      store.readIfThere(prowl),
      refused('data', /keys_prowl\.json: not whole/, /--bot=prowl$/),
    );
  });

  it('may be encrypted, and the identity may be one of them', async () => {
    const { folder: place } = credentials();
    writeFileSync(path.join(place, 'identity'), readFileSync(identity.file), { mode: 0o444 });
    const text = readFileSync(path.join(place, 'keys_howl.json'));
    writeFileSync(path.join(place, 'keys_growl.json.age'), await seal(text, await identity.recipients()));
    const options = { credentials: place, identityFile: path.join(place, 'identity') };
    assert.equal((await new KeyStore(place, options).readIfThere('growl' as BotName))?.userId, '71');
  });

  it('are never written', async () => {
    const { folder: place, store } = credentials();
    const before = readdirSync(place).map((name) => [name, statSync(path.join(place, name)).mode]);
    const mode = statSync(place).mode;
    const why = refused(
      'cannotCreate',
      /credentials of systemd are read-only/,
      /LoadCredential=.*--keys DIR/,
    );
    const { recipients } = await sealing();
    for (const change of [
      () => store.prepare(),
      () => store.prepare(howl),
      () => store.write(howl, bundle(2)),
      () => store.remove(howl),
      () => store.encrypt(howl, { recipients, identity }),
    ])
      await assert.rejects(change, why);
    assert.deepEqual(
      readdirSync(place).map((name) => [name, statSync(path.join(place, name)).mode]),
      before,
    );
    assert.equal(statSync(place).mode, mode);
    assert.ok(!existsSync(path.join(place, 'keys_howl.json.age')));
  });
});

describe('a keys folder', () => {
  it('is refused where others can write to it, and mended before something is written', async () => {
    for (const mode of [0o770, 0o702, 0o777]) {
      chmodSync(folder, mode);
      const octal = mode.toString(8);
      await assert.rejects(
        keys.list(),
        refused('permission', new RegExp(`open to others \\(mode ${octal}\\)`), /^chmod 700 /),
      );
    }
    await keys.prepare();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal((await keys.list()).length, 1);
  });

  it(
    'that a server has for its group stays so, and so do its bundles',
    { skip: process.getuid?.() !== 0 },
    async () => {
      const place = path.join(tempFolder(), 'keys');
      mkdirSync(place);
      chownSync(place, 0, 50);
      chmodSync(place, 0o750);
      const store = new KeyStore(place, keys.options);
      const file = await store.write(howl, bundle(1));
      const asIs = (name: string) => {
        const { mode, uid, gid } = statSync(name);
        return [(mode & 0o777).toString(8), uid, gid];
      };
      assert.deepEqual(
        [asIs(place), asIs(file)],
        [
          ['750', 0, 50],
          ['640', 0, 50],
        ],
      );
      assert.equal((await store.read(file)).userId, '71');
      const sealed = await store.encrypt(howl, await sealing());
      assert.deepEqual(asIs(sealed ?? ''), ['640', 0, 50]);
      chownSync(place, 1001, 50);
      await assert.rejects(store.prepare(), refused('permission', /belongs to another user \(uid 1001\)/));
    },
  );
});
