import path from 'node:path';
import fse from 'fs-extra';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import type { BotName } from '../flock/bot.ts';
import { reasonOf, replaceFile } from '../fs.ts';
import { readPrivateFile } from './private-file.ts';
import { TokenPair } from './token-pair.ts';

/** An authorization that was begun and waits for its PIN. */
export interface Pending {
  /** The provider's id. */
  provider: string;
  requestToken: TokenPair;
  /** From when on the provider will not know it any more. Milliseconds since 1970. */
  expires: number;
  /** The poem's path as the bundle is to have it. */
  poemFile: string | undefined;
}

const stored = z.object({
  provider: z.string(),
  oauth_token: z.string().min(1),
  oauth_token_secret: z.string().min(1),
  expires: z.iso.datetime(),
  poem_file: z.string().optional(),
});

const largest = 64 * 1024;

/** What is pending in a keys folder: `.<bot>.pending`, 0600, one for each bot, which no program takes for a bundle. */
export class PendingStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #fileOf(bot: BotName): string {
    return path.join(this.#folder, `.${bot}.pending`);
  }

  /** @throws {FlockError} `cannotCreate` where the folder cannot be written */
  async write(bot: BotName, { provider, requestToken, expires, poemFile }: Pending): Promise<void> {
    const { token, secret } = requestToken.reveal();
    const fields = {
      provider,
      oauth_token: token,
      oauth_token_secret: secret,
      expires: new Date(expires).toISOString(),
      poem_file: poemFile,
    };
    try {
      await replaceFile(this.#fileOf(bot), `${JSON.stringify(fields)}\n`);
    } catch (cause) {
      throw new FlockError('cannotCreate', `cannot write ${this.#fileOf(bot)}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  /** @returns what is pending for a bot, or undefined; what cannot be read is as good as nothing */
  async read(bot: BotName): Promise<Pending | undefined> {
    const found = stored.safeParse(parseQuietly(await this.#text(bot)));
    if (!found.success) return undefined;
    const { provider, oauth_token, oauth_token_secret, expires, poem_file } = found.data;
    return {
      provider,
      requestToken: new TokenPair(oauth_token, oauth_token_secret),
      expires: Date.parse(expires),
      poemFile: poem_file,
    };
  }

  /** Forgets what is pending for a bot: a request token is good for one try. */
  async remove(bot: BotName): Promise<void> {
    await fse.remove(this.#fileOf(bot));
  }

  async #text(bot: BotName): Promise<string> {
    try {
      return (await readPrivateFile({ file: this.#fileOf(bot), largest })).toString('utf8');
    } catch (cause) {
      if (cause instanceof FlockError) throw cause;
      if (systemCode(cause) === 'ENOENT') return '';
      throw new FlockError('data', `cannot read ${this.#fileOf(bot)}: ${reasonOf(cause)}`, { cause });
    }
  }
}

/** JSON without the parser's message, which quotes the text and so could print a secret. */
function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
