import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { attempt, FlockError, systemCode } from '../errors.ts';
import { defaultSockets, isPrivateConnection } from '../http/exchange.ts';
import { fileError, replaceFile } from '../fs.ts';
import type { ServerApps } from '../keys/issuers.ts';
import { botOfBundle, credentialPrefix } from '../keys/store.ts';
import { readPrivateFile } from '../keys/private-file.ts';
import { TokenPair } from '../oauth/signature.ts';
import { plcDirectory } from '../networks/bluesky/xrpc.ts';
import { outOfBand } from '../networks/mastodon/authorize.ts';
import { parseJson, Secret } from '../text.ts';

/*
 * The only reader of `process.env`: where the flock is, the X API's address, the app keys, colours, and what the service manager
 * passes on.
 */

/** A variable that is set to the empty string counts as not set. */
const nonEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value);
const variable = (name: string): string | undefined => nonEmpty(process.env[name]);

/** The places of a flock on the disk. Absolute paths. */
export interface FlockPaths {
  root: string;
  keys: string;
  state: string;
  flockFile: string;
}

/**
 * The places of a flock. `$STATE_DIRECTORY` (systemd) wins over `state/`, and bundles among systemd's credentials win over
 * `keys/`.
 *
 * @throws {FlockError} `config` if the root does not exist
 */
export function flockPaths(flags: { root?: string | undefined; keys?: string | undefined }): FlockPaths {
  const root = path.resolve(flags.root ?? '.');
  const isThere = existsSync(root);
  if (!isThere || !statSync(root).isDirectory()) {
    throw new FlockError('config', isThere ? `${root} is not a folder` : `there is no folder ${root}`, {
      hint: '--root names the folder of a flock',
    });
  }
  const keys =
    flags.keys === undefined ? (credentialBundles() ?? path.join(root, 'keys')) : path.resolve(flags.keys);
  const state = nonEmpty(variable('STATE_DIRECTORY')?.split(':')[0]) ?? path.join(root, 'state');
  return { root, keys, state, flockFile: path.join(root, 'flock.json') };
}

/** systemd's folder of credentials, if there is one. */
export const credentialsFolder = (): string | undefined => variable('CREDENTIALS_DIRECTORY');

/** The folder of credentials, if it holds key bundles, as with `LoadCredential=keys:FOLDER`. */
function credentialBundles(): string | undefined {
  const folder = credentialsFolder();
  if (folder === undefined || !existsSync(folder)) return undefined;
  const has = readdirSync(folder).some((name) => botOfBundle(name, credentialPrefix) !== undefined);
  return has ? path.resolve(folder) : undefined;
}

/** The file of the identity that decrypts bundles: `$KEYMAKER_IDENTITY_FILE`, or a credential called `identity`. */
export function identityFile(): string | undefined {
  const named = variable('KEYMAKER_IDENTITY_FILE');
  if (named !== undefined) return path.resolve(named);
  const folder = credentialsFolder();
  const credential = folder === undefined ? undefined : path.join(folder, 'identity');
  return credential !== undefined && existsSync(credential) ? credential : undefined;
}

/** The base of X's API. */
export const xApi = 'https://api.x.com';

/**
 * The base of the X API without a trailing slash: `$KEYMAKER_API_URL`, or {@link xApi}.
 *
 * @throws {FlockError} `config` for anything but https, or plain http to a loopback address
 */
export const apiUrl = (): string => addressIn('KEYMAKER_API_URL', xApi) ?? xApi;

/**
 * The directory of Bluesky's accounts without a trailing slash: `$KEYMAKER_PLC_URL`, or a sandbox's own; by default the public
 * one.
 *
 * @param api - from {@link apiUrl}
 * @throws {FlockError} `config` as {@link apiUrl}
 */
export const directoryUrl = (api: string): string | undefined =>
  addressIn('KEYMAKER_PLC_URL', plcDirectory) ?? (isSandbox(api) ? `${api}/bluesky/plc` : undefined);

/** Whether a base address is that of a sandbox on this machine. */
export const isSandbox = (api: string): boolean => api.startsWith('http:');

function addressIn(name: string, example: string): string | undefined {
  const text = variable(name);
  if (text === undefined) return undefined;
  const hint = `give an address such as ${example} or http://127.0.0.1:4010`;
  const wrong = (message: string) => new FlockError('config', `${name} ${message}`, { hint });
  // The messages do not quote the address, which may hold a password.
  if (!URL.canParse(text)) throw wrong('is not an address');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw wrong('must be a plain base address');
  if (!isPrivateConnection(url)) throw wrong(`must be https, or http to this machine itself: ${url.origin}`);
  return (url.origin + url.pathname).replace(/\/+$/, '');
}

const maxSockets = 10_000;

