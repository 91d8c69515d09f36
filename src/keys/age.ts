import { open } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import type * as Age from 'age-encryption';
import { FlockError, systemCode } from '../errors.ts';
import { fileError, syncFolder } from '../fs.ts';
import { readPrivateFile } from './private-file.ts';

/*
 * Encryption of key bundles with age: identities (private keys), recipients (public keys), and sealing.
 */

/** An age identity: it decrypts what was encrypted to its recipient. It cannot be printed by accident. */
export class Identity {
  readonly file: string;
  readonly #lines: readonly string[];

  constructor(file: string, lines: readonly string[]) {
    this.file = file;
    this.#lines = lines;
  }

  /** The recipients whose files this identity opens. */
  async recipients(): Promise<string[]> {
    const { identityToRecipient } = await age();
    return Promise.all(this.#lines.map((line) => identityToRecipient(line)));
  }

  /**
   * Decrypts.
   *
   * @param file - the file of the bytes, for messages
   * @throws {FlockError} `config` if the bytes are encrypted to another recipient, `data` if they are damaged. Both have no cause:
   * a parser's message may quote a secret
   */
  async open(bytes: Uint8Array, file: string): Promise<Buffer> {
    const { Decrypter, armor } = await age();
    const decrypter = new Decrypter();
    for (const line of this.#lines) decrypter.addIdentity(line);
    try {
      const binary = isArmor(bytes) ? armor.decode(Buffer.from(bytes).toString('latin1')) : bytes;
      return await buffer(await decrypter.decrypt(streamOf(binary)));
    } catch (cause) {
      if (cause instanceof Error && cause.message.startsWith('no identity matched')) {
        const hint =
          'it was encrypted to another recipient: name the right identity with KEYMAKER_IDENTITY_FILE';
        throw new FlockError('config', `${file}: the identity in ${this.file} does not open it`, { hint });
      }
      const hint = 'put the file back from a copy, or make the key again';
      throw new FlockError('data', `${file}: not a whole age file (cut off, or damaged)`, { hint });
    }
  }
}

/**
 * @throws {FlockError} `permission` if others can read or write the file, `config` if it holds no identity, `usage` if `file` is
 * an identity itself
 */
export async function readIdentity(file: string, credentials?: string): Promise<Identity> {
  mustBeFileName(file);
  const lines = readPrivateFile(
    file,
    { exit: 'config', message: `cannot read the identity ${file}` },
    credentials,
  )
    .toString('utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const identity = new Identity(file, lines);
  const recipients = await identity.recipients().catch(() => []);
  if (recipients.length > 0) return identity;
  throw new FlockError('config', `${file}: not an identity of age`, {
    hint: 'it has a line that begins with AGE-SECRET-KEY-1: keymaker encrypt --new-identity FILE makes one',
  });
}

/** @throws {FlockError} `usage` for an identity in place of its file's name; no message may quote it */
function mustBeFileName(file: string): void {
  if (!/AGE-SECRET-KEY-/i.test(file)) return;
  throw new FlockError('usage', 'this is an identity itself, not the name of an identity file', {
    hint: 'others can see command lines and environments, so make a new identity: --new-identity FILE',
  });
}

/** Encrypts. @throws {FlockError} `usage` if a recipient is invalid */
export async function seal(content: Uint8Array, recipients: readonly string[]): Promise<Buffer> {
  const { Encrypter } = await age();
  const encrypter = new Encrypter();
  try {
    for (const recipient of recipients) encrypter.addRecipient(recipient);
  } catch {
    throw new FlockError('usage', 'what is to be encrypted to is not a recipient of age', {
      hint: 'it begins with age1; keymaker encrypt --new-identity FILE shows one',
    });
  }
  return buffer(await encrypter.encrypt(streamOf(content)));
}

/**
 * Makes an identity, in a file that only its owner can read.
 *
 * @returns its recipient
 * @throws {FlockError} `cannotCreate` if the file exists or cannot be written
 */
export async function makeIdentity(file: string): Promise<string> {
  mustBeFileName(file);
  const { generateX25519Identity, identityToRecipient } = await age();
  const line = await generateX25519Identity();
  const recipient = await identityToRecipient(line);
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(`# public key: ${recipient}\n${line}\n`);
    await handle.sync();
    await syncFolder(path.dirname(file));
  } catch (cause) {
    const message = `cannot write ${file}`;
    if (systemCode(cause) !== 'EEXIST') throw fileError(cause, 'cannotCreate', message);
    const hint = 'name another: what was encrypted to an identity is lost without it';
    throw new FlockError('cannotCreate', `${message}: there is such a file`, { hint, cause });
  }
  return recipient;
}

/** Loads age on first use, since most flocks have no encrypted bundle. */
const age = (): Promise<typeof Age> => import('age-encryption');

const isArmor = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().startsWith('-----BEGIN AGE');

// A stream, because age reads bytes through `Response`, which needs WebAssembly, and flockd's strictest unit forbids that.
const streamOf = (bytes: Uint8Array) => ReadableStream.from([Uint8Array.from(bytes)]);
