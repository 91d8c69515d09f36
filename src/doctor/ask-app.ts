import { FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { readRequestToken, signedSend } from '../oauth/client.ts';
import type { Provider } from '../oauth/providers.ts';
import { type AppPair, names } from './app-pairs.ts';
import type { Checkup } from './checkup.ts';
import { type Skew, skewOf } from './clock-skew.ts';
import { type Finding, thing, withoutTitle } from './finding.ts';

/** What a provider says of an app. */
export interface AppAnswer {
  finding: Finding;
  skew: Skew | undefined;
  /** Whether it makes sense to ask about the bots of the app. */
  usable: boolean;
}

/** Asks for a request token, which costs nothing and which nobody will use. */
export async function askApp(checkup: Checkup, provider: Provider, pair: AppPair): Promise<AppAnswer> {
  const { send, clock } = checkup;
  const callback = provider.callback === 'url' ? loopback : 'oob';
  const before = clock.now();
  try {
    const answer = await signedSend({ send, clock, appKeys: pair.appKeys })({
      method: provider.requestTokenMethod,
      url: provider.requestTokenUrl,
      oauth: [['oauth_callback', callback]],
    });
    const skew = skewOf(provider.title, answer.headers['date'], (before + clock.now()) / 2);
    return { ...judgeApp(checkup, provider, pair, answer), skew };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { finding: unreachable(provider, error), skew: undefined, usable: false };
  }
}

/** Where `keymaker --callback` waits. */
const loopback = 'http://127.0.0.1:4180/callback';

/** A provider that gave no answer. */
export const unreachable = ({ title }: Provider, { message }: NoAnswer): Finding =>
  thing(title).bad(
    'provider',
    message,
    'is there a network, and is KEYMAKER_API_URL (if set) the right address?',
  );

/** Failures of the app's settings: its keys are known, and tokens that it has go on working. */
const ofSettings = /\b415\b|callback|desktop applications/i;

function judgeApp(
  checkup: Checkup,
  provider: Provider,
  pair: AppPair,
  answer: HttpAnswer,
): Omit<AppAnswer, 'skew'> {
  const about = thing(provider.title);
  try {
    readRequestToken(answer, provider);
    return { finding: about.ok('app-keys', `knows the app keys ${whose(pair)}`), usable: true };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const { status, body } = answer;
    const said = withoutTitle(error.message, provider);
    if (error.exit === 'tryLater') return { finding: about.warn('app-keys', said, error.hint), usable: true };
    const settings = status >= 400 && ofSettings.test(body);
    if (error.exit === 'unavailable' && !settings) {
      return { finding: about.bad('provider', said, error.hint), usable: status >= 400 && status < 500 };
    }
    const hint = settings || pair.isSet ? error.hint : moved(checkup, pair);
    return { finding: about.bad('app-keys', `${said} (those ${whose(pair)})`, hint), usable: settings };
  }
}

const whose = ({ isSet, held }: AppPair): string => (isSet ? 'set now' : `of ${names(held)}`);

/** What was made with app keys that are no more is made again with those of now. */
function moved({ keymaker }: Checkup, { held }: AppPair): string {
  const [first, ...others] = held;
  const rest = others.length > 0 ? `, and so for ${names(others)}` : '';
  return `with the app keys of a living app set: ${keymaker(`reauth ${first?.bot ?? ''}`)}${rest}`;
}
