import { open } from 'node:fs/promises';
import path from 'node:path';
import type * as Age from 'age-encryption';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf, syncFolder } from '../fs.ts';
import { readPrivateFile } from './private-file.ts';

/** An identity is a line, and a file of many is small all the same. */
const maxIdentity = 64 * 1024;

/** The key of age: what was encrypted to its recipient, it opens. It cannot be printed by accident. */
export class Identity {
  readonly file: string;
  readonly #lines: readonly string[];

  constructor(file: string, lines: readonly string[]) {
    this.file = file;
    this.#lines = lines;
  }

  /** Whom to encrypt to, so that this identity opens it. */
  async recipients(): Promise<string[]> {
    const { identityToRecipient } = await age();
    return Promise.all(this.#lines.map((line) => identityToRecipient(line)));
  }

  /**
   * @param file - where the bytes are from, for messages
   * @returns what was encrypted
   * @throws {FlockError} `config` where it was encrypted to somebody else, `data` where it is damaged. Both without a cause: what
   * a parser says may quote what it read
   */
  async open(bytes: Uint8Array, file: string): Promise<Buffer> {
    const { Decrypter, armor } = await age();
    const decrypter = new Decrypter();
    for (const line of this.#lines) decrypter.addIdentity(line);
    try {
      const binary = isArmor(bytes) ? armor.decode(Buffer.from(bytes).toString('latin1')) : bytes;
      return await bytesOf(await decrypter.decrypt(streamOf(binary)));
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

/** @throws {FlockError} `permission` where others can get at the file, `config` where there is no identity in it, `usage` for no file */
export async function readIdentity(file: string, credentials?: string): Promise<Identity> {
  mustBeName(file);
  const text = await readPrivateFile({ file, largest: maxIdentity, credentials }).catch((cause: unknown) => {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('config', `cannot read the identity ${file}: ${reasonOf(cause)}`, { cause });
  });
  const lines = text
    .toString('utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const { identityToRecipient } = await age();
  for (const line of lines) await identityToRecipient(line).catch(() => Promise.reject(noIdentity(file)));
  if (lines.length === 0) throw noIdentity(file);
  return new Identity(file, lines);
}

/** @throws {FlockError} `usage` for an identity in the place of its file's name, which no message is to repeat */
function mustBeName(file: string): void {
  if (!/AGE-SECRET-KEY-/i.test(file)) return;
  throw new FlockError('usage', 'the name of an identity file was expected, and that is an identity itself', {
    hint: 'command lines and environments can be seen by others: make a new one, with --new-identity FILE',
  });
}

const noIdentity = (file: string): FlockError =>
  new FlockError('config', `${file}: not an identity of age`, {
    hint: 'it has a line that begins with AGE-SECRET-KEY-1: keymaker encrypt --new-identity FILE makes one',
  });

/** Encrypts. @throws {FlockError} `usage` where a recipient is none */
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
  return bytesOf(await encrypter.encrypt(streamOf(content)));
}

/**
 * Makes an identity, in a file that only its owner can read.
 *
 * @returns its recipient
 * @throws {FlockError} `cannotCreate` where there is such a file, or it cannot be written
 */
export async function makeIdentity(file: string): Promise<string> {
  mustBeName(file);
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

/** Loaded for the first encrypted bundle: no flock without one waits for it. */
const age = (): Promise<typeof Age> => import('age-encryption');

const isArmor = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().startsWith('-----BEGIN AGE');

// As streams: for bytes age goes through `Response`, which needs WebAssembly, which flockd's strictest unit leaves out.
const streamOf = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(Uint8Array.from(bytes));
      controller.close();
    },
  });

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
