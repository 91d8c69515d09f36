import path from 'node:path';
import { namesOfBundle, type BotName } from '../flock/bot.ts';

/** What the name of an encrypted bundle ends in, after that of the bundle. */
const sealed = '.age';

/** What systemd puts before the names of the files of a folder that `LoadCredential=keys:…` names. */
export const credentialPrefix = 'keys_';

/** Whether a bundle is encrypted, which its name says. */
export const isSealed = (file: string): boolean => file.endsWith(`.json${sealed}`);

/** The other form of a bundle: of a plain one the encrypted, and the other way round. */
export const twinOf = (file: string): string =>
  isSealed(file) ? file.slice(0, -sealed.length) : file + sealed;

/** The bot that a file in a keys folder is the bundle of; undefined where it is none. */
export const botOfBundle = (file: string, prefix = ''): BotName | undefined =>
  botsOfBundle(file, prefix)?.[0];

/** The same, with the name that an older rule gave it, which the ledger may have. */
export function botsOfBundle(file: string, prefix = ''): [name: BotName, former: BotName] | undefined {
  const name = path.basename(file);
  const plain = isSealed(name) ? twinOf(name) : name;
  if (!plain.endsWith('.json') || plain.startsWith('.') || !plain.startsWith(prefix)) return undefined;
  return namesOfBundle(plain.slice(prefix.length));
}
