import { FlockError } from '../../errors.ts';
import { attempt, type Found } from './foreign-key.ts';
import { parseLines, parseQuietly, unreadable } from './foreign-text.ts';
import { readFour } from './four-names.ts';
import {
  gitHubRefusal,
  isBundle,
  isGitHubBundle,
  isTwurl,
  isXurl,
  readBundle,
  readTwurl,
  readXurl,
} from './known-formats.ts';

/**
 * The keys in a file of another program, which is told by what is in it and not by its name.
 *
 * @param file - as messages call it; a bundle's bot is named after it
 * @returns at least one: a file of which nothing can be used is one refusal. No secret is in any of them
 */
export function readForeign(text: string, file: string): Found[] {
  const found = attempt(() => {
    const value = parseQuietly(text, file);
    if (value !== undefined && typeof value !== 'string') return readValue(value, text, file);
    const inLines = readFour(parseLines(text), file);
    if (inLines.length > 0) return inLines;
    throw value === undefined
      ? unreadable(file, 'neither JSON nor YAML, and no keys in its lines')
      : unknownFormat(file);
  });
  return found instanceof FlockError ? [found] : found;
}

/** @throws {FlockError} `data` where it holds no key at all */
function readValue(value: unknown, text: string, file: string): Found[] {
  if (value === null || typeof value !== 'object') throw unknownFormat(file);
  if (isTwurl(value)) return readTwurl(value, file);
  if (isBundle(value)) return [readBundle(text, file)];
  if (isGitHubBundle(value)) throw gitHubRefusal(file);
  const ofXurl = isXurl(value) ? attempt(() => readXurl(value, file)) : undefined;
  if (ofXurl && !(ofXurl instanceof FlockError)) return ofXurl;
  const found = readFour(value, file);
  if (found.length > 0) return found;
  if (ofXurl) throw ofXurl;
  if (!isOAuth2(value)) throw unknownFormat(file);
  throw new FlockError('data', `${file}: keys of OAuth 2, which are of no use here`, {
    hint: 'make a key of OAuth 1.0a: keymaker make-keys ./poems',
  });
}

const isOAuth2 = (value: object): boolean =>
  ['client_id', 'client_secret', 'refresh_token', 'access_token'].some((field) => field in value);

const unknownFormat = (file: string): FlockError =>
  new FlockError('data', `${file}: no keys of a program that is known here`, {
    hint: 'it may be a key bundle, or a folder of them, ~/.twurlrc, ~/.trc, the ~/.xurl of xurl, or any JSON, YAML, INI or .env file with consumer_key, consumer_secret, access_token and access_token_secret',
  });
