import { usualPrices } from '../cost.ts';
import { FlockError } from '../errors.ts';
import type { HttpAnswer } from '../http/exchange.ts';
import { isSameName } from '../keys/right-account.ts';
import { classify, type XFailure } from '../networks/x/failure.ts';
import { type Account, readWhoAmI } from '../oauth/client.ts';
import type { Provider, WhoAmI } from '../oauth/providers.ts';
import { bot as botCalled, type Checkup, type Finding, type Held, thing, withoutTitle } from './report.ts';

/** What an answer means: for the bot that asked, or for everybody at the provider. */
export type Judgement = { ofBot: Finding[] } | { ofProvider: Finding };

export interface KeyAnswer {
  held: Held;
  provider: Provider;
  question: WhoAmI;
  answer: HttpAnswer;
}

/** @param now - milliseconds since 1970 */
export function judgeKey(
  { held, provider, question, answer }: KeyAnswer,
  { keymaker }: Pick<Checkup, 'keymaker'>,
  now: number,
): Judgement {
  const again = keymaker(`reauth ${held.bot}`);
  if (answer.status !== 200) {
    const failure = provider.id === 'x' ? classify(answer, now) : failureOf(answer);
    return judgeFailure(held, provider, answer, failure, again);
  }
  try {
    const account = readWhoAmI(answer, provider, question);
    const key = { ...judgeAccount(held, provider, account, again), cost: costAt(provider) };
    const permission = judgePermission(held, provider, answer.headers['x-access-level'], again);
    return { ofBot: [key, ...permission] };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const said = withoutTitle(error.message, provider);
    if (error.exit === 'unavailable')
      return { ofProvider: thing(provider.title).bad('provider', said, error.hint) };
    return { ofBot: [botCalled(held.bot).bad('key', error.message, again)] };
  }
}

/** What a refusal of a provider means that is not X, and has a format of its own: its status tells. */
function failureOf({ status }: HttpAnswer): XFailure {
  const reason = String(status);
  if (status === 401) return { kind: 'unauthorized', reason };
  if (status === 429) return { kind: 'limit', reason };
  return { kind: status >= 400 && status < 500 ? 'rejected' : 'in-doubt', reason };
}

/** Only X charges, and only for what it answers. */
const costAt = ({ id }: Provider): number => (id === 'x' ? usualPrices.userRead : 0);

function judgeAccount({ bot, bundle }: Held, { title }: Provider, account: Account, again: string): Finding {
  const about = botCalled(bot);
  const { userId, screenName } = bundle;
  const now = `@${account.screenName} (id ${account.userId})`;
  if (userId !== undefined && userId !== account.userId) {
    const then = `${screenName === undefined ? 'the account' : `@${screenName}`} (id ${userId})`;
    return about.bad('key', `the key is for ${now}, but its bundle says ${then}`, again);
  }
  if (isSameName(screenName, account.screenName) !== false)
    return about.ok('key', `${title} says @${account.screenName}`);
  return userId === undefined
    ? about.bad('key', `the key is for ${now}, but its bundle says @${screenName}`, again)
    : about.warn('key', `is called @${account.screenName} now; its bundle still says @${screenName}`, again);
}

/** X tells with each answer what the token may do. */
function judgePermission(
  { bot }: Held,
  { id, title }: Provider,
  level: string | undefined,
  again: string,
): Finding[] {
  const about = botCalled(bot);
  if (id !== 'x') return [];
  if (level === undefined) return [about.skipped('permission', `${title} did not tell whether it may post`)];
  return [level === 'read' ? readOnly(bot, again) : about.ok('permission', 'may post')];
}

const readOnly = (bot: string, again: string): Finding =>
  botCalled(bot).bad(
    'permission',
    'its key may only read',
    `set Read and write in the developer console, and then, since an old key keeps its old permission: ${again}`,
  );

function judgeFailure(
  held: Held,
  { title }: Provider,
  { status, body }: HttpAnswer,
  failure: XFailure,
  again: string,
): Judgement {
  const [about, all] = [botCalled(held.bot), thing(title)];
  if (/client-not-enrolled|client-forbidden/.test(body)) {
    return {
      ofProvider: all.bad(
        'enrolment',
        'the app is in no project (client-not-enrolled)',
        'attach the app to a project in the developer console',
      ),
    };
  }
  switch (failure.kind) {
    case 'reauth':
    case 'unauthorized':
      return {
        ofBot: [
          about.bad('key', `${title} refused its key: it was revoked, or never good (${status})`, again),
        ],
      };
    case 'suspended':
    case 'locked':
    case 'automated':
      return {
        ofBot: [
          about.bad(
            'key',
            `${title} has suspended or locked its account`,
            `sign in as ${accountOf(held)} and see why; until then "paused": true in flock.json`,
          ),
        ],
      };
    case 'read-only':
      return { ofBot: [readOnly(held.bot, again)] };
    case 'no-credit':
      return { ofProvider: all.bad('credit', 'no credit is left', 'buy some in the developer console') };
    case 'wait':
    case 'limit':
      return {
        ofBot: [about.warn('key', `${title} asks for patience (${status})`, 'try again in 15 minutes')],
      };
    case 'app-refused':
      return {
        ofProvider: all.bad(
          'enrolment',
          `refuses the app: ${withoutSecrets(failure.reason, held)}`,
          'look at the app in the developer console',
        ),
      };
    case 'clock':
      return { ofProvider: all.bad('provider', failure.reason, 'timedatectl set-ntp true') };
    case 'in-doubt':
    case 'never-sent':
      return { ofProvider: all.bad('provider', `is not well (${status})`, 'try again in a few minutes') };
    case 'duplicate':
    case 'rejected':
      return {
        ofBot: [
          about.bad('key', `${title} would not say whose: ${withoutSecrets(failure.reason, held)}`, again),
        ],
      };
  }
}

const accountOf = ({ bot, bundle }: Held): string =>
  bundle.screenName === undefined ? `the account of ${bot}` : `@${bundle.screenName}`;

/** What a provider says may quote what it was sent. */
function withoutSecrets(text: string, { bundle }: Held): string {
  const secrets = [bundle.appKeys, bundle.accessToken].flatMap((pair) => Object.values(pair.reveal()));
  return secrets.reduce((said, secret) => said.replaceAll(secret, '[secret]'), text);
}
