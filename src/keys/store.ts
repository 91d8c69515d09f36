import { constants, statSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import pMap from 'p-map';
import { FlockError, systemCode } from '../errors.ts';
import { namesOf, reasonOf, replaceFile, sweepTemporaries, syncFolder } from '../fs.ts';
import type { BotName } from '../poems/bot-name.ts';
import { grouped } from '../text.ts';
import { folderWatcher, type WatchFolder } from '../watch.ts';
import { type Identity, readIdentity, seal } from './age.ts';
import {
  accountKey,
  botOfBundle,
  botsOfBundle,
  credentialPrefix,
  formatKeyBundle,
  isSealed,
  type KeyBundle,
  parseKeyBundle,
  siblingOf,
} from './bundle.ts';
import {
  faultOfFolder,
  isServing,
  type PrivateFile,
  readPrivateFile,
  readPrivateFileSync,
  refusal,
} from './private-file.ts';

/** The maximum size of a bundle, which has a few hundred bytes. Bytes. */
const maxBundle = 64 * 1024;

interface KeyStoreOptions {
  /** systemd's folder of credentials, which is read-only. It may be the keys folder itself. */
  credentials?: string | undefined;
  /** The file of the identity that decrypts bundles. */
  identityFile?: string | undefined;
  /** The names of the bots in the ledger: a bot that is there by its older name keeps that name. */
  botsInLedger?: () => Promise<ReadonlySet<string>>;
}

/** A bundle in the folder. */
export interface ListedBundle {
  bot: BotName;
  file: string;
  /** Whether the folder has the bundle both plain and encrypted. */
  hasSibling: boolean;
  /** Another bundle of the same bot, if there is one. */
  rival?: string;
}

/**
 * The key bundles of a flock: `keys/<bot>.json`, each 0600 in a 0700 folder, replaced atomically. A bundle called
 * `<bot>.json.age` is encrypted, and its replacement is, too.
 */
export class KeyStore {
  readonly folder: string;
  readonly options: KeyStoreOptions;
  readonly #prefix: string;
  #other: Promise<ReadonlyMap<BotName, string>> | undefined;

  constructor(folder: string, options: KeyStoreOptions = {}) {
    this.folder = folder;
    this.options = options;
    const { credentials } = options;
    const isOfSystemd = credentials !== undefined && path.resolve(credentials) === path.resolve(folder);
    this.#prefix = isOfSystemd ? credentialPrefix : '';
  }

  /** Whether the bundles are systemd's credentials. */
  get isReadOnly(): boolean {
    return this.#prefix !== '';
  }

  /** The path of a bot's plain bundle, whether or not it exists. */
  fileOf(bot: BotName): string {
    return path.join(this.folder, `${this.#prefix}${bot}.json`);
  }

  /** The path of a bot's bundle, plain or encrypted; of a plain one if it has none. @throws {FlockError} `data` if it has both */
  async placeOf(bot: BotName): Promise<string> {
    const plain = this.fileOf(bot);
    if (await fse.pathExists(siblingOf(plain))) {
      await mustBeAlone(siblingOf(plain));
      return siblingOf(plain);
    }
    if (await fse.pathExists(plain)) return plain;
    const other = (await this.#otherNames()).get(bot);
    return other !== undefined && (await fse.pathExists(other)) ? other : plain;
  }

  /** The bundles whose names differ from their bots', such as `Howl.json`. The folder is searched once. */
  #otherNames(): Promise<ReadonlyMap<BotName, string>> {
    return (this.#other ??= this.list().then(
      (listed) =>
        new Map(
          listed.filter(({ bot, file }) => this.#isOther(bot, file)).map(({ bot, file }) => [bot, file]),
        ),
      (error: unknown) => {
        if (error instanceof FlockError) return new Map();
        throw error;
      },
    ));
  }

  #isOther(bot: BotName, file: string): boolean {
    const plain = this.fileOf(bot);
    return file !== plain && file !== siblingOf(plain);
  }

  /** The names of the bots in the flock's ledger, none if the store does not know the ledger. */
  async botsInLedger(): Promise<ReadonlySet<string>> {
    return (await this.options.botsInLedger?.()) ?? new Set();
  }

  /**
   * All bundles, valid or not, sorted by file name; none if the folder does not exist.
   *
   * @throws {FlockError} `permission` if others can change the folder, `data` if it cannot be read
   */
  async list(): Promise<ListedBundle[]> {
    const found = new Map<BotName, ListedBundle>();
    for (const [name, bot] of await this.#named(await namesIn(this.folder, { isTrusted: this.isReadOnly }))) {
      const file = path.join(this.folder, name);
      const other = found.get(bot);
      // Two bundles of one bot stop that bot only, so the error comes when they are read.
      if (!other) found.set(bot, { bot, file, hasSibling: false });
      else if (siblingOf(other.file) === file) found.set(bot, { ...other, file, hasSibling: true });
      else found.set(bot, { ...other, file, rival: other.file });
    }
    return [...found.values()];
  }

  /** The bot of each bundle, by file name. The ledger is read only if the older rule gives a bundle another name. */
  async #named(names: readonly string[]): Promise<Map<string, BotName>> {
    const found = new Map<string, BotName>();
    const renamed = new Map<string, BotName>();
    for (const name of names) {
      const [bot, former] = botsOfBundle(name, this.#prefix) ?? [];
      if (bot === undefined || former === undefined) continue;
      found.set(name, bot);
      if (former !== bot) renamed.set(name, former);
    }
    if (renamed.size === 0) return found;
    const inLedger = await this.botsInLedger();
    const taken = new Set(found.values());
    for (const [former, files] of grouped(renamed.keys(), (name) => renamed.get(name))) {
      const [name = ''] = files;
      if (former === undefined || files.length > 1 || taken.has(former)) continue;
      if (inLedger.has(former) && !inLedger.has(found.get(name) ?? '')) found.set(name, former);
    }
    return found;
  }

  /**
   * The same as {@link read} for one of many bundles. It reads synchronously, which is faster for small files.
   *
   * @throws {FlockError} as {@link read}
   */
  async readListed({ bot, file, hasSibling, rival }: ListedBundle): Promise<KeyBundle> {
    if (rival !== undefined) throw rivals(bot, file, rival);
    if (hasSibling || isSealed(file)) return this.read(file);
    try {
      return this.#parse(readPrivateFileSync({ file, ...this.#readOptions }).toString('utf8'), file);
    } catch (cause) {
      throw unreadable(file, cause);
    }
  }

  /**
   * @returns the bundle in a file
   * @throws {FlockError} naming the file: `data` if it is missing, damaged or no bundle, `permission` if others can read or write
   * it, `config` if it is encrypted and no known identity opens it
   */
  async read(file: string): Promise<KeyBundle> {
    await mustBeAlone(file);
    return this.#parse((await this.#open(file)).toString('utf8'), file);
  }

  #parse(text: string, file: string): KeyBundle {
    return parseKeyBundle(text, file, botOfBundle(file, this.#prefix));
  }

  get #readOptions(): Omit<PrivateFile, 'file'> {
    return { maxBytes: maxBundle, credentials: this.options.credentials };
  }

  /** The text of a valid bundle, decrypted. @throws {FlockError} as {@link read} */
  async text(file: string): Promise<Buffer> {
    const text = await this.#open(file);
    this.#parse(text.toString('utf8'), file);
    return text;
  }

  async #open(file: string): Promise<Buffer> {
    const stored = await this.stored(file);
    return isSealed(file) ? (await this.identity(file)).open(stored, file) : stored;
  }

  /** The bytes of a bundle's file, not decrypted. @throws {FlockError} `data` or `permission` */
  async stored(file: string): Promise<Buffer> {
    try {
      return await readPrivateFile({ file, ...this.#readOptions });
    } catch (cause) {
      throw unreadable(file, cause);
    }
  }

  /** The identity to open a file with. @throws {FlockError} `config` if none is known */
  async identity(file: string): Promise<Identity> {
    const { identityFile, credentials } = this.options;
    if (identityFile !== undefined) return readIdentity(identityFile, credentials);
    throw new FlockError('config', `${file}: it is encrypted, and no identity is known`, {
      hint: 'name the file of the identity with KEYMAKER_IDENTITY_FILE',
    });
  }

  /** The recipients whose files can be opened here; none without an identity. @throws {FlockError} as {@link identity} */
  async recipients(): Promise<string[]> {
    const { identityFile, credentials } = this.options;
    return identityFile === undefined ? [] : (await readIdentity(identityFile, credentials)).recipients();
  }

  /** A bot's bundle, or undefined if it has none. @throws {FlockError} as {@link read} */
  async readIfThere(bot: BotName): Promise<KeyBundle | undefined> {
    const file = await this.placeOf(bot);
    return (await fse.pathExists(file)) ? this.read(file) : undefined;
  }

  /** The bots of all valid bundles, by {@link accountKey}. @throws {FlockError} as {@link list} */
  async owners(): Promise<Map<string, BotName>> {
    const bundles = await pMap(await this.list(), ({ bot, file }) => this.#ownerOf(bot, file), {
      concurrency: 64,
    });
    return new Map(bundles.filter((entry) => entry !== undefined));
  }

  async #ownerOf(bot: BotName, file: string): Promise<[string, BotName] | undefined> {
    try {
      const { userId, provider } = await this.read(file);
      return userId === undefined ? undefined : [accountKey(userId, provider), bot];
    } catch (error) {
      if (error instanceof FlockError) return undefined;
      throw error;
    }
  }

  /** Renames a bundle, plain or encrypted, for another bot. @returns the new file @throws {FlockError} `cannotCreate` */
  async rename(file: string, to: BotName): Promise<string> {
    this.#mustBeWritable();
    const plain = this.fileOf(to);
    const renamed = isSealed(file) ? siblingOf(plain) : plain;
    await renameFile(file, renamed);
    return renamed;
  }

  /** Removes a bot's bundle durably. @throws {FlockError} `cannotCreate` if the folder cannot be written */
  async remove(bot: BotName): Promise<void> {
    await this.discard(await this.placeOf(bot));
  }

  /** Removes a file durably. @throws {FlockError} `cannotCreate` */
  async discard(file: string): Promise<void> {
    this.#mustBeWritable();
    await discardFile(file);
  }

  /**
   * Creates the folder if necessary, and checks that a bundle can be written there.
   *
   * @param bot - the bundle's bot: if its old bundle is encrypted, an identity must be known
   * @throws {FlockError} `cannotCreate`; `permission` if the folder belongs to another user; `config` if no identity is known
   */
  async prepare(bot?: BotName): Promise<void> {
    this.#mustBeWritable();
    await prepareFolder(this.folder);
    const place = bot && (await this.placeOf(bot));
    if (place !== undefined && isSealed(place)) await this.identity(place);
  }

  /**
   * Stores a bot's bundle, encrypted if the old one is. A crash at any moment leaves the old bundle or the new one.
   *
   * @throws {FlockError} `cannotCreate` if the folder cannot be written, and as {@link prepare}
   */
  async write(bot: BotName, bundle: KeyBundle): Promise<string> {
    await this.prepare();
    const file = await this.placeOf(bot);
    const text = Buffer.from(formatKeyBundle(bundle));
    // A bundle that could not be read again is not written.
    this.#parse(text.toString('utf8'), file);
    await this.put(
      file,
      isSealed(file) ? await seal(text, await (await this.identity(file)).recipients()) : text,
    );
    return file;
  }

  /** Replaces a file in a prepared folder. @throws {FlockError} `cannotCreate` */
  async put(file: string, content: Uint8Array): Promise<void> {
    this.#mustBeWritable();
    await putFile(file, content);
  }

  /** @throws {FlockError} `cannotCreate` if the bundles are systemd's credentials */
  #mustBeWritable(): void {
    if (!this.isReadOnly) return;
    throw new FlockError(
      'cannotCreate',
      `cannot write ${this.folder}: credentials of systemd are read-only`,
      {
        hint: 'name the folder that they come from (LoadCredential= in the unit) with --keys DIR, then restart the unit',
      },
    );
  }
}

