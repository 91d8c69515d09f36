import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { makeIdentity, readIdentity } from '../../src/keys/age.ts';
import { KeyStore } from '../../src/keys/store.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { tempFolder } from '../flock/temp-folder.ts';
import { bundle as compiled } from '../support/bundle.ts';
import { runKilled } from '../support/killed-process.ts';
import { bundle } from './hidden-bundle.ts';

const howl = 'howl' as BotName;
let script: string;
before(async () => {
  script = await compiled(path.join(import.meta.dirname, 'killed-write.ts'));
});

interface Flock {
  keys: KeyStore;
  /** Where the bundle is. */
  file: string;
  /** The widest mode that anything may have. */
  mode: number;
}

async function plain(): Promise<Flock> {
  const keys = new KeyStore(path.join(tempFolder(), 'keys'));
  return { keys, file: await keys.write(howl, bundle(1)), mode: 0o600 };
}

async function sealed(): Promise<Flock> {
  const identityFile = path.join(tempFolder(), 'identity');
  await makeIdentity(identityFile);
  const identity = await readIdentity(identityFile);
  const keys = new KeyStore(path.join(tempFolder(), 'keys'), { identityFile });
  await keys.write(howl, bundle(1));
  const file = await keys.encrypt(howl, { recipients: await identity.recipients(), identity });
  return { keys, file: file ?? '', mode: 0o600 };
}

async function served(): Promise<Flock> {
  const folder = tempFolder();
  chownSync(folder, 0, 50);
  chmodSync(folder, 0o750);
  const keys = new KeyStore(folder);
  return { keys, file: await keys.write(howl, bundle(1)), mode: 0o640 };
}

/** Has a process store the second bundle, and die at a call. @returns the calls it made */
function killAt({ keys }: Flock, at = ''): ReturnType<typeof runKilled> {
  const { identityFile } = keys.options;
  return runKilled(script, [keys.folder, at, ...(identityFile === undefined ? [] : [identityFile])]);
}

const tokenOf = async ({ keys }: Flock): Promise<string | undefined> =>
  (await keys.readIfThere(howl))?.accessToken.reveal().token;

describe('a process that is killed while it replaces a bundle', () => {
  for (const [name, make] of Object.entries({ plain, sealed, served })) {
    const skip = name === 'served' && process.getuid?.() !== 0;
    it(`leaves the old one or the new one at every call (${name})`, { skip }, async () => {
      const { calls: names, signal } = killAt(await make());
      assert.equal(signal, null);
      const steps = ['open', 'writeFile', ...(name === 'served' ? ['chown', 'chmod'] : []), 'sync'];
      assert.deepEqual(names, [...steps, 'rename', 'open', 'sync']);
      const seen = new Set<string>();
      for (const [index, call] of names.entries()) {
        for (const how of ['before', 'after', ...(call === 'writeFile' ? ['half'] : [])]) {
          const flock = await make();
          const killed = killAt(flock, `${how} ${index + 1}`);
          assert.equal(killed.signal, 'SIGKILL', `${how} ${index + 1} ${call}`);
          const token: string = (await tokenOf(flock)) ?? '';
          const isAfter: boolean = index > names.indexOf('rename') || (call === 'rename' && how === 'after');
          assert.equal(token, isAfter ? '72-access' : '71-access', `${how} ${index + 1} ${call}`);
          seen.add(token);
          checkModes(flock);
          await flock.keys.write(howl, bundle(3));
          assert.equal(await tokenOf(flock), '73-access');
          assert.deepEqual(readdirSync(flock.keys.folder), [path.basename(flock.file)]);
          checkModes(flock);
        }
      }
      assert.equal(seen.size, 2);
    });
  }
});

/** Nothing in the folder is open to more than it may be, and nothing of an encrypted bundle is plain. */
function checkModes({ keys, file, mode }: Flock): void {
  for (const name of readdirSync(keys.folder)) {
    const there = path.join(keys.folder, name);
    assert.equal(statSync(there).mode & 0o777 & ~mode, 0, name);
    if (file.endsWith('.age')) assert.ok(!readFileSync(there).includes('hidden'), name);
  }
}

describe('what a writer left that was killed', () => {
  it('goes with the next write, and what another still writes stays', async () => {
    const { keys } = await plain();
    const dead = spawnSync('true').pid;
    const names = {
      [`.howl.json.${dead}-0123456789ab.tmp`]: false,
      [`..prowl.pending.${dead}-0123456789ab.tmp`]: false,
      [`.howl.json.${process.pid}-0123456789ab.tmp`]: false,
      [`.howl.json.${process.ppid}-0123456789ab.tmp`]: true,
      '.howl.json.swp': true,
      '.notes.tmp': true,
      [`prowl.${dead}-0123456789ab.tmp`]: true,
    };
    for (const name of Object.keys(names)) writeFileSync(path.join(keys.folder, name), '');
    await keys.write(howl, bundle(2));
    for (const [name, stays] of Object.entries(names))
      assert.equal(existsSync(path.join(keys.folder, name)), stays, name);
  });
});
