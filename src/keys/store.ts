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

/**
 * What is in a folder of bundles, sorted; nothing where there is no folder yet.
 *
 * @param isTrusted - whether its modes say nothing, as those of systemd's credentials
 * @throws {FlockError} `permission` where others can change the folder, `data` where it cannot be read
 */
async function namesIn(folder: string, isTrusted: boolean): Promise<string[]> {
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
 * Makes the folder, and proves that a bundle could be written there.
 *
 * @throws {FlockError} `cannotCreate`; `permission` where the folder is somebody else's
 */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await fse.ensureDir(folder, { mode: 0o700 });
    const status = await stat(folder);
    const { uid, gid } = status;
    const mode = isServing(status) ? 0o750 : 0o700;
    const fault = faultOfFolder(folder, { uid, gid, mode });
    if (fault) throw refusal(folder, fault);
    // It may have been made by git or by hand, open to everybody.
    if ((status.mode & 0o777) !== mode) await fse.chmod(folder, mode);
    await fse.access(folder, constants.W_OK | constants.X_OK);
    await sweepTemporaries(folder);
  } catch (cause) {
    throw cannotWrite(folder, cause);
  }
}

/** Puts a content in the place of a file, for those who may read what is in its folder. @throws {FlockError} `cannotCreate` */
async function putFile(file: string, content: Uint8Array): Promise<void> {
  try {
    const folder = await stat(path.dirname(file));
    await replaceFile(file, content, isServing(folder) ? { group: folder.gid } : undefined);
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Takes a file away for good. @throws {FlockError} `cannotCreate` */
async function discardFile(file: string): Promise<void> {
  try {
    await rm(file);
    await syncFolder(path.dirname(file));
  } catch (cause) {
    throw cannotWrite(file, cause);
  }
}

/** Gives a file another name, for good. @throws {FlockError} `cannotCreate` */
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
    hint: 'check who owns the keys folder and whether the disk is full, or give another with --keys DIR',
    cause,
  });
}

/** A bundle is a few hundred bytes; what is larger is something else. */
const maxBundle = 64 * 1024;

interface KeyStoreOptions {
  /** systemd's folder of credentials: nothing in it can be written. It may be the keys folder itself. */
  credentials?: string | undefined;
  /** Where the identity is that opens encrypted bundles. */
  identityFile?: string | undefined;
  /** The names of the bots in the ledger: a bundle that had another name by an older rule keeps the one that is there. */
  botsInLedger?: () => Promise<ReadonlySet<string>>;
}

/** A bundle that is in the folder. */
export interface ListedBundle {
  bot: BotName;
  file: string;
  /** Its encrypted self is there, too. */
  isTwin: boolean;
  /** Another file that is the bundle of the same bot, where there is one. */
  rival?: string;
}