/**
 * The names in a folder of bundles, sorted; none if the folder does not exist.
 *
 * @param isTrusted - skips the check of owner and mode, which systemd sets differently for its credentials
 * @throws {FlockError} `permission` if others can change the folder, `data` if it cannot be read
 */
async function namesIn(folder: string, { isTrusted }: { isTrusted: boolean }): Promise<string[]> {
  try {
    const fault = isTrusted ? undefined : faultOfFolder(folder, await stat(folder));
    if (fault) throw refusal(folder, fault);
    return (await namesOf(folder)).sort();
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    if (systemCode(cause) === 'ENOENT') return [];
    const exit = systemCode(cause) === 'EACCES' ? 'permission' : 'data';
    throw new FlockError(exit, `cannot read the keys folder ${folder}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Creates the folder if necessary, and checks that a bundle can be written there.
 *
 * @throws {FlockError} `cannotCreate`; `permission` if the folder belongs to another user
 */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    const status = await stat(folder);
    const { uid, gid } = status;
    const mode = isServing(status) ? 0o750 : 0o700;
    const fault = faultOfFolder(folder, { uid, gid, mode });
    if (fault) throw refusal(folder, fault);
    // A folder that git or a person created may be open to others.
    if ((status.mode & 0o777) !== mode) await fse.chmod(folder, mode);
    await fse.access(folder, constants.W_OK | constants.X_OK);
    await sweepTemporaries(folder);
  } catch (cause) {
    throw cannotWrite(folder, cause);
  }
}

/** Replaces a file, readable for the group that its folder serves, if any. @throws {FlockError} `cannotCreate` */
async function putFile(file: string, content: Uint8Array): Promise<void> {
  try {
    const folder = await stat(path.dirname(file));
    await replaceFile(file, content, isServing(folder) ? { group: folder.gid } : undefined);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Removes a file durably. @throws {FlockError} `cannotCreate` */
async function discardFile(file: string): Promise<void> {
  try {
    await rm(file);
    await syncFolder(path.dirname(file));
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Renames a file durably. @throws {FlockError} `cannotCreate` */
async function renameFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    await syncFolder(path.dirname(to));
  } catch (cause) {
    throw cannotWrite(to, cause);
  }
}

function cannotWrite(place: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  return new FlockError('cannotCreate', `cannot write ${place}: ${reasonOf(cause)}`, {
    hint: 'check who owns the keys folder and whether the disk is full, or name another folder with --keys DIR',
    cause,
  });
}

function unreadable(file: string, cause: unknown): FlockError {
  if (cause instanceof FlockError) return cause;
  const hint = 'a key bundle is a small file of your own';
  return new FlockError('data', `${file}: cannot be read: ${reasonOf(cause)}`, { hint, cause });
}

const rivals = (bot: BotName, file: string, rival: string): FlockError =>
  new FlockError('data', `${rival} and ${path.basename(file)} are both the bundle of ${bot}`, {
    hint: 'keep the right one and remove the other',
  });

/** @throws {FlockError} `data` if a bundle exists both plain and encrypted */
async function mustBeAlone(file: string): Promise<void> {
  const sibling = siblingOf(file);
  if (!(await fse.pathExists(sibling)) || !(await fse.pathExists(file))) return;
  const [plain, encrypted] = isSealed(file) ? [sibling, file] : [file, sibling];
  throw new FlockError('data', `${plain} and ${path.basename(encrypted)} are both there`, {
    hint: 'keymaker encrypt --identity FILE removes the plain one if both hold the same key; otherwise remove the wrong one',
  });
}

/** How long a folder must be unchanged before it is read. Milliseconds. */
const debounceDelay = 100;

/** How often to check that the folder is still the same one, which a watcher does not report. Milliseconds. */
const folderCheckInterval = 5_000;

/**
 * Calls `changed` after the bundles in a folder changed, or the folder itself was removed or put back.
 *
 * @returns stops watching
 */
export function watchKeys(
  folder: string,
  changed: () => void,
  watchFolder: WatchFolder = folderWatcher(),
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopWatching: () => void = () => undefined;
  let watched: number | undefined;
  let begun = false;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, debounceDelay);
  };
  const look = (): void => {
    const folderNow = statSync(folder, { throwIfNoEntry: false })?.ino;
    if (folderNow === watched) return;
    if (begun) soon();
    stopWatching();
    watched = folderNow;
    stopWatching =
      folderNow === undefined
        ? () => undefined
        : watchFolder(folder, (name) => {
            // Temporary files have hidden names.
            if (name?.startsWith('.') !== true) soon();
          });
  };
  look();
  begun = true;
  const looking = setInterval(look, folderCheckInterval);
  return () => {
    clearTimeout(timer);
    clearInterval(looking);
    stopWatching();
  };
}

/** How bundles are encrypted. */
export interface Sealing {
  recipients: readonly string[];
  /** If it is given, a plain bundle is removed only after this identity has opened the encrypted one. */
  identity: Identity | undefined;
}

/**
 * Encrypts a bot's bundle. The plain file is removed once the encrypted one is safe on the disk.
 *
 * @returns the encrypted file; undefined if the bundle was encrypted before
 * @throws {FlockError} as {@link KeyStore.read} and {@link KeyStore.put}; `config` if the identity does not open the result
 */
export async function encryptBundle(
  bot: BotName,
  keys: KeyStore,
  { recipients, identity }: Sealing,
): Promise<string | undefined> {
  const plain = keys.fileOf(bot);
  const sealed = siblingOf(plain);
  if (await fse.pathExists(sealed))
    return (await reconciled(plain, sealed, keys, identity)) ? sealed : undefined;
  const text = await keys.text(plain);
  const bytes = await seal(text, recipients);
  // Checked before it is written, and again as read from the disk.
  await mustDecryptTo(bytes, text, { file: sealed, identity });
  await keys.put(sealed, bytes);
  await mustDecryptTo(await keys.stored(sealed), text, { file: sealed, identity });
  await keys.discard(plain);
  return sealed;
}

/**
 * Replaces a bot's encrypted bundle by a plain one.
 *
 * @returns the plain file; undefined if the bundle was plain before
 * @throws {FlockError} as {@link KeyStore.read} and {@link KeyStore.put}
 */
export async function decryptBundle(
  bot: BotName,
  keys: KeyStore,
  identity: Identity,
): Promise<string | undefined> {
  const plain = keys.fileOf(bot);
  const sealed = siblingOf(plain);
  if (!(await fse.pathExists(sealed))) return undefined;
  const text = await identity.open(await keys.stored(sealed), sealed);
  if (await fse.pathExists(plain)) await mustHold(plain, text, sealed, keys);
  else await keys.put(plain, text);
  await keys.discard(sealed);
  return plain;
}

/** Finishes an interrupted encryption, which leaves both files: removes the plain one if both hold the same. @returns whether it did */
async function reconciled(
  plain: string,
  sealed: string,
  keys: KeyStore,
  identity: Identity | undefined,
): Promise<boolean> {
  if (!(await fse.pathExists(plain))) return false;
  // Without an identity they cannot be compared: reading throws an error that names both.
  if (!identity) await keys.read(sealed);
  else await mustHold(plain, await identity.open(await keys.stored(sealed), sealed), sealed, keys);
  await keys.discard(plain);
  return true;
}

/** @throws {FlockError} `data` if the plain file holds another text than the encrypted one */
async function mustHold(plain: string, text: Buffer, sealed: string, keys: KeyStore): Promise<void> {
  if ((await keys.stored(plain)).equals(text)) return;
  throw new FlockError('data', `${plain} and ${sealed} hold different keys`, {
    hint: 'keymaker list shows whose they are, one at a time; remove the wrong one',
  });
}

/** @throws {FlockError} `io` if the identity, where there is one, does not decrypt the bytes to the text */
async function mustDecryptTo(
  bytes: Buffer,
  text: Buffer,
  { file, identity }: { file: string; identity: Identity | undefined },
): Promise<void> {
  if (!identity || (await identity.open(bytes, file)).equals(text)) return;
  throw new FlockError('io', `${file}: does not decrypt to the plain bundle, which stays`);
}
