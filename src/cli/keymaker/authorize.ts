import type { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import type { OAuth1Client } from '../../oauth/oauth1-client.ts';
import { pinFlow, type Grant, type PinAnswer } from '../../oauth/pin-flow.ts';
import type { Provider } from '../../oauth/provider.ts';
import type { Terminal } from '../terminal.ts';

export interface AuthorizeOptions {
  bot: BotName;
  provider: Provider;
  client: OAuth1Client;
  /** The screen name the bot is to have, where it is known. */
  screenName: string | undefined;
  terminal: Terminal;
}

/** The PIN flow with a person at the terminal. @throws {FlockError} as {@link pinFlow} and the terminal do */
export function authorize({
  bot,
  provider,
  client,
  screenName,
  terminal,
}: AuthorizeOptions): Promise<Grant | undefined> {
  const account = screenName === undefined ? `the account of ${bot}` : `@${screenName}`;
  return pinFlow({
    client,
    expected: screenName,
    showUrl(url) {
      terminal.say(`Open this link, sign in as ${account}, and authorize the app:`);
      terminal.say();
      terminal.say(url);
      terminal.say();
    },
    askPin: () => askPin(bot, provider, terminal),
    refused: ({ message, hint }: FlockError) => {
      terminal.warn(`${bot}: ${message}`, hint);
    },
  });
}

async function askPin(bot: BotName, { pin }: Provider, terminal: Terminal): Promise<PinAnswer> {
  for (;;) {
    const question = `PIN for ${bot} (r for a new link, n to skip):`;
    const answer = (
      await terminal.ask(question, 'enter the PIN that the page shows, on a line of its own')
    ).trim();
    if (/^n(o)?$/i.test(answer)) return 'skip';
    if (/^r$/i.test(answer)) return 'new link';
    // People copy it with spaces and dashes.
    const digits = answer.replaceAll(/[\s-]/g, '');
    if (pin.test(digits)) return { pin: digits };
    terminal.warn('that is not a PIN: it has only digits', 'copy it from the page that the link leads to');
  }
}
