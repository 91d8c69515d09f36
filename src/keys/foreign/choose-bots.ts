import type { FlockFile } from '../../config/flock-file.ts';
import { FlockError } from '../../errors.ts';
import { type BotName, botNameOf } from '../../flock/bot.ts';
import { isSameName } from '../right-account.ts';
import type { ForeignKey } from './foreign-key.ts';

/** A key, and the bot that is to have it. */
export interface Chosen {
  bot: BotName;
  key: ForeignKey;
}

export interface Choice {
  /** The one bot that is to get a key. */
  wanted: BotName | undefined;
  /** Whether there is one key in all, the bad ones counted. */
  alone: boolean;
  flockFile: FlockFile;
  /** The bots that have a poem, a bundle or settings. */
  known: ReadonlySet<string>;
}

/**
 * The bot of each key: the one that is wanted, the one with that account in flock.json, the one that the key's file is
 * named for, a known one that stands with the key, or else the one with the account's name.
 *
 * @throws {FlockError} `usage` where nothing says which bot is to have a key
 */
export function chooseBots(keys: readonly ForeignKey[], choice: Choice): Chosen[] {
  const { wanted, alone } = choice;
  const found = keys.map((key) => ({ key, bot: botOf(key, choice) }));
  if (wanted === undefined) return found.map(({ key, bot }) => ({ key, bot: bot ?? fail(nameless(key)) }));
  const meant = alone ? found : found.filter(({ key, bot }) => bot === wanted || botOfName(key) === wanted);
  const [only] = meant;
  if (only && meant.length === 1) return [{ key: only.key, bot: wanted }];
  const shown = (meant.length > 0 ? meant : found).map(({ key }) => labelOf(key));
  if (shown.length === 0) return [];
  throw new FlockError('usage', `which key is for ${wanted}? There are ${shown.join(', ')}`, {
    hint: 'name one of the accounts with --bot, or put the one key into a file of its own',
  });
}

function botOf(key: ForeignKey, { flockFile, known }: Choice): BotName | undefined {
  const { named, settingsOf } = flockFile;
  const { screenName } = key.bundle;
  const settled = named.find((bot) => isSameName(settingsOf(bot).account, screenName) === true);
  const meant = key.mayBe?.find((name) => known.has(name));
  return settled ?? key.ownName ?? meant ?? botOfName(key);
}

const botOfName = ({ bundle: { screenName = '' } }: ForeignKey): BotName | undefined => botNameOf(screenName);

const labelOf = ({ title, bundle: { screenName } }: ForeignKey): string =>
  screenName === undefined ? title : `@${screenName}`;

const nameless = ({ title }: ForeignKey): FlockError =>
  new FlockError('usage', `${title}: nothing in it says which bot the key is for`, {
    hint: 'choose its bot with --bot NAME',
  });

function fail(error: FlockError): never {
  throw error;
}
