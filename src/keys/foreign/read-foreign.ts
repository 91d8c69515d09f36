import { FlockError } from '../../errors.ts';
import { attempt, type Found } from './foreign-key.ts';
import { gitHubRefusal, isBundle, isGitHubBundle, readBundle } from './old-bundle.ts';
import { parseQuietly } from './quiet-text.ts';
import { isTwurl, readTwurl } from './twurl.ts';
import { isXurl, readXurl } from './xurl.ts';

/**
 * The keys in a file of another program, which is told by what is in it and not by its name.
 *
 * @param file - as messages call it; a bundle's bot is named after it
 * @returns at least one: a file of which nothing can be used is one refusal. No secret is in any of them
 */
export function readForeign(text: string, file: string): Found[] {
  const found = attempt(() => readValue(parseQuietly(text, file), text, file));
  return found instanceof FlockError ? [found] : found;
}

/** @throws {FlockError} `data` where it holds no key at all */
function readValue(value: unknown, text: string, file: string): Found[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw unknownFormat(file);
  if (isTwurl(value)) return readTwurl(value, file);
  if (isBundle(value)) return [readBundle(text, file)];
  if (isXurl(value)) return readXurl(value, file);
  if (isGitHubBundle(value)) throw gitHubRefusal(file);
  if (isOAuth2(value)) {
    throw new FlockError('data', `${file}: keys of OAuth 2, which are of no use here`, {
      hint: 'make a key of OAuth 1.0a: keymaker make-keys ./poems',
    });
  }
  throw unknownFormat(file);
}

const isOAuth2 = (value: object): boolean =>
  ['client_id', 'client_secret', 'refresh_token', 'access_token'].some((field) => field in value);

const unknownFormat = (file: string): FlockError =>
  new FlockError('data', `${file}: no keys of a program that is known here`, {
    hint: 'it may be a key bundle, or a folder of them, ~/.twurlrc, ~/.trc or the ~/.xurl of xurl',
  });
