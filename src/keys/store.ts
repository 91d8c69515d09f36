import { existsSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { attemptAsync, FlockError, systemCode } from '../errors.ts';
import { fileError, namesOf, syncFolder } from '../fs.ts';
import { accountKey } from '../networks/networks.ts';
import { type BotName, isBotName, namesOfBundle } from '../poems/bot-name.ts';
import { writtenAt } from '../poems/find.ts';
import { grouped } from '../text.ts';
import { folderWatcher, type WatchFolder } from '../watch.ts';
import { type Identity, readIdentity, seal } from './age.ts';
import { formatKeyBundle, type KeyBundle, parseKeyBundle } from './bundle.ts';
import { checkFolder, prepareFolder, readPrivateFile, writePrivateFile } from './private-file.ts';

/*
 * Key bundles on the disk: the names of their files, and the folder that holds them.
 */

/** The suffix of an encrypted bundle's name. */
const sealedEnding = '.age';

/** The prefix that systemd gives the files of a folder in `LoadCredential=keys:…`. */
export const credentialPrefix = 'keys_';

/** Whether a bundle is encrypted, by its name. */
export const isSealed = (file: string): boolean => file.endsWith(`.json${sealedEnding}`);

/** The file of the other form of a bundle: encrypted for a plain one, plain for an encrypted one. */
const siblingOf = (file: string): string =>
  isSealed(file) ? file.slice(0, -sealedEnding.length) : file + sealedEnding;

/** The bot of a bundle, by the file's name; undefined if the name is not that of a bundle. */
export const botOfBundle = (file: string, prefix = ''): BotName | undefined =>
  botsOfBundle(file, prefix)?.[0];

/** The same, and the bot's name by the older rule, which the ledger may have. */
function botsOfBundle(file: string, prefix = ''): [name: BotName, former: BotName] | undefined {
  const name = path.basename(file);
  const plain = isSealed(name) ? siblingOf(name) : name;
  if (!plain.endsWith('.json') || plain.startsWith('.') || !plain.startsWith(prefix)) return undefined;
  return namesOfBundle(plain.slice(prefix.length));
}

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
    const plain = await this.#plainOf(bot);
    mustBeAlone(plain);
    return existsSync(siblingOf(plain)) ? siblingOf(plain) : plain;
  }

  /** When a bot's bundle was written, or undefined if it has none that can be found. Milliseconds since 1970. */
  async changedAt(name: string): Promise<number | undefined> {
    if (!isBotName(name)) return undefined;
    const found = await attemptAsync(this.placeOf(name));
    return found instanceof FlockError ? undefined : writtenAt(found);
  }

  /** The path of a bot's bundle when it is plain. A file whose name differs from its bot's, such as `Howl.json`, keeps it. */
  async #plainOf(bot: BotName): Promise<string> {
    const usual = this.fileOf(bot);
    const isThere = (plain: string): boolean => existsSync(plain) || existsSync(siblingOf(plain));
    const other = isThere(usual) ? undefined : (await this.#otherNames()).get(bot);
    return other !== undefined && isThere(other) ? other : usual;
  }

  /** The bundles whose names differ from their bots', by the paths they have when they are plain. The folder is searched once. */
  #otherNames(): Promise<ReadonlyMap<BotName, string>> {
    return (this.#other ??= attemptAsync(this.list()).then((listed) => {
      if (listed instanceof FlockError) return new Map();
      return new Map(listed.map(({ bot, file }) => [bot, isSealed(file) ? siblingOf(file) : file]));
    }));
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
    for (const [name, bot] of await this.#named(await this.#names())) {
      const file = path.join(this.folder, name);
      const other = found.get(bot);
      // Two bundles of one bot stop that bot only, so the error comes when they are read.
      if (!other || siblingOf(other.file) === file) found.set(bot, bundleAt(bot, file));
      else found.set(bot, { ...other, file, rival: other.file });
    }
    return [...found.values()];
  }

  /** The names in the folder, sorted; none if it does not exist. @throws {FlockError} as {@link list} */
  async #names(): Promise<string[]> {
    try {
      // systemd sets owner and mode of its credentials differently.
      if (!this.isReadOnly) await checkFolder(this.folder);
      return (await namesOf(this.folder)).sort();
    } catch (cause) {
      if (systemCode(cause) === 'ENOENT') return [];
      const exit = systemCode(cause) === 'EACCES' ? 'permission' : 'data';
      throw fileError(cause, exit, `cannot read the keys folder ${this.folder}`);
    }
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

  /** A listed bundle. @throws {FlockError} as {@link read} */
  async readListed({ bot, file, rival }: ListedBundle): Promise<KeyBundle> {
    if (rival === undefined) return this.read(file);
    const message = `${rival} and ${path.basename(file)} are both the bundle of ${bot}`;
    throw new FlockError('data', message, { hint: 'keep the right one and remove the other' });
  }

  /**
   * The bundle in a file.
   *
   * @throws {FlockError} naming the file: `data` if it is missing, damaged or no bundle, or exists both plain and encrypted;
   * `permission` if others can read or write it; `config` if it is encrypted and no known identity opens it
   */
  async read(file: string): Promise<KeyBundle> {
    mustBeAlone(file);
    const stored = this.#stored(file);
    return this.#parse(isSealed(file) ? await (await this.#identity(file)).open(stored, file) : stored, file);
  }

  #parse(text: Buffer, file: string): KeyBundle {
    return parseKeyBundle(text.toString('utf8'), file, botOfBundle(file, this.#prefix));
  }

  /** The bytes of a bundle's file, not decrypted. @throws {FlockError} `data` or `permission` */
  #stored(file: string): Buffer {
    const hint = 'a key bundle is a small file of your own';
    const failure = { exit: 'data', message: `${file}: cannot be read`, hint } as const;
    return readPrivateFile(file, failure, this.options.credentials);
  }

  /** The identity to open a file with. @throws {FlockError} `config` if none is known */
  async #identity(file: string): Promise<Identity> {
    const { identityFile, credentials } = this.options;
    if (identityFile !== undefined) return readIdentity(identityFile, credentials);
    const hint = 'name the file of the identity with KEYMAKER_IDENTITY_FILE';
    throw new FlockError('config', `${file}: it is encrypted, and no identity is known`, { hint });
  }

  /** The recipients whose files can be opened here; none without an identity. @throws {FlockError} as {@link readIdentity} */
  async recipients(): Promise<string[]> {
    const { identityFile, credentials } = this.options;
    return identityFile === undefined ? [] : (await readIdentity(identityFile, credentials)).recipients();
  }

  /** A bot's bundle, or undefined if it has none. @throws {FlockError} as {@link read} */
  async readIfThere(bot: BotName): Promise<KeyBundle | undefined> {
    const file = await this.placeOf(bot);
    return existsSync(file) ? this.read(file) : undefined;
  }

  /**
   * A bot's valid bundle, if any. A damaged one, which will be replaced, counts as none.
   *
   * @throws {FlockError} if it may be valid and cannot be read: `permission` and `config`
   */
  async readIfGood(bot: BotName, isDamaged?: (error: FlockError) => void): Promise<KeyBundle | undefined> {
    const found = await attemptAsync(this.readIfThere(bot));
    if (!(found instanceof FlockError)) return found;
    if (found.exit !== 'data') throw found;
    isDamaged?.(found);
    return undefined;
  }

  /** The bots of all valid bundles, by {@link accountKey}. @throws {FlockError} as {@link list} */
  async owners(): Promise<Map<string, BotName>> {
    const owners = new Map<string, BotName>();
    for (const { bot, file } of await this.list()) {
      const bundle = await attemptAsync(this.read(file));
      if (bundle instanceof FlockError || bundle.userId === undefined) continue;
      owners.set(accountKey(bundle.userId, bundle), bot);
    }
    return owners;
  }

  /** Renames a bundle, plain or encrypted, for another bot, durably. @throws {FlockError} `cannotCreate` */
  async rename(file: string, to: BotName): Promise<void> {
    const plain = this.fileOf(to);
    const renamed = isSealed(file) ? siblingOf(plain) : plain;
    await this.#change(renamed, async () => {
      await rename(file, renamed);
      await syncFolder(this.folder);
    });
  }

  /** Removes a bot's bundle durably. @throws {FlockError} `cannotCreate` if the folder cannot be written */
  async remove(bot: BotName): Promise<void> {
    await this.#discard(await this.placeOf(bot));
  }

  /**
   * Creates the folder if necessary, and checks that a bundle can be written there.
   *
   * @param bot - the bundle's bot: if its old bundle is encrypted, an identity must be known
   * @throws {FlockError} `cannotCreate`; `permission` if the folder belongs to another user; `config` if no identity is known
   */
  async prepare(bot?: BotName): Promise<void> {
    await this.#change(this.folder, () => prepareFolder(this.folder));
    const place = bot && (await this.placeOf(bot));
    if (place !== undefined && isSealed(place)) await this.#identity(place);
  }

  /**
   * Stores a bot's bundle, encrypted if the old one is. A crash at any moment leaves the old bundle or the new one.
   *
   * @returns its file
   * @throws {FlockError} `cannotCreate` if the folder cannot be written, and as {@link prepare}
   */
  async write(bot: BotName, bundle: KeyBundle): Promise<string> {
    await this.prepare();
    const file = await this.placeOf(bot);
    const text = Buffer.from(formatKeyBundle(bundle));
    // A bundle that could not be read again is not written.
    this.#parse(text, file);
    const recipients = isSealed(file) ? await (await this.#identity(file)).recipients() : [];
    await this.#put(file, isSealed(file) ? await seal(text, recipients) : text);
    return file;
  }

  #put(file: string, content: Uint8Array): Promise<void> {
    return this.#change(file, () => writePrivateFile(file, content));
  }

  #discard(file: string): Promise<void> {
    return this.#change(file, async () => {
      await rm(file);
      await syncFolder(this.folder);
    });
  }

  /** @throws {FlockError} `cannotCreate` if the bundles are systemd's credentials, or the change fails */
  async #change(place: string, act: () => Promise<void>): Promise<void> {
    if (this.isReadOnly) {
      const hint =
        'name the folder that they come from (LoadCredential= in the unit) with --keys DIR, then restart the unit';
      const why = `cannot write ${this.folder}: credentials of systemd are read-only`;
      throw new FlockError('cannotCreate', why, { hint });
    }
    await act().catch((cause: unknown) => {
      const hint =
        'check who owns the keys folder and whether the disk is full, or name another folder with --keys DIR';
      throw fileError(cause, 'cannotCreate', `cannot write ${place}`, hint);
    });
  }

  /**
   * Encrypts a bot's bundle. The plain file is removed once the encrypted one is safe on the disk. An interrupted encryption,
   * which leaves both files, is finished.
   *
   * @param identity - if it is given, the plain file is removed only after it has opened the encrypted one
   * @returns the encrypted file; undefined if the bundle was encrypted before
   * @throws {FlockError} as {@link read} and {@link write}; `data` if both files exist and differ; `io` if the identity does not
   * open the result
   */
  async encrypt(
    bot: BotName,
    { recipients, identity }: { recipients: readonly string[]; identity: Identity | undefined },
  ): Promise<string | undefined> {
    const plain = await this.#plainOf(bot);
    const sealed = siblingOf(plain);
    if (existsSync(sealed)) {
      if (!existsSync(plain)) return undefined;
      // Without an identity they cannot be compared.
      if (!identity) mustBeAlone(sealed);
      else await this.#mustAgree(plain, sealed, identity);
    } else {
      const text = this.#stored(plain);
      this.#parse(text, plain);
      const bytes = await seal(text, recipients);
      const mustOpen = async (stored: Buffer): Promise<void> => {
        if (!identity || (await identity.open(stored, sealed)).equals(text)) return;
        throw new FlockError('io', `${sealed}: does not decrypt to the plain bundle, which stays`);
      };
      // Checked before it is written, and again as read from the disk.
      await mustOpen(bytes);
      await this.#put(sealed, bytes);
      await mustOpen(this.#stored(sealed));
    }
    await this.#discard(plain);
    return sealed;
  }

  /**
   * Replaces a bot's encrypted bundle by a plain one.
   *
   * @returns the plain file; undefined if the bundle was plain before
   * @throws {FlockError} as {@link read} and {@link write}; `data` if both files exist and differ
   */
  async decrypt(bot: BotName, identity: Identity): Promise<string | undefined> {
    const plain = await this.#plainOf(bot);
    const sealed = siblingOf(plain);
    if (!existsSync(sealed)) return undefined;
    if (existsSync(plain)) await this.#mustAgree(plain, sealed, identity);
    else await this.#put(plain, await identity.open(this.#stored(sealed), sealed));
    await this.#discard(sealed);
    return plain;
  }

  /** @throws {FlockError} `data` if the plain file holds another text than the encrypted one */
  async #mustAgree(plain: string, sealed: string, identity: Identity): Promise<void> {
    const text = await identity.open(this.#stored(sealed), sealed);
    if (this.#stored(plain).equals(text)) return;
    throw new FlockError('data', `${plain} and ${sealed} hold different keys`, {
      hint: 'keymaker list shows whose they are, one at a time; remove the wrong one',
    });
  }
}

/** Looks for the other form when it is asked for, because a bundle may be encrypted after it was listed. */
const bundleAt = (bot: BotName, file: string): ListedBundle => ({
  bot,
  file,
  get hasSibling() {
    return existsSync(siblingOf(file));
  },
});

/** @throws {FlockError} `data` if a bundle exists both plain and encrypted */
function mustBeAlone(file: string): void {
  const sibling = siblingOf(file);
  if (!existsSync(sibling) || !existsSync(file)) return;
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
    stopWatching = () => undefined;
    if (folderNow === undefined) return;
    stopWatching = watchFolder(folder, (name) => {
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
