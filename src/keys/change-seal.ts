import fse from 'fs-extra';
import { FlockError } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import { twinOf } from './bundle-name.ts';
import type { KeyStore } from './key-store.ts';
import { seal, type Identity } from './sealed.ts';

/** Whom bundles are encrypted to. */
export interface Sealing {
  recipients: readonly string[];
  /** What opens them again, where it is at hand: then nothing plain is removed before that is proved. */
  identity: Identity | undefined;
}

/**
 * Encrypts a bot's bundle. Its plain file goes only once the encrypted one is safe on the disk.
 *
 * @returns the encrypted file; undefined where it was encrypted already
 * @throws {FlockError} as {@link KeyStore.read} and {@link KeyStore.put}; `config` where the identity does not open what was encrypted
 */
export async function encryptBundle(
  bot: BotName,
  keys: KeyStore,
  { recipients, identity }: Sealing,
): Promise<string | undefined> {
  const plain = keys.fileOf(bot);
  const sealed = twinOf(plain);
  if (await fse.pathExists(sealed))
    return (await reconciled(plain, sealed, keys, identity)) ? sealed : undefined;
  const text = await keys.text(plain);
  const bytes = await seal(text, recipients);
  // Proved before anything is written, and again by what the disk then has.
  await prove(bytes, text, { file: sealed, identity });
  await keys.put(sealed, bytes);
  await prove(await keys.stored(sealed), text, { file: sealed, identity });
  await keys.discard(plain);
  return sealed;
}

/**
 * Puts a bot's plain bundle back in the place of the encrypted one.
 *
 * @returns the plain file; undefined where it was plain already
 * @throws {FlockError} as {@link KeyStore.read} and {@link KeyStore.put}
 */
export async function decryptBundle(
  bot: BotName,
  keys: KeyStore,
  identity: Identity,
): Promise<string | undefined> {
  const plain = keys.fileOf(bot);
  const sealed = twinOf(plain);
  if (!(await fse.pathExists(sealed))) return undefined;
  const text = await identity.open(await keys.stored(sealed), sealed);
  if (await fse.pathExists(plain)) await mustHold(plain, text, sealed, keys);
  else await keys.put(plain, text);
  await keys.discard(sealed);
  return plain;
}

/** What was begun and cut off leaves both files: where they hold the same, the plain one goes. @returns whether it was there */
async function reconciled(
  plain: string,
  sealed: string,
  keys: KeyStore,
  identity: Identity | undefined,
): Promise<boolean> {
  if (!(await fse.pathExists(plain))) return false;
  // Without an identity nobody can tell: reading says so, naming both.
  if (!identity) await keys.read(sealed);
  else await mustHold(plain, await identity.open(await keys.stored(sealed), sealed), sealed, keys);
  await keys.discard(plain);
  return true;
}

/** @throws {FlockError} `data` where the plain file holds another text than the encrypted one */
async function mustHold(plain: string, text: Buffer, sealed: string, keys: KeyStore): Promise<void> {
  if ((await keys.stored(plain)).equals(text)) return;
  throw new FlockError('data', `${plain} and ${sealed} hold different keys`, {
    hint: 'keymaker list shows whose they are, one at a time; remove the wrong one',
  });
}

async function prove(
  bytes: Buffer,
  text: Buffer,
  { file, identity }: { file: string; identity: Identity | undefined },
): Promise<void> {
  if (!identity || (await identity.open(bytes, file)).equals(text)) return;
  throw new FlockError('io', `${file}: does not decrypt to what was encrypted; the plain bundle stays`);
}
