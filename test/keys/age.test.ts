import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { armor, generateHybridIdentity } from 'age-encryption';
import { type Exit, FlockError } from '../../src/errors.ts';
import { type Identity, makeIdentity, readIdentity, seal } from '../../src/keys/age.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle } from '../support/bundle.ts';

const text = Buffer.from('{"oauth_token_secret": "hush-hush"}');

const refused =
  (exit: Exit, message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof FlockError, String(error));
    assert.equal(error.exit, exit, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(inspect(error), /hush|AGE-SECRET-KEY-1[A-Z0-9]{4}/);
    return true;
  };

// What a hook makes would be gone before the tests.
const home = tempFolder();
let identity: Identity;
let sealed: Buffer;
before(async () => {
  const file = path.join(home, 'identity');
  await makeIdentity(file);
  identity = await readIdentity(file);
  sealed = await seal(text, await identity.recipients());
});

describe('an identity', () => {
  it('is made in a file of one’s own, once', async () => {
    const file = path.join(tempFolder(), 'identity');
    const recipient = await makeIdentity(file);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, 'utf8'), /^# public key: age1.*\nAGE-SECRET-KEY-1[A-Z0-9]+\n$/);
    assert.deepEqual(await (await readIdentity(file)).recipients(), [recipient]);
    const kept = readFileSync(file, 'utf8');
    await assert.rejects(makeIdentity(file), refused('cannotCreate', /identity: there is such a file/));
    assert.equal(readFileSync(file, 'utf8'), kept);
    await assert.rejects(makeIdentity(path.join(file, 'below')), refused('cannotCreate', /cannot write/));
  });

  it('cannot be printed', () => {
    assert.doesNotMatch(
      `${inspect(identity, { showHidden: true })}${JSON.stringify(identity)}`,
      /AGE-SECRET/,
    );
  });

  it('is refused where others can read it, or it is none', async () => {
    const folder = tempFolder({
      empty: '# nothing\n',
      other: 'ssh-ed25519 hush-hush\n',
      bad: 'AGE-SECRET-KEY-1HUSH\n',
    });
    for (const name of ['empty', 'other', 'bad'])
      await assert.rejects(
        readIdentity(path.join(folder, name)),
        refused('config', /not an identity of age/),
      );
    await assert.rejects(
      readIdentity(path.join(folder, 'none')),
      refused('config', /cannot read the identity .*none/),
    );
    chmodSync(path.join(folder, 'bad'), 0o644);
    await assert.rejects(
      readIdentity(path.join(folder, 'bad')),
      refused('permission', /open to others \(mode 644\)/),
    );
  });

  it('is never repeated where it stands in the place of its file', async () => {
    const itself = readFileSync(identity.file, 'utf8').split('\n')[1] ?? '';
    assert.match(itself, /^AGE-SECRET-KEY-1/);
    for (const wrong of [() => readIdentity(itself), () => makeIdentity(itself), () => seal(text, [itself])])
      await assert.rejects(wrong, refused('usage', /identity itself|not a recipient/));
  });

  it('may have several lines, which all open, and be one of the newer kind', async () => {
    const folder = tempFolder();
    const files = ['one', 'two'].map((name) => path.join(folder, name));
    for (const file of files) await makeIdentity(file);
    const lines = [...files.map((file) => readFileSync(file, 'utf8')), await generateHybridIdentity()];
    const many = await readIdentity(path.join(tempFolder({ many: lines.join('\r\n') }), 'many'));
    const recipients = await many.recipients();
    assert.equal(recipients.length, 3);
    for (const recipient of recipients)
      assert.deepEqual(await many.open(await seal(text, [recipient]), 'f'), text);
    const [, second] = files;
    assert.deepEqual(await (await readIdentity(second ?? '')).open(await seal(text, recipients), 'f'), text);
  });
});

describe('an encrypted text', () => {
  it('opens, in binary and in armor, and differs each time', async () => {
    assert.deepEqual(await identity.open(sealed, 'f'), text);
    assert.deepEqual(await identity.open(Buffer.from(`\n${armor.encode(sealed)}`), 'f'), text);
    assert.notDeepEqual(await seal(text, await identity.recipients()), sealed);
    assert.ok(!sealed.includes('hush'));
  });

  it('is refused by name wherever it is cut off', async () => {
    for (let length = 0; length < sealed.length; length++)
      await assert.rejects(
        identity.open(sealed.subarray(0, length), 'k.age'),
        refused('data', /^k\.age: not a whole/),
      );
    const text64 = armor.encode(sealed);
    for (let length = 0; length < text64.length - 1; length += 7)
      await assert.rejects(
        identity.open(Buffer.from(text64.slice(0, length)), 'k'),
        refused('data', /^k: not a whole/),
      );
  });

  it('is refused wherever a byte is flipped, and never opens as another', async () => {
    for (let at = 0; at < sealed.length; at++) {
      const flipped = Buffer.from(sealed);
      flipped[at] = (flipped[at] ?? 0) ^ 0x01;
      await assert.rejects(identity.open(flipped, 'k.age'), (error) => {
        assert.ok(error instanceof FlockError && ['data', 'config'].includes(error.exit), `byte ${at}`);
        assert.match(error.message, /^k\.age: /);
        assert.doesNotMatch(inspect(error), /hush/);
        return true;
      });
    }
  });

  it('is refused with more behind it, and where it is something else', async () => {
    for (const bytes of [Buffer.concat([sealed, Buffer.from('x')]), text, Buffer.alloc(300)])
      await assert.rejects(identity.open(bytes, 'k.age'), refused('data', /^k\.age: not a whole age file/));
  });

  it('is opened by nobody else', async () => {
    const file = path.join(tempFolder(), 'other');
    await makeIdentity(file);
    await assert.rejects(
      (await readIdentity(file)).open(sealed, 'k.age'),
      refused('config', /^k\.age: the identity in .*other does not open it/),
    );
  });

  it('is for recipients only', async () => {
    for (const recipient of ['', 'age1', 'age1hush', 'ssh-ed25519 hush', '@howl'])
      await assert.rejects(
        seal(text, [recipient]),
        (error) => error instanceof FlockError && error.exit === 'usage',
      );
  });

  it('needs no WebAssembly, which the strictest unit leaves out', async () => {
    const sealed = await bundle(path.join(import.meta.dirname, '../../src/keys/age.ts'));
    const file = path.join(tempFolder(), 'identity');
    const script = `
      import { makeIdentity, readIdentity, seal } from ${JSON.stringify(sealed)};
      await makeIdentity(process.argv[1]);
      const identity = await readIdentity(process.argv[1]);
      console.log(String(await identity.open(await seal(Buffer.from('text'), await identity.recipients()), 'f')));`;
    const said = execFileSync(process.execPath, ['--jitless', '--input-type=module', '-e', script, file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    assert.equal(said, 'text\n');
  });
});