/**
 * The maximum number of concurrent requests: `$FLOCKD_SOCKETS`, or {@link defaultSockets}.
 *
 * @throws {FlockError} `config` for anything but a number from 1 to 10,000
 */
export function socketsWanted(): number {
  const text = variable('FLOCKD_SOCKETS');
  if (text === undefined) return defaultSockets;
  const wanted = wholeNumber(text) ?? 0;
  if (wanted >= 1 && wanted <= maxSockets) return wanted;
  throw new FlockError('config', `FLOCKD_SOCKETS must be a number from 1 to ${maxSockets}`, {
    hint: `the default is ${defaultSockets}; more help when hundreds of bots post in the same second`,
  });
}

/**
 * The app keys: `$CONSUMER_TOKEN` and `$CONSUMER_TOKEN_SECRET` (or the files named by `…_FILE`), otherwise `apikeys.json`.
 *
 * @throws {FlockError} `config` if none or only one of the two is set or a file cannot be used, `permission` if others can read
 * or write the file
 */
export function appKeys(root: string): TokenPair {
  const found = appKeysIfSet(root);
  if (found) return found;
  throw new FlockError('config', 'no app keys: CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET are not set', {
    hint: `set both (or CONSUMER_TOKEN_FILE and CONSUMER_TOKEN_SECRET_FILE), or write ${appKeysFile(root)}: {"consumer_token": "…", "consumer_token_secret": "…"}`,
  });
}

/** The app keys, or undefined if neither of the two is set. @throws {FlockError} as {@link appKeys} */
export function appKeysIfSet(root: string): TokenPair | undefined {
  const token = secretFrom('CONSUMER_TOKEN');
  const secret = secretFrom('CONSUMER_TOKEN_SECRET');
  if (token !== undefined && secret !== undefined) return new TokenPair(token, secret);
  if (token !== undefined || secret !== undefined) {
    const missing = token === undefined ? 'CONSUMER_TOKEN' : 'CONSUMER_TOKEN_SECRET';
    const hint = `set ${missing} too`;
    throw new FlockError('config', `half of the app keys: ${missing} is not set`, { hint });
  }
  return appKeysInFile(appKeysFile(root));
}

/** Where {@link appKeysIfSet} looks for the app keys. */
export const appKeysSource = (): 'the environment' | 'apikeys.json' =>
  ['CONSUMER_TOKEN', 'CONSUMER_TOKEN_SECRET'].some(
    (name) => nonEmpty(process.env[name]?.trim()) ?? variable(`${name}_FILE`),
  )
    ? 'the environment'
    : 'apikeys.json';

function secretFrom(name: 'CONSUMER_TOKEN' | 'CONSUMER_TOKEN_SECRET'): string | undefined {
  const value = nonEmpty(process.env[name]?.trim());
  const file = variable(`${name}_FILE`);
  if (value !== undefined || file === undefined) return value;
  const text = readSecret(file, `${name}_FILE: cannot read ${file}`).trim();
  if (text === '') throw new FlockError('config', `${name}_FILE: ${file} is empty`);
  return text;
}

/** @param message - the beginning of the message if the file cannot be read */
const readSecret = (file: string, message: string): string =>
  readPrivateFile(file, { exit: 'config', message }, credentialsFolder()).toString('utf8');

const token = z.string().min(1);
const appKeysSchema = z.looseObject({
  consumer_token: token.optional(),
  consumer_token_secret: token.optional(),
  servers: z
    .record(
      z.string(),
      z.looseObject({
        client_id: token,
        client_secret: token,
        /** The addresses that its links may lead back to, if it has others than the page that shows the code. */
        redirect_uris: z.array(token).optional(),
      }),
    )
    .optional(),
});

const appKeysFile = (root: string): string => path.join(root, 'apikeys.json');

/** @returns undefined if there is no such file @throws {FlockError} `config` or `permission` */
function readAppKeysFile(file: string): z.infer<typeof appKeysSchema> | undefined {
  const text = attempt(() => readSecret(file, `cannot read ${file}`));
  if (text instanceof FlockError) {
    if (systemCode(text.cause) === 'ENOENT') return undefined;
    throw text;
  }
  const found = appKeysSchema.safeParse(parseJson(text));
  if (found.success) return found.data;
  throw noAppKeysIn(file);
}

const noAppKeysIn = (file: string): FlockError =>
  new FlockError('config', `${file} does not hold app keys`, {
    hint: 'it should read {"consumer_token": "…", "consumer_token_secret": "…"}; without an app at X you can remove it: keymaker registers the apps of servers again',
  });

