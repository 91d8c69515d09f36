import { open } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import type * as Age from 'age-encryption';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, syncFolder } from '../fs.ts';
import { readPrivateFile } from './private-file.ts';

/*
 * Encryption of key bundles with age: identities (private keys), recipients (public keys), and sealing.
 */

/** The maximum size of an identity file. Bytes. */
const maxIdentity = 64 * 1024;

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
        throw new FlockError('config', `${file}: the identity in ${this.file} does not open it`, {
          hint: 'it was encrypted to another recipient: name the right identity with KEYMAKER_IDENTITY_FILE',
        });
      }
      throw new FlockError('data', `${file}: not a whole age file (cut off, or damaged)`, {
        hint: 'put the file back from a copy, or make the key again',
      });
    }
  }
}

/**
 * @throws {FlockError} `permission` if others can read or write the file, `config` if it holds no identity, `usage` if `file` is
 * an identity itself
 */
export async function readIdentity(file: string, credentials?: string): Promise<Identity> {
  mustBeFileName(file);
  const lines = readText(file, credentials)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const { identityToRecipient } = await age();
  for (const line of lines) await identityToRecipient(line).catch(() => Promise.reject(noIdentity(file)));
  if (lines.length === 0) throw noIdentity(file);
  return new Identity(file, lines);
}

function readText(file: string, credentials: string | undefined): string {
  try {
    return readPrivateFile({ file, maxBytes: maxIdentity, credentials }).toString('utf8');
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('config', `cannot read the identity ${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** @throws {FlockError} `usage` for an identity in place of its file's name; no message may quote it */
function mustBeFileName(file: string): void {
  if (!/AGE-SECRET-KEY-/i.test(file)) return;
  throw new FlockError('usage', 'this is an identity itself, not the name of an identity file', {
    hint: 'others can see command lines and environments, so make a new identity: --new-identity FILE',
  });
}

const noIdentity = (file: string): FlockError =>
  new FlockError('config', `${file}: not an identity of age`, {
    hint: 'it has a line that begins with AGE-SECRET-KEY-1: keymaker encrypt --new-identity FILE makes one',
  });

/** Encrypts. @throws {FlockError} `usage` if a recipient is invalid */
export async function seal(content: Uint8Array, recipients: readonly string[]): Promise<Buffer> {
  const { Encrypter } = await age();
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      throw new FlockError('usage', 'what is to be encrypted to is not a recipient of age', {
        hint: 'it begins with age1; keymaker encrypt --new-identity FILE shows one',
      });
    }
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
    const isThere = systemCode(cause) === 'EEXIST';
    throw new FlockError(
      'cannotCreate',
      `cannot write ${file}: ${isThere ? 'there is such a file' : reasonOf(cause)}`,
      {
        ...(isThere && { hint: 'name another: what was encrypted to an identity is lost without it' }),
        cause,
      },
    );
  }
  return recipient;
}

/** Loads age on first use, since most flocks have no encrypted bundle. */
const age = (): Promise<typeof Age> => import('age-encryption');

const isArmor = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().startsWith('-----BEGIN AGE');

// A stream, because age reads bytes through `Response`, which needs WebAssembly, and flockd's strictest unit forbids that.
const streamOf = (bytes: Uint8Array) => ReadableStream.from([Uint8Array.from(bytes)]);
