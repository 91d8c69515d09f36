import { constants } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import fse from 'fs-extra';
import pMap from 'p-map';
import { FlockError, systemCode } from '../errors.ts';
import { readRegularFile, reasonOf, replaceFile, syncFolder } from '../files.ts';
import { botNameOf, type BotName } from '../flock/bot.ts';
import { accountKey, formatKeyBundle, parseKeyBundle, type KeyBundle } from './key-bundle.ts';

/** A bundle is a few hundred bytes; what is larger is something else. */
const largestBundle = 64 * 1024;

/** The key bundles of a flock: `keys/<bot>.json`, each 0600 in a 0700 folder, replaced as a whole or not at all. */
export class KeyStore {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Where a bot's bundle is, or would be. */
  fileOf(bot: BotName): string {
    return path.join(this.folder, `${bot}.json`);
  }

  /**
   * The bots that have a bundle, good or bad, sorted by name; none where there is no folder yet.
   *
   * @throws {FlockError} `data` where the folder cannot be read or two files belong to one bot
   */
  async list(): Promise<{ bot: BotName; file: string }[]> {
    const names = await readdir(this.folder).catch((cause: unknown) => {
      if (systemCode(cause) === 'ENOENT') return [];
      throw new FlockError('data', `cannot read the keys folder ${this.folder}: ${reasonOf(cause)}`, {
        cause,
      });
    });
    const found = new Map<BotName, string>();
    for (const name of names.sort()) {
      if (!name.endsWith('.json') || name.startsWith('.')) continue;
      const bot = botNameOf(name, '.json');
      const twin = found.get(bot);
      if (twin !== undefined) {
        throw new FlockError('data', `${this.folder}: ${twin} and ${name} are both the bundle of ${bot}`, {
          hint: 'keep the right one and remove the other',
        });
      }
      found.set(bot, name);
    }
    return Array.from(found, ([bot, name]) => ({ bot, file: path.join(this.folder, name) }));
  }

  /**
   * @returns the bundle in a file
   * @throws {FlockError} `data`, naming the file, for a missing, damaged or foreign bundle
   */
  async read(file: string): Promise<KeyBundle> {
    return parseKeyBundle(await readText(file), file);
  }

  /** The bot's bundle, or undefined where it has none. @throws {FlockError} as {@link read} */
  async readIfThere(bot: BotName): Promise<KeyBundle | undefined> {
    const file = this.fileOf(bot);
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

  /** Takes a bot's bundle away for good. @throws {FlockError} `cannotCreate` where the folder cannot be written */
  async remove(bot: BotName): Promise<void> {
    const file = this.fileOf(bot);
    try {
      await rm(file);
      await syncFolder(this.folder);
    } catch (cause) {
      throw cannotWrite(file, cause);
    }
  }

  /** Makes the folder, and proves that a bundle could be written there. @throws {FlockError} `cannotCreate` */
  async prepare(): Promise<void> {
    try {
      await fse.ensureDir(this.folder, { mode: 0o700 });
      // It may have been made by git or by hand, open to everybody.
      await fse.chmod(this.folder, 0o700);
      await fse.access(this.folder, constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw cannotWrite(this.folder, cause);
    }
  }

  /**
   * Stores a bot's bundle. A crash at any moment leaves the old bundle or the new one.
   *
   * @throws {FlockError} `cannotCreate` where the folder cannot be written
   */
  async write(bot: BotName, bundle: KeyBundle): Promise<string> {
    await this.prepare();
    const file = this.fileOf(bot);
    try {
      await replaceFile(file, formatKeyBundle(bundle));
    } catch (cause) {
      throw cannotWrite(file, cause);
    }
    return file;
  }
}

async function readText(file: string): Promise<string> {
  try {
    return (await readRegularFile(file, largestBundle)).toString('utf8');
  } catch (cause) {
    throw new FlockError('data', `${file}: cannot be read: ${reasonOf(cause)}`, {
      hint: 'a key bundle is a small file of your own',
      cause,
    });
  }
}

function cannotWrite(place: string, cause: unknown): FlockError {
  return new FlockError('cannotCreate', `cannot write ${place}: ${reasonOf(cause)}`, {
    hint: 'check who owns the keys folder and whether the disk is full, or give another with --keys DIR',
    cause,
  });
}
