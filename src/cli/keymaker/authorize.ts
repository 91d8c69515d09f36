import path from 'node:path';
import open from 'open';
import { appKeys, hasScreen } from '../../config/environment.ts';
import { type FlockFile, readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { FlockError, messageOf } from '../../errors.ts';
import { type AccountRefused, makeKey } from '../../keys/authorize.ts';
import type { KeyBundle } from '../../keys/store.ts';
import { expectedName } from '../../keys/right-account.ts';
import { callbackFlow, type Grant, type OAuth1Client, pinFlow, VerifierRefused } from '../../oauth/client.ts';
import type { Provider } from '../../oauth/providers.ts';
import type { TokenPair } from '../../oauth/signature.ts';
import type { BotName } from '../../poems/bot-name.ts';
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
  callback = false,
  port,
}: {
  provider?: string | undefined;
  perms?: string | undefined;
  callback?: boolean;
  port?: number;
}): string[] {
  return [
    ...(provider === 'x' ? [] : [`--provider ${provider}`]),
    ...(perms === undefined ? [] : [`--perms ${perms}`]),
    ...(callback ? ['--callback'] : []),
    ...(callback && port !== undefined && port !== usualPort ? [`--port ${port}`] : []),
  ];
}

/** What a command needs to get keys from a provider. */
export interface Session {
  context: Context;
  terminal: Terminal;
  flockFile: FlockFile;
  provider: Provider;
  appKeys: TokenPair;
  client: OAuth1Client;
  /** Receives the browser's callback. Without it the person types a PIN. */
  callbacks?: CallbackListener | undefined;
  /** Whether any account is accepted without a question. */
  yes: boolean;
}

interface SessionOptions {
  provider: string;
  perms?: string | undefined;
  yes?: boolean;
  /** Those of the environment and of apikeys.json, if they are not given. */
  appKeys?: TokenPair | undefined;
}

/** @throws {FlockError} `config` without app keys, `usage` if there is no such provider or permission */
export async function openSession(
  context: Context,
  terminal: Terminal,
  { provider: id, perms, yes = false, appKeys: ownKeys }: SessionOptions,
): Promise<Session> {
  const keys = ownKeys ?? appKeys(context.paths.root);
  const flockFile = await readFlockFile(context.paths.flockFile);
  const provider = withPermission(context.provider(id, flockFile.providers), perms);
  const client = context.oauth(provider, keys);
  return { context, terminal, flockFile, provider, appKeys: keys, client, yes };
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
 * Waits for the browser, if the person or the provider wants that.
 *
 * @throws {FlockError} `usage` if the provider gives its keys by PIN only, `unavailable` if the port is taken
 */
export async function openCallbacks(
  { provider, context: { clock }, terminal }: Session,
  { callback, port }: { callback: boolean; port: number },
): Promise<CallbackListener | undefined> {
  if (callback && provider.callback === 'pin')
    throw new FlockError('usage', `${provider.title} gives its keys by PIN`, {
      hint: 'leave --callback out',
    });
  if (!callback && provider.callback !== 'url') return undefined;
  return openCallbackListener(port, clock, (message) => terminal.warn(message, 'use the link above'));
}

interface BotKeyOptions extends Pick<Parameters<typeof makeKey>[0], 'bot' | 'poemFile' | 'owners' | 'again'> {
  /** The bot's key until now. */
  old: KeyBundle | undefined;
  /** The account that a flag names, and the one whose password was typed. */
  named?: string | undefined;
  typed?: string | undefined;
  /** What would have answered the question whose account it is. */
  instead?: string;
  /** Resolves when this bot may ask its question. */
  turn?: Promise<void>;
  /** Gets the access token, given the screen name to sign in as. By default a person authorizes the app. */
  flow?: (screenName: string | undefined) => Promise<Grant | undefined>;
}

/**
 * Gets a bot's key and stores it, and reports the outcome in the terminal and in the browser.
 *
 * @returns undefined if the person skips the bot
 * @throws {FlockError} as `makeKey` and the flow do
 */
export async function makeBotKey(session: Session, options: BotKeyOptions) {
  const { context, terminal, provider, callbacks, flockFile } = session;
  const { bot, old, named = flockFile.settingsOf(bot).account, typed, turn } = options;
  const expected = { named, old, typed };
  const retries = ({ message, isDeclined, wanted }: AccountRefused): boolean => {
    // There is no other link after a password, and scripts expect no other link but after their own answer.
    if (typed !== undefined || !(isDeclined || terminal.interactive)) return false;
    callbacks?.tell({ tone: 'bad', title: 'That did not work', text: message });
    terminal.warn(message, `sign out in the browser, and open the new link as ${wanted}`);
    return true;
  };
  try {
    const made = await makeKey({
      ...options,
      appKeys: session.appKeys,
      expected,
      keys: context.keys,
      provider: provider.id === 'x' ? undefined : provider.id,
      flow() {
        const screenName = expectedName(expected);
        return options.flow ? options.flow(screenName) : authorize(bot, screenName, session);
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
  { provider, client, terminal, callbacks }: Session,
): Promise<Grant | undefined> {
  const showUrl = (url: string): void => {
    showLink(url, bot, expected, terminal);
    if (callbacks) void openInBrowser(url, terminal);
  };
  if (callbacks)
    return unlessInterrupted(callbackFlow(provider.title, { client, expected, callbacks, showUrl }));
  return pinFlow({
    client,
    expected,
    showUrl,
    askPin: () => askPin(bot, provider, terminal),
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

async function askPin(bot: BotName, provider: Provider, terminal: Terminal) {
  for (;;) {
    const question = `PIN for ${bot} (r for a new link, n to skip):`;
    const answer = await terminal.ask(question, 'enter the PIN that the page shows, on a line of its own');
    if (/^\s*n(o)?\s*$/i.test(answer)) return 'skip';
    if (/^\s*r\s*$/i.test(answer)) return 'new link';
    try {
      return { pin: parsePin(answer, provider) };
    } catch (error) {
      if (!(error instanceof FlockError)) throw error;
      terminal.warn(error.message, error.hint);
    }
  }
}

/** @throws {FlockError} `usage` if a text is not a PIN */
export function parsePin(text: string, provider: Provider): string {
  const pin = verifierFrom(text, provider);
  if (pin !== undefined) return pin;
  const { example } = provider.verifier;
  const message = example === '' ? 'that is not a PIN' : `that is not a PIN: one looks like ${example}`;
  throw new FlockError('usage', message, { hint: 'copy it from the page that the link leads to' });
}

/**
 * Reads a verifier that a person typed: removes spaces, and adds the dashes that people leave out.
 *
 * @returns undefined if it cannot be a verifier
 */
function verifierFrom(typed: string, { verifier }: Provider): string | undefined {
  const plain = typed.replaceAll(/\s+/g, '');
  const { pattern, example } = verifier;
  if (pattern.test(plain)) return plain;
  const digits = Array.from(plain.replaceAll('-', ''));
  const dashed = example.replaceAll(/[0-9]/g, () => digits.shift() ?? '');
  return digits.length === 0 && pattern.test(dashed) ? dashed : undefined;
}
