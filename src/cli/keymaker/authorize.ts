import path from 'node:path';
import open from 'open';
import * as z from 'zod';
import { hasScreen } from '../../config/environment.ts';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { attemptAsync, FlockError, messageOf } from '../../errors.ts';
import { type AccountRefused, makeKey } from '../../keys/authorize.ts';
import {
  chosenIssuer,
  credentialsFrom,
  type Issuer,
  type LinkIssuer,
  type PasswordIssuer,
} from '../../keys/issuers.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import { type Expected, expectedName } from '../../keys/right-account.ts';
import { type NetworkName, networkNames } from '../../networks/network.ts';
import { callbackFlow, type Grant, pinFlow, VerifierRefused } from '../../oauth/client.ts';
import type { Provider } from '../../oauth/providers.ts';
import type { TokenPair } from '../../oauth/signature.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { shellWord } from '../../text.ts';
import { type CallbackListener, openCallbackListener } from '../../web/callback.ts';
import { nonEmpty, portFlag, toggle } from '../command.ts';
import { type Terminal, unlessInterrupted } from '../terminal.ts';

/*
 * How a command gets a key: it chooses the provider, lets a person authorize the app, checks whose account it is, stores the
 * bundle, and reports it.
 */

const group = 'Authorization';

/** The flags that choose who gives the keys. */
export const providerFlags = {
  provider: nonEmpty.default('x').meta({
    description: 'who gives the key: x, flickr, tumblr, or one described in flock.json',
    placeholder: 'ID',
    suggestions: ['x', 'flickr', 'tumblr'],
    group,
  }),
  perms: nonEmpty.optional().meta({
    description: 'the permission to ask for, if the link chooses it (flickr)',
    placeholder: 'WORD',
    suggestions: ['read', 'write', 'delete'],
    group,
  }),
};

const serverFlag = nonEmpty.optional().meta({
  description: "the account's server, at Mastodon and Bluesky: https://mastodon.social",
  placeholder: 'URL',
  group,
});

/** The flags that choose the network, if flock.json does not. */
export const networkFlags = {
  network: z.enum(networkNames).optional().meta({
    description: 'where the bot posts',
    placeholder: 'NAME',
    defaultText: 'flock.json, or x',
    group,
  }),
  server: serverFlag,
};

const usualPort = 4180;

/** The flags of commands that can wait for the browser. */
export const callbackFlags = {
  callback: toggle('get the answer from the browser instead of a PIN').meta({ group }),
  port: portFlag.default(usualPort).meta({
    description: 'with --callback: register http://127.0.0.1:PORT/callback with the app',
    group,
  }),
};

/** The flags with which another call authorizes in the same way as this one. */
export function sameFlags({
  provider = 'x',
  perms,
  network,
  server,
  callback = false,
  port,
}: IssuerFlags & { callback?: boolean; port?: number }): string[] {
  return [
    ...(provider === 'x' ? [] : [`--provider ${provider}`]),
    ...(perms === undefined ? [] : [`--perms ${perms}`]),
    ...(network === undefined ? [] : [`--network ${network}`]),
    ...(server === undefined ? [] : [`--server ${shellWord(server)}`]),
    ...(callback ? ['--callback'] : []),
    ...(callback && port !== undefined && port !== usualPort ? [`--port ${port}`] : []),
  ];
}

interface IssuerFlags {
  provider?: string | undefined;
  perms?: string | undefined;
  network?: NetworkName | undefined;
  server?: string | undefined;
}

/** What a command needs to get keys. */
export interface Session {
  context: Context;
  terminal: Terminal;
  flockFile: FlockFile;
  issuers: Issuers;
  /** Receives the browser's callback. Without it the person types a PIN. */
  callbacks?: CallbackListener | undefined;
  /** Whether any account is accepted without a question. */
  yes: boolean;
}

interface SessionOptions extends IssuerFlags {
  yes?: boolean;
  /** Those of the environment and of apikeys.json, if they are not given. */
  appKeys?: TokenPair | undefined;
}