function appKeysInFile(file: string): TokenPair | undefined {
  const found = readAppKeysFile(file);
  if (!found) return undefined;
  const { consumer_token: key, consumer_token_secret: secret, servers } = found;
  if (key !== undefined && secret !== undefined) return new TokenPair(key, secret);
  // Without an app at X, the file holds those of servers.
  if (key === undefined && secret === undefined && servers) return undefined;
  throw noAppKeysIn(file);
}

/** The apps that are registered at servers of Mastodon, in `apikeys.json`, each by its server's host. */
export function serverApps(root: string): ServerApps {
  const file = appKeysFile(root);
  // The path tells a sandbox's servers apart.
  const nameOf = (server: string): string => server.replace(/^https?:\/\//, '');
  return {
    find(server) {
      const found = readAppKeysFile(file)?.servers?.[nameOf(server)];
      return (
        found && {
          clientId: found.client_id,
          clientSecret: new Secret(found.client_secret),
          redirectUris: found.redirect_uris ?? [outOfBand],
        }
      );
    },
    async keep(server, { clientId, clientSecret, redirectUris }) {
      const { servers = {}, ...others } = readAppKeysFile(file) ?? {};
      const app = { client_id: clientId, client_secret: clientSecret.reveal() };
      const redirects = redirectUris.length > 1 ? { redirect_uris: redirectUris } : {};
      const content = { ...others, servers: { ...servers, [nameOf(server)]: { ...app, ...redirects } } };
      await replaceFile(file, `${JSON.stringify(content, null, 2)}\n`).catch((cause: unknown) => {
        const hint = 'give a folder with room that you may write, with --root DIR';
        throw fileError(cause, 'cannotCreate', `cannot write ${file}`, hint);
      });
    },
  };
}

/**
 * Whether to print colours: on a terminal that has them, or wherever they are forced, but never where they are forbidden.
 *
 * @param isTerminal - the stream's `isTTY`
 * @see no-color.org, force-color.org, bixense.com/clicolors
 */
export function wantsColor(isTerminal: boolean | undefined): boolean {
  const [forced, cliForced] = [variable('FORCE_COLOR'), variable('CLICOLOR_FORCE')];
  if (variable('NO_COLOR') !== undefined || isNo(forced)) return false;
  if (forced !== undefined || (cliForced !== undefined && !isNo(cliForced))) return true;
  return isTerminal === true && !isDumbTerminal();
}

/** Whether the terminal has no cursor control. */
export const isDumbTerminal = (): boolean => process.env['TERM'] === 'dumb';

const isNo = (value: string | undefined): boolean => value === '0' || value === 'false';

/** Whether a browser can be opened here: not in a remote shell, and on Linux only under X11 or Wayland. */
export function hasScreen(): boolean {
  if (variable('SSH_CONNECTION') !== undefined) return false;
  if (process.platform !== 'linux') return true;
  return (variable('DISPLAY') ?? variable('WAYLAND_DISPLAY')) !== undefined;
}

/** What systemd passes to a service in the environment. @see sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) */
export function serviceEnvironment() {
  const { WATCHDOG_USEC, WATCHDOG_PID } = process.env;
  const isOurs = WATCHDOG_PID === undefined || WATCHDOG_PID === String(process.pid);
  const watchdog = isOurs ? wholeNumber(WATCHDOG_USEC) : undefined;
  return {
    /** An open datagram socket to systemd, from scripts/notify-fd or from `OpenFile=…:notify` in the unit (systemd 253). */
    notifyFd: wholeNumber(variable('FLOCKD_NOTIFY_FD')) ?? listenFd('notify'),
    /** Whether systemd listens for notifications. */
    isListening: variable('NOTIFY_SOCKET') !== undefined,
    /** The watchdog's timeout, or undefined. Milliseconds. */
    watchdog: watchdog === undefined ? undefined : watchdog / 1000,
    /** Whether standard output goes to the systemd journal, which understands priorities. */
    journal: variable('JOURNAL_STREAM') !== undefined,
  };
}

/** The first file descriptor that systemd passes (SD_LISTEN_FDS_START). */
const firstFd = 3;

function listenFd(name: string): number | undefined {
  const { LISTEN_PID, LISTEN_FDNAMES = '' } = process.env;
  const index = LISTEN_FDNAMES.split(':').indexOf(name);
  return LISTEN_PID === String(process.pid) && index >= 0 ? firstFd + index : undefined;
}

/** The descriptor of the socket that systemd passes under the name `http` (socket activation), or undefined. */
export const inheritedSocket = (): number | undefined => listenFd('http');

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;

/** The environment of a program that we start: `PATH` and systemd's socket, and no secret. */
export function plainEnvironment(): Record<string, string> {
  const { PATH, NOTIFY_SOCKET } = process.env;
  return { ...(PATH !== undefined && { PATH }), ...(NOTIFY_SOCKET !== undefined && { NOTIFY_SOCKET }) };
}