/**
 * The key bundles of a flock: `keys/<bot>.json`, each 0600 in a 0700 folder, replaced as a whole or not at all. Those called
 * `<bot>.json.age` are encrypted, and stay so.
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

  /** Whether systemd has put the bundles there, for reading alone. */
  get isReadOnly(): boolean {
    return this.#prefix !== '';
  }

  /** Where a bot's bundle is, or would be, where it is not encrypted. */
  fileOf(bot: BotName): string {
    return path.join(this.folder, `${this.#prefix}${bot}.json`);
  }

  /** Where a bot's bundle is, encrypted or not, or would be. @throws {FlockError} `data` where it is both */
  async placeOf(bot: BotName): Promise<string> {
    const plain = this.fileOf(bot);
    if (await fse.pathExists(siblingOf(plain))) {
      await mustBeAlone(siblingOf(plain));
      return siblingOf(plain);
    }
    if (await fse.pathExists(plain)) return plain;
    const elsewhere = (await this.#otherNames()).get(bot);
    return elsewhere !== undefined && (await fse.pathExists(elsewhere)) ? elsewhere : plain;
  }

  /** The files of bundles that a person called otherwise than their bots: `Howl.json`. They are looked for once. */
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

  /** The names of the bots in the flock's ledger, where that is known. */
  async botsInLedger(): Promise<ReadonlySet<string>> {
    return (await this.options.botsInLedger?.()) ?? new Set();
  }

  /**
   * The bots that have a bundle, good or bad, sorted by the names of their files; none where there is no folder yet.
   *
   * @throws {FlockError} `permission` where others can change the folder, `data` where it cannot be read
   */
  async list(): Promise<ListedBundle[]> {
    const found = new Map<BotName, ListedBundle>();
    for (const [name, bot] of await this.#named(await namesIn(this.folder, this.isReadOnly))) {
      const file = path.join(this.folder, name);
      const other = found.get(bot);
      // Two bundles of one bot stop that bot only, when they are read.
      if (!other) found.set(bot, { bot, file, isTwin: false });
      else if (siblingOf(other.file) === file) found.set(bot, { ...other, file, isTwin: true });
      else found.set(bot, { ...other, file, rival: other.file });
    }
    return [...found.values()];
  }

  /** The bot of each file that is a bundle. The ledger is asked only where an older rule gave one of them another name. */
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
   * The same as {@link read} for one of many, which is read at once: to wait for so small a file takes longer than to read it.
   *
   * @throws {FlockError} as {@link read}
   */
  async readListed({ bot, file, isTwin, rival }: ListedBundle): Promise<KeyBundle> {
    if (rival !== undefined) throw rivals(bot, file, rival);
    if (isTwin || isSealed(file)) return this.read(file);
    try {
      return this.#parse(readPrivateFileSync({ file, ...this.#rule }).toString('utf8'), file);
    } catch (cause) {
      throw unreadable(file, cause);
    }
  }

  /**
   * @returns the bundle in a file
   * @throws {FlockError} naming the file: `data` for a missing, damaged or foreign bundle, `permission` for one that others can
   * get at, `config` for an encrypted one that no known identity opens
   */
  async read(file: string): Promise<KeyBundle> {
    await mustBeAlone(file);
    return this.#parse((await this.#open(file)).toString('utf8'), file);
  }

  #parse(text: string, file: string): KeyBundle {
    return parseKeyBundle(text, file, botOfBundle(file, this.#prefix));
  }

  /** How a bundle may be read. */
  get #rule(): Omit<PrivateFile, 'file'> {
    return { largest: maxBundle, credentials: this.options.credentials };
  }

  /** A good bundle as its maker wrote it, decrypted. @throws {FlockError} as {@link read} */
  async text(file: string): Promise<Buffer> {
    const text = await this.#open(file);
    this.#parse(text.toString('utf8'), file);
    return text;
  }

  async #open(file: string): Promise<Buffer> {
    const stored = await this.stored(file);
    return isSealed(file) ? (await this.identity(file)).open(stored, file) : stored;
  }

  /** What is in the file of a bundle, encrypted or not. @throws {FlockError} `data` or `permission` */
  async stored(file: string): Promise<Buffer> {
    try {
      return await readPrivateFile({ file, ...this.#rule });
    } catch (cause) {
      throw unreadable(file, cause);
    }
  }

  /** The identity that opens a file. @throws {FlockError} `config` where none is known */
  async identity(file: string): Promise<Identity> {
    const { identityFile, credentials } = this.options;
    if (identityFile !== undefined) return readIdentity(identityFile, credentials);
    throw new FlockError('config', `${file}: it is encrypted, and no identity is known`, {
      hint: 'name the file of the identity with KEYMAKER_IDENTITY_FILE',
    });
  }

  /** To whom a bundle may be encrypted so that it can be opened here; nobody where no identity is known. @throws {FlockError} */
  async recipients(): Promise<string[]> {
    const { identityFile, credentials } = this.options;
    return identityFile === undefined ? [] : (await readIdentity(identityFile, credentials)).recipients();
  }

  /** The bot's bundle, or undefined where it has none. @throws {FlockError} as {@link read} */
  async readIfThere(bot: BotName): Promise<KeyBundle | undefined> {
    const file = await this.placeOf(bot);
    return (await fse.pathExists(file)) ? this.read(file) : undefined;
  }

  /** The bots of all good bundles by their {@link accountKey}. @throws {FlockError} as {@link list} */
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

  /** Gives the bundle in a file, encrypted or not, another bot's name. @returns the new file @throws {FlockError} `cannotCreate` */
  async rename(file: string, to: BotName): Promise<string> {
    this.#mustBeWritable();
    const plain = this.fileOf(to);
    const renamed = isSealed(file) ? siblingOf(plain) : plain;
    await renameFile(file, renamed);
    return renamed;
  }

  /** Takes a bot's bundle away for good. @throws {FlockError} `cannotCreate` where the folder cannot be written */
  async remove(bot: BotName): Promise<void> {
    await this.discard(await this.placeOf(bot));
  }

  /** Takes a file away for good. @throws {FlockError} `cannotCreate` */
  async discard(file: string): Promise<void> {
    this.#mustBeWritable();
    await discardFile(file);
  }

  /**
   * Makes the folder, and proves that a bundle could be written there.
   *
   * @param bot - whose bundle; where it is encrypted, a new one must be too
   * @throws {FlockError} `cannotCreate`; `permission` where the folder is somebody else's; `config` where no identity is known
   */
  async prepare(bot?: BotName): Promise<void> {
    this.#mustBeWritable();
    await prepareFolder(this.folder);
    const place = bot && (await this.placeOf(bot));
    if (place !== undefined && isSealed(place)) await this.identity(place);
  }

  /**
   * Stores a bot's bundle, encrypted where the old one is. A crash at any moment leaves the old bundle or the new one.
   *
   * @throws {FlockError} `cannotCreate` where the folder cannot be written, and as {@link prepare}
   */
  async write(bot: BotName, bundle: KeyBundle): Promise<string> {
    await this.prepare();
    const file = await this.placeOf(bot);
    const text = Buffer.from(formatKeyBundle(bundle));
    // What could not be read again is not written.
    this.#parse(text.toString('utf8'), file);
    await this.put(
      file,
      isSealed(file) ? await seal(text, await (await this.identity(file)).recipients()) : text,
    );
    return file;
  }

  /** Puts a content in the place of a file, in a folder that is prepared. @throws {FlockError} `cannotCreate` */
  async put(file: string, content: Uint8Array): Promise<void> {
    this.#mustBeWritable();
    await putFile(file, content);
  }

  /** @throws {FlockError} `cannotCreate` where the bundles are credentials */
  #mustBeWritable(): void {
    if (!this.isReadOnly) return;
    throw new FlockError(
      'cannotCreate',
      `cannot write ${this.folder}: credentials of systemd are for reading`,
      {
        hint: 'give the folder that they come from (LoadCredential= in the unit) with --keys DIR, then restart the unit',
      },
    );
  }
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

/** @throws {FlockError} `data` where a bundle stands beside its encrypted self */
async function mustBeAlone(file: string): Promise<void> {
  const twin = siblingOf(file);
  if (!(await fse.pathExists(twin)) || !(await fse.pathExists(file))) return;
  const [plain, encrypted] = isSealed(file) ? [twin, file] : [file, twin];
  throw new FlockError('data', `${plain} and ${path.basename(encrypted)} are both there`, {
    hint: 'keymaker encrypt --identity FILE removes the plain one where both hold the same key; otherwise remove the wrong one',
  });
}

/** How long a folder must be quiet after a change before it is read. Milliseconds. */
const quiet = 100;

/** How often it is looked whether the folder is still the same one, which no watcher tells. Milliseconds. */
const lookAgain = 5_000;

/**
 * Calls `changed` after the bundles in a folder changed, also when the folder itself was removed or put back.
 *
 * @returns the way to stop
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
    timer = setTimeout(changed, quiet);
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
            // A bundle is first written under a hidden name, which is nobody's yet.
            if (name?.startsWith('.') !== true) soon();
          });
  };
  look();
  begun = true;
  const looking = setInterval(look, lookAgain);
  return () => {
    clearTimeout(timer);
    clearInterval(looking);
    stopWatching();
  };
}

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
  const sealed = siblingOf(plain);
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
  const sealed = siblingOf(plain);
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