/** @throws {FlockError} `config` if flock.json is wrong, `usage` if flags contradict each other */
export async function openSession(
  context: Context,
  terminal: Terminal,
  options: SessionOptions,
): Promise<Session> {
  const flockFile = await readFlockFile(context.paths.flockFile);
  return {
    context,
    terminal,
    flockFile,
    issuers: new Issuers(context, flockFile, options),
    yes: options.yes ?? false,
  };
}

/** Who gives the keys of bots. Each is opened once, so that an app is registered once for all bots of a server. */
export class Issuers {
  readonly #context: Context;
  readonly #flockFile: FlockFile;
  readonly #options: SessionOptions;
  readonly #opened = new Map<string, Issuer>();

  constructor(context: Context, flockFile: FlockFile, options: SessionOptions) {
    const { provider = 'x', network } = options;
    if (networkNames.some((name) => name !== 'x' && name === provider))
      throw new FlockError('usage', `--provider: ${provider} is a network`, {
        hint: `use --network ${provider}`,
      });
    if (network !== undefined && provider !== 'x')
      throw new FlockError('usage', 'either --network or --provider', { hint: 'leave one out' });
    this.#context = context;
    this.#flockFile = flockFile;
    this.#options = options;
  }

  /** The number of issuers so far. */
  get size(): number {
    return this.#opened.size;
  }

