import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';
import { isPrivateWay, usualSockets } from '../http/exchange.ts';
import { botOfBundle, credentialPrefix } from '../keys/bundle.ts';
import { readPrivateFileSync } from '../keys/private-file.ts';
import { TokenPair } from '../oauth/signature.ts';

/** Where a flock lives on the disk. Absolute paths. */
export interface FlockPaths {
  root: string;
  keys: string;
  state: string;
  flockFile: string;
}

/**
 * The places of a flock; `$STATE_DIRECTORY` (systemd) wins over `state/`, and bundles among systemd's credentials win over
 * `keys/`.
 *
 * @throws {FlockError} `config` where the root is not there
 */
export function flockPaths(flags: { root?: string | undefined; keys?: string | undefined }): FlockPaths {
  const root = path.resolve(flags.root ?? '.');
  if (!existsSync(root))
    throw new FlockError('config', `there is no folder ${root}`, {
      hint: '--root names the folder of a flock',
    });
  if (!statSync(root).isDirectory())
    throw new FlockError('config', `${root} is not a folder`, { hint: '--root names the folder of a flock' });
  const keys =
    flags.keys === undefined ? (credentialBundles() ?? path.join(root, 'keys')) : path.resolve(flags.keys);
  const state = nonEmpty(process.env['STATE_DIRECTORY']?.split(':')[0]) ?? path.join(root, 'state');
  return { root, keys, state, flockFile: path.join(root, 'flock.json') };
}

/** systemd's folder of credentials, where there is one. */
export const credentialsFolder = (): string | undefined => nonEmpty(process.env['CREDENTIALS_DIRECTORY']);

/** The folder of credentials, where it holds key bundles, as `LoadCredential=keys:FOLDER` puts them. */
function credentialBundles(): string | undefined {
  const folder = credentialsFolder();
  if (folder === undefined || !existsSync(folder)) return undefined;
  const has = readdirSync(folder).some((name) => botOfBundle(name, credentialPrefix) !== undefined);
  return has ? path.resolve(folder) : undefined;
}

/** Where the identity is that opens encrypted bundles: `$KEYMAKER_IDENTITY_FILE`, or a credential called `identity`. */
export function identityFile(): string | undefined {
  const named = nonEmpty(process.env['KEYMAKER_IDENTITY_FILE']);
  if (named !== undefined) return path.resolve(named);
  const credential = path.join(credentialsFolder() ?? '', 'identity');
  return credentialsFolder() !== undefined && existsSync(credential) ? credential : undefined;
}

/** A variable that is set to nothing is not set. */
const nonEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value);

/** X's own API. */
export const xApi = 'https://api.x.com';

/**
 * The base of the X API without a trailing slash: `$KEYMAKER_API_URL`, or X's own.
 *
 * @throws {FlockError} `config` for anything but https, or plain http to a loopback address
 */
export function apiUrl(): string {
  const text = process.env['KEYMAKER_API_URL'] ?? '';
  if (text === '') return xApi;
  const hint = 'give an address such as https://api.x.com or http://127.0.0.1:4010';
  // What is wrong with it is said without repeating it: people put passwords into addresses.
  if (!URL.canParse(text)) throw new FlockError('config', 'KEYMAKER_API_URL is not an address', { hint });
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new FlockError('config', 'KEYMAKER_API_URL must be a plain base address', { hint });
  }
  if (!isPrivateWay(url)) {
    throw new FlockError(
      'config',
      `KEYMAKER_API_URL must be https, or http to this machine itself: ${url.origin}`,
      { hint },
    );
  }
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

const maxSockets = 10_000;

/**
 * Requests under way at a time: `$FLOCKD_SOCKETS`, or 64.
 *
 * @throws {FlockError} `config` for anything but a number from 1 to 10,000
 */
export function socketsWanted(): number {
  const text = nonEmpty(process.env['FLOCKD_SOCKETS']);
  if (text === undefined) return usualSockets;
  const wanted = wholeNumber(text) ?? 0;
  if (wanted >= 1 && wanted <= maxSockets) return wanted;
  throw new FlockError('config', `FLOCKD_SOCKETS must be a number from 1 to ${maxSockets}`, {
    hint: `leave it out for ${usualSockets}; more are of use where hundreds of bots post in the same second`,
  });
}

/** The pair that the sandbox accepts, and that its clients may use, where nothing else is set. */
export const sandboxAppKeys = (): TokenPair => new TokenPair('sandbox-app-key', 'sandbox-app-secret');

/**
 * The app keys: `$CONSUMER_TOKEN` and `$CONSUMER_TOKEN_SECRET` (or the files named by `…_FILE`), then `apikeys.json`.
 *
 * @throws {FlockError} `config` where there are none, only half of them, or a file of them cannot be used, `permission` where
 * others can get at that file
 */
export function appKeys(root: string): TokenPair {
  const found = appKeysIfSet(root);
  if (found) return found;
  throw new FlockError('config', 'no app keys: CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET are not set', {
    hint: `set both (or CONSUMER_TOKEN_FILE and CONSUMER_TOKEN_SECRET_FILE), or write ${path.join(root, 'apikeys.json')}: {"consumer_token": "…", "consumer_token_secret": "…"}`,
  });
}

/** The app keys, or undefined where nothing at all is set. @throws {FlockError} as {@link appKeys} */
export function appKeysIfSet(root: string): TokenPair | undefined {
  const token = secretFrom('CONSUMER_TOKEN');
  const secret = secretFrom('CONSUMER_TOKEN_SECRET');
  if (token !== undefined && secret !== undefined) return new TokenPair(token, secret);
  if (token !== undefined || secret !== undefined) {
    const missing = token === undefined ? 'CONSUMER_TOKEN' : 'CONSUMER_TOKEN_SECRET';
    throw new FlockError('config', `half of the app keys: ${missing} is not set`, {
      hint: `set ${missing} too`,
    });
  }
  return appKeysInFile(path.join(root, 'apikeys.json'));
}

