import type { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import type { Account, Grant, OAuth1Client } from '../../oauth/client.ts';
import { callbackFlow, type PinAnswer, pinFlow } from '../../oauth/flows.ts';
import { type Provider, verifierFrom } from '../../oauth/providers.ts';
import type { CallbackListener } from '../../web/callback.ts';
import { openInBrowser } from '../browser.ts';
import type { Terminal } from '../terminal.ts';

export interface AuthorizeOptions {
  bot: BotName;
  provider: Provider;
  client: OAuth1Client;
  /** The screen name the bot is to have, where it is known. */
  screenName: string | undefined;
  terminal: Terminal;
  /** Where the person is sent back to; without it they bring a PIN. */
  callbacks?: CallbackListener | undefined;
}

/** A person's step, told and asked at the terminal. @throws {FlockError} as the flows and the terminal do */
export function authorize(options: AuthorizeOptions): Promise<Grant | undefined> {
  const { bot, provider, client, screenName, terminal, callbacks } = options;
  const showUrl = (url: string): void => {
    showLink(options, url);
  };
  if (callbacks) {
    return callbackFlow({ provider: provider.title, client, expected: screenName, callbacks, showUrl });
  }
  return pinFlow({
    client,
    expected: screenName,
    showUrl,
    askPin: () => askPin(bot, provider, terminal),
    refused: ({ message, hint }: FlockError) => {
      terminal.warn(`${bot}: ${message}`, hint);
    },
  });
}

/** Says what to do with a link that authorizes a bot. */
export function showLink(
  {
    bot,
    screenName,
    terminal,
    callbacks,
  }: Pick<AuthorizeOptions, 'bot' | 'screenName' | 'terminal' | 'callbacks'>,
  url: string,
): void {
  const account = screenName === undefined ? `the account of ${bot}` : `@${screenName}`;
  terminal.say(`Open this link, sign in as ${account}, and authorize the app:`);
  terminal.say();
  terminal.say(url);
  terminal.say();
  if (callbacks) void openInBrowser(url, terminal);
}

async function askPin(bot: BotName, provider: Provider, terminal: Terminal): Promise<PinAnswer> {
  for (;;) {
    const question = `PIN for ${bot} (r for a new link, n to skip):`;
    const answer = (
      await terminal.ask(question, 'enter the PIN that the page shows, on a line of its own')
    ).trim();
    if (/^n(o)?$/i.test(answer)) return 'skip';
    if (/^r$/i.test(answer)) return 'new link';
    const pin = verifierFrom(answer, provider);
    if (pin !== undefined) return { pin };
    terminal.warn(notPin(provider), 'copy it from the page that the link leads to');
  }
}

/** What is wrong with something typed in a PIN's place. */
export function notPin({ verifier: { example } }: Provider): string {
  return example === '' ? 'that is not a PIN' : `that is not a PIN: one looks like ${example}`;
}

/** How a person says whose account it is that was authorized. */
export interface Confirming {
  bot: BotName;
  terminal: Terminal;
  /** What would have answered, for the hint at the end of input. */
  instead: string;
  /** The person has answered with a flag. */
  yes?: boolean | undefined;
  callbacks?: CallbackListener | undefined;
}

/** Asks whether this is the bot's account, and says what comes after a "no". */
export function confirming({ bot, terminal, instead, yes = false, callbacks }: Confirming) {
  const questionOf = ({ screenName }: Account): string => `Is @${screenName} the account of ${bot}?`;
  return {
    confirm: async (account: Account): Promise<boolean> => {
      if (yes) return true;
      const question = questionOf(account);
      callbacks?.tell({ mood: 'plain', title: question, text: 'Please answer in the terminal.' });
      return terminal.confirm(question, instead);
    },
    declined: ({ screenName }: Account): void => {
      terminal.warn(
        `${bot}: @${screenName} is not its account, you say; nothing was stored`,
        `sign out in the browser; a new link follows, since the old one is spent`,
      );
    },
  };
}