  /** @throws {FlockError} as {@link chosenIssuer}; `config` without app keys, `usage` if there is no such provider or permission */
  of(bot: BotName, old: Pick<KeyBundle, 'provider' | 'server'> | undefined): Issuer {
    const { provider: id = 'x', network, server } = this.#options;
    const given = { provider: id === 'x' ? undefined : id, network, server };
    return this.open(chosenIssuer(bot, { given, settings: this.#flockFile.settingsOf(bot), old }));
  }

  /** @throws {FlockError} as {@link of} */
  open({ provider: id, server }: { provider: string; server?: string | undefined }): Issuer {
    const key = `${id} ${server ?? ''}`;
    const opened = this.#opened.get(key);
    if (opened) return opened;
    const { perms, appKeys } = this.#options;
    const custom = this.#flockFile.providers;
    const isNetwork = id === 'mastodon' || id === 'bluesky';
    const provider = isNetwork ? id : withPermission(this.#context.provider(id, custom), perms);
    const issuer = this.#context.issuer({ provider, server, appKeys, custom });
    this.#opened.set(key, issuer);
    return issuer;
  }
}

/**
 * The provider with a permission in its authorize link, by default the usual one.
 *
 * @throws {FlockError} `usage` if the provider has no such permission
 */
function withPermission(provider: Provider, perms: string | undefined): Provider {
  const { permissions, title, authorizeParameters } = provider;
  if (!permissions) {
    if (perms === undefined) return provider;
    const hint = 'set them where the app was registered, and leave --perms out';
    throw new FlockError('usage', `${title} takes its permissions from the app, not from the link`, { hint });
  }
  const { choices, usual, parameter } = permissions;
  if (perms !== undefined && !choices.includes(perms)) {
    const hint = `choose one of ${choices.join(', ')}`;
    throw new FlockError('usage', `--perms: ${title} does not know ${JSON.stringify(perms)}`, { hint });
  }
  return { ...provider, authorizeParameters: { ...authorizeParameters, [parameter]: perms ?? usual } };
}

/**
 * Waits for the browser, if the person or a provider wants that.
 *
 * @throws {FlockError} `usage` if a provider gives its keys by PIN only, `unavailable` if the port is taken
 */
export async function openCallbacks(
  issuers: readonly Issuer[],
  { callback, port }: { callback: boolean; port: number },
  { context: { clock }, terminal }: Session,
): Promise<CallbackListener | undefined> {
  const byLink = issuers.filter((issuer) => issuer.by === 'link');
  const byPin = byLink.find((issuer) => callback && issuer.callback === 'pin');
  if (byPin)
    throw new FlockError('usage', `${byPin.title} gives its keys by PIN`, { hint: 'leave --callback out' });
  if (byLink.length === 0 || (!callback && byLink.every((issuer) => issuer.callback !== 'url')))
    return undefined;
  return openCallbackListener(port, clock, (message) => terminal.warn(message, 'use the link above'));
}

interface BotKeyOptions extends Pick<Parameters<typeof makeKey>[0], 'bot' | 'poemFile' | 'owners' | 'again'> {
  issuer: Issuer;
  /** The bot's key until now. */
  old: KeyBundle | undefined;
  /** The account that a flag names, and the one whose password was typed. */
  named?: string | undefined;
  typed?: string | undefined;
  /** Whether there is no other link after a refused account: a key was pasted. */
  once?: boolean;
  /** What would have answered the question whose account it is. */
  instead?: string;
  /** Resolves when this bot may ask its question. */
  turn?: Promise<void>;
  /** Gets the access token, given the screen name to sign in as. By default a person authorizes the app. */
  flow?: ((screenName: string | undefined) => Promise<Grant | undefined>) | undefined;
}

/**
 * Gets a bot's key and stores it, and reports the outcome in the terminal and in the browser.
 *
 * @returns undefined if the person skips the bot
 * @throws {FlockError} as `makeKey` and the flow do
 */
export async function makeBotKey(session: Session, options: BotKeyOptions) {
  const { context, terminal, callbacks, flockFile } = session;
  const { bot, old, issuer, named = flockFile.settingsOf(bot).account, typed, turn } = options;
  const expected: Expected & { old: typeof old } = { named, old, typed };
  const retries = ({ message, isDeclined, wanted }: AccountRefused): boolean => {
    // There is no other link after a password, and scripts expect no other link but after their own answer.
    if (options.once === true || expected.typed !== undefined) return false;
    if (!isDeclined && !terminal.interactive) return false;
    callbacks?.tell({ tone: 'bad', title: 'That did not work', text: message });
    terminal.warn(message, `sign out in the browser, and open the new link as ${wanted}`);
    return true;
  };
  try {
    const made = await makeKey({
      ...options,
      expected,
      keys: context.keys,
      async flow() {
        const screenName = expectedName(expected);
        if (options.flow) return options.flow(screenName);
        if (issuer.by === 'link') return authorize(bot, screenName, issuer, session);
        const signedIn = await signIn(bot, { issuer, expected }, terminal);
        // The name that a person typed for this bot says whose the key must be.
        expected.typed = signedIn?.typed;
        return signedIn?.grant;
      },
      async confirm({ screenName }) {
        await turn;
        if (session.yes) return true;
        const question = `Is @${screenName} the account of ${bot}?`;
        callbacks?.tell({ tone: 'plain', title: question, text: 'Please answer in the terminal.' });
        const usual = `"account" of ${bot} in flock.json says which it is; --yes accepts any`;
        return terminal.confirm(question, options.instead ?? usual);
      },
      retries,
    });
    if (made) {
      const { screenName, userId } = made.account;
      const text = 'Its key is stored. You can close this page; the terminal goes on.';
      callbacks?.tell({ tone: 'good', title: `${bot} is @${screenName}`, text });
      terminal.say(`${bot} is @${screenName} (id ${userId}): ${path.relative('.', made.file)}`, 'green');
    } else {
      const outcome = old ? `${bot} keeps the key it has.` : `${bot} gets no key.`;
      callbacks?.tell({ tone: 'plain', title: 'Nothing was authorized', text: outcome });
      terminal.say(outcome);
    }
    return made;
  } catch (error) {
    callbacks?.tell({ tone: 'bad', title: 'That did not work', text: messageOf(error) });
    if (!(error instanceof VerifierRefused) || options.again === undefined) throw error;
    // No new link follows by itself.
    throw new FlockError(error.exit, `${bot}: ${error.message}`, { hint: options.again, cause: error });
  }
}

/** A person authorizes the app for a bot. @throws {FlockError} as the flows and the terminal do */
function authorize(
  bot: BotName,
  expected: string | undefined,
  issuer: LinkIssuer,
  { terminal, callbacks }: Session,
): Promise<Grant | undefined> {
  const { client, title } = issuer;
  const showUrl = (url: string): void => {
    showLink(url, bot, expected, terminal);
    if (callbacks) void openInBrowser(url, terminal);
  };
  if (callbacks) return unlessInterrupted(callbackFlow(title, { client, expected, callbacks, showUrl }));
  return pinFlow({
    client,
    expected,
    showUrl,
    askPin: () => askVerifier(bot, issuer, terminal),
    refused: ({ message, hint }) => terminal.warn(`${bot}: ${message}`, hint),
  });
}

/** Opens a link in the browser, if there is a person and a screen. The link is printed, too, so a failure is no error. */
async function openInBrowser(url: string, terminal: Terminal): Promise<void> {
  if (!terminal.interactive || !hasScreen()) return;
  try {
    const browser = await open(url);
    browser.on('error', () => undefined);
    browser.unref();
  } catch {
    // The link is in the terminal.
  }
}

/** Shows the link that authorizes a bot. @param screenName - of its account, if it is known */
export function showLink(url: string, bot: BotName, screenName: string | undefined, { say }: Terminal): void {
  const account = screenName === undefined ? `the account of ${bot}` : `@${screenName}`;
  for (const line of [`Open this link, sign in as ${account}, and authorize the app:`, '', url, ''])
    say(line);
}

async function askVerifier(bot: BotName, issuer: LinkIssuer, terminal: Terminal) {
  const { name } = issuer.verifier;
  for (;;) {
    const question = `${name} for ${bot} (r for a new link, n to skip):`;
    const answer = await terminal.ask(
      question,
      `enter the ${name} that the page shows, on a line of its own`,
    );
    if (isNo(answer)) return 'skip';
    if (/^\s*r\s*$/i.test(answer)) return 'new link';
    try {
      return { pin: parseVerifier(answer, issuer) };
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      terminal.warn(error.message, error.hint);
    }
  }
}

const isNo = (answer: string): boolean => /^\s*n(o)?\s*$/i.test(answer);

/** @throws {FlockError} `usage` if a text is not a PIN or code */
export function parseVerifier(text: string, { verifier: { name, example, read } }: LinkIssuer): string {
  const verifier = read(text);
  if (verifier !== undefined) return verifier;
  const message =
    example === '' ? `that is not a ${name}` : `that is not a ${name}: one looks like ${example}`;
  throw new FlockError('usage', message, { hint: 'copy it from the page that the link leads to' });
}

/** The maximum number of refused passwords, before the server counts them as an attack. */
const maxTries = 5;

/**
 * A person types the handle of the account and an app password, again after a refusal in a terminal.
 *
 * @returns undefined if the person skips the bot
 * @throws {FlockError} `data` if they are refused, and as the issuer does
 */
async function signIn(
  bot: BotName,
  { issuer, expected }: { issuer: PasswordIssuer; expected: Expected },
  terminal: Terminal,
): Promise<{ grant: Grant; typed: string } | undefined> {
  for (let tries = 1; ; tries++) {
    const typed = await askCredentials(bot, expectedName(expected), terminal);
    if (!typed) return undefined;
    const { handle, ...credentials } = credentialsFrom(typed, expected);
    const grant = await attemptAsync(issuer.signIn(credentials));
    if (!(grant instanceof FlockError)) return { grant, typed: handle };
    const { exit, message, hint } = grant;
    const isTheirs = exit === 'data' || exit === 'usage';
    const error = new FlockError(isTheirs ? 'data' : exit, `${bot}: ${message}`, { hint, cause: grant });
    // Away from a terminal the next answers are for the next bot.
    if (!isTheirs || !terminal.interactive || tries === maxTries) throw error;
    terminal.warn(error.message, error.hint);
  }
}

/** The form of app passwords. @see the source of @atproto/pds, auth.ts */
const appPasswordForm = /^[a-z0-9]{4}(-[a-z0-9]{4}){3}$/;

/** @param usual - the handle that an empty line stands for */
async function askCredentials(bot: BotName, usual: string | undefined, terminal: Terminal) {
  const instead = 'give the handle and an app password on standard input, a line each';
  const shown = usual === undefined ? '' : ` [${usual}]`;
  const answer = await terminal.ask(`Handle of the account of ${bot}${shown} (n to skip):`, instead);
  if (isNo(answer)) return undefined;
  if (usual !== undefined && appPasswordForm.test(answer.trim())) return { handle: usual, password: answer };
  return {
    handle: answer,
    password: await terminal.askSecret(`app password for ${bot} (not shown):`, instead),
  };
}