/** Where {@link appKeysIfSet} finds the app keys, or would. */
export const appKeysSource = (): 'the environment' | 'apikeys.json' =>
  ['CONSUMER_TOKEN', 'CONSUMER_TOKEN_SECRET'].some(
    (name) => nonEmpty(process.env[name]?.trim()) ?? nonEmpty(process.env[`${name}_FILE`]),
  )
    ? 'the environment'
    : 'apikeys.json';

function secretFrom(name: 'CONSUMER_TOKEN' | 'CONSUMER_TOKEN_SECRET'): string | undefined {
  const value = process.env[name]?.trim();
  if (value !== undefined && value !== '') return value;
  const file = process.env[`${name}_FILE`];
  if (file === undefined || file === '') return undefined;
  try {
    const text = readSecret(file).trim();
    if (text === '') throw new FlockError('config', `${name}_FILE: ${file} is empty`);
    return text;
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    throw new FlockError('config', `${name}_FILE: cannot read ${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** App keys are a few dozen bytes; what is larger is something else. */
const maxSecret = 64 * 1024;

const readSecret = (file: string): string =>
  readPrivateFileSync({ file, largest: maxSecret, credentials: credentialsFolder() }).toString('utf8');

const appKeysSchema = z.object({
  consumer_token: z.string().min(1),
  consumer_token_secret: z.string().min(1),
});

function appKeysInFile(file: string): TokenPair | undefined {
  let text: string;
  try {
    text = readSecret(file);
  } catch (cause) {
    if (cause instanceof FlockError) throw cause;
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new FlockError('config', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  }
  const found = appKeysSchema.safeParse(parseQuietly(text));
  if (found.success) return new TokenPair(found.data.consumer_token, found.data.consumer_token_secret);
  throw new FlockError('config', `${file} does not hold app keys`, {
    hint: 'it should read {"consumer_token": "…", "consumer_token_secret": "…"}',
  });
}

/** JSON without the parser's message, which quotes the text and so could print a secret. */
function parseQuietly(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

/**
 * Whether colours are welcome: on a terminal that has them, or anywhere if they are forced, but never where they are forbidden.
 *
 * @param isTerminal - a stream's `isTTY`, which is undefined away from a terminal
 * @see no-color.org, force-color.org, bixense.com/clicolors
 */
export function wantsColor(isTerminal: boolean | undefined): boolean {
  const { NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM } = process.env;
  if (nonEmpty(NO_COLOR) !== undefined || isNo(FORCE_COLOR)) return false;
  if (nonEmpty(FORCE_COLOR) !== undefined) return true;
  if (nonEmpty(CLICOLOR_FORCE) !== undefined && !isNo(CLICOLOR_FORCE)) return true;
  return isTerminal === true && TERM !== 'dumb';
}

/** Whether the terminal cannot be drawn on. */
export const isDumbTerminal = (): boolean => process.env['TERM'] === 'dumb';

const isNo = (value: string | undefined): boolean => value === '0' || value === 'false';

/** Whether a browser could be opened here: Linux says so in the environment, and a remote shell has no screen. */
export function hasScreen(): boolean {
  if ((process.env['SSH_CONNECTION'] ?? '') !== '') return false;
  if (process.platform !== 'linux') return true;
  return (process.env['DISPLAY'] ?? '') !== '' || (process.env['WAYLAND_DISPLAY'] ?? '') !== '';
}

/** What the service manager says to a service through the environment. @see sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) */
export interface ServiceEnvironment {
  /** An open datagram socket to the manager: scripts/notify-fd, or `OpenFile=…:notify` in the unit (systemd 253). */
  notifyFd: number | undefined;
  /** Whether the manager listens at all. */
  isListening: boolean;
  /** How often it wants to hear that all is well, or undefined. Milliseconds. */
  watchdog: number | undefined;
  /** Whether standard output goes to the journal, which understands priorities. */
  journal: boolean;
}

export function serviceEnvironment(): ServiceEnvironment {
  const {
    FLOCKD_NOTIFY_FD,
    NOTIFY_SOCKET = '',
    WATCHDOG_USEC,
    WATCHDOG_PID,
    JOURNAL_STREAM = '',
  } = process.env;
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const watchdog = isOurs ? wholeNumber(WATCHDOG_USEC) : undefined;
  return {
    notifyFd: wholeNumber(FLOCKD_NOTIFY_FD) ?? listenFd('notify'),
    isListening: NOTIFY_SOCKET !== '',
    watchdog: watchdog === undefined ? undefined : watchdog / 1000,
    journal: JOURNAL_STREAM !== '',
  };
}

/** The first descriptor that systemd hands over. */
const firstFd = 3;

function listenFd(name: string): number | undefined {
  const { LISTEN_PID, LISTEN_FDNAMES = '' } = process.env;
  const place = LISTEN_FDNAMES.split(':').indexOf(name);
  return LISTEN_PID === String(process.pid) && place >= 0 ? firstFd + place : undefined;
}

/** The open socket that systemd hands over under the name `http`, by its descriptor, or undefined where it hands none over. */
export const inheritedSocket = (): number | undefined => listenFd('http');

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;

/** The environment of a program that we start: enough to be found and to reach systemd, and no secret. */
export function plainEnvironment(): Record<string, string> {
  const { PATH, NOTIFY_SOCKET } = process.env;
  return { ...(PATH !== undefined && { PATH }), ...(NOTIFY_SOCKET !== undefined && { NOTIFY_SOCKET }) };
}
