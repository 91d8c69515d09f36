import { FlockError } from '../../errors.ts';
import { botNameOf, type BotName } from '../../flock/bot.ts';
import { botOfBundle } from '../bundle-name.ts';
import { parseKeyBundle, type KeyBundle } from '../key-bundle.ts';
import { attempt, type Found } from './foreign-key.ts';

/** Whether this is a bundle: of the 2014 Keymaker, of its descendants, or of this program. */
export const isBundle = (value: object): boolean =>
  ['consumer_token', 'oauth_token', 'oauth_token_secret'].some((field) => field in value);

/** Whether this is the bundle of a GitHub bot, which a sibling of the old programs made. */
export const isGitHubBundle = (value: object): boolean =>
  'client_id' in value && 'client_secret' in value && ('token' in value || 'login' in value);

/**
 * The key in an old bundle: flat JSON with `consumer_token`, `consumer_token_secret`, `oauth_token`,
 * `oauth_token_secret`, often `user_id`, `screen_name`, `poem_file` or `file`, and extras of any type.
 */
export const readBundle = (text: string, file: string): Found =>
  attempt(() => {
    const bundle = parseKeyBundle(text, file);
    return { title: file, ownName: ownNameOf(file, bundle), bundle };
  });

export const gitHubRefusal = (file: string): FlockError =>
  new FlockError('data', `${file}: the key of a GitHub bot, not of an X account`, {
    hint: 'leave it where it is; flockd posts to X alone',
  });

/** Some old programs replaced any `?txt` in a name, so that `atxtual.txt` had its key in `.jsonual.json`. */
function ownNameOf(file: string, { poemFile }: KeyBundle): BotName | undefined {
  const isBroken = /(^|\/)\.[^/]*$/.test(file);
  return isBroken ? botNameOf(poemFile ?? '') : botOfBundle(file);
}
