import pMap from 'p-map';
import { type PriceTable, readingCost, showUsd, usualPrices } from '../cost.ts';
import { FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { isSameName } from '../keys/right-account.ts';
import { classify, type XFailure } from '../networks/x/failure.ts';
import { type Account, readRequestToken, readWhoAmI } from '../oauth/client.ts';
import type { Provider, WhoAmI } from '../oauth/providers.ts';
import { signedSend } from '../oauth/signature.ts';
import {
  type AppPair,
  appPairs,
  aboutBot,
  aboutFlock,
  botNames,
  type Checkup,
  type Finding,
  isChosen,
  type Known,
  type LoadedBundle,
  providerIdOf,
  withoutTitle,
} from './report.ts';

/** The online half of doctor: asks the providers whether they know each app, and which account each key is for. */
export async function examineOnline(checkup: Checkup, known: Known): Promise<Finding[]> {
  const chosen = known.bundles.filter((one) => isChosen(checkup, one.bot));
  const pairs = appPairs(known.appKeys, known.bundles, chosen).flatMap((pair) =>
    withProvider(checkup, known, pair),
  );
  const apps = await pMap(
    pairs,
    async ({ provider, pair }) => ({ provider, pair, answer: await askApp(checkup, provider, pair) }),
    { concurrency: maxRequests },
  );
  const usable = apps.filter(({ answer }) => answer.usable);
  const keys = await askKeys(
    checkup,
    usable.flatMap(({ provider, pair }) => pair.bundles.map((loaded) => ({ provider, loaded }))),
  );
  const unasked = apps
    .filter(({ answer }) => !answer.usable)
    .flatMap(({ provider, pair }) => pair.bundles.map((loaded) => ({ provider, loaded })));
  return [
    ...onceEach(apps.map(({ answer }) => answer.finding)),
    ...examineClocks(apps.map(({ answer }) => answer)),
    ...keys.findings,
    ...tellUnasked([...unasked, ...keys.unasked]),
  ];
}

/** The maximum of accounts that the online half reads on X. */
export const readsOnX = (checkup: Checkup, { bundles }: Known): number =>
  bundles.filter((one) => isChosen(checkup, one.bot) && providerIdOf(one) === 'x').length;

/**
 * What the online checks will cost, for people to see before the checks run.
 *
 * @param reads - the number of accounts to read on X
 * @param isX - whether the requests go to X itself, and not to a sandbox
 */
export function forecast(reads: number, { isX, prices }: { isX: boolean; prices: PriceTable }): string {
  if (reads === 0) return 'No account is read on X: this costs nothing.';
  const accounts = reads === 1 ? '1 account is' : `${reads} accounts are`;
  const dollars = `about ${showUsd(readingCost({ accounts: reads }, prices))}`;
  return isX ? `${accounts} read on X: ${dollars}.` : `${accounts} read; X would charge ${dollars}.`;
}

/** What an answer means: findings about the bot that asked, or one about the whole provider. */
type Judgement = { ofBot: Finding[] } | { ofProvider: Finding };

interface KeyAnswer {
  loaded: LoadedBundle;
  provider: Provider;
  question: WhoAmI;
  answer: HttpAnswer;
}

/** @param now - milliseconds since 1970 */
function judgeKey(
  { loaded, provider, question, answer }: KeyAnswer,
  { keymaker }: Pick<Checkup, 'keymaker'>,
  now: number,
): Judgement {
  const reauth = keymaker(`reauth ${loaded.bot}`);
  if (answer.status !== 200) {
    const failure = provider.id === 'x' ? classify(answer, now) : failureOf(answer);
    return judgeFailure(loaded, provider, answer, failure, reauth);
  }
  try {
    const account = readWhoAmI(answer, provider, question);
    const key = { ...judgeAccount(loaded, provider, account, reauth), cost: costAt(provider) };
    const permission = judgePermission(loaded, provider, answer.headers['x-access-level'], reauth);
    return { ofBot: [key, ...permission] };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const message = withoutTitle(error.message, provider);
    if (error.exit === 'unavailable')
      return { ofProvider: aboutFlock(provider.title).bad('provider', message, error.hint) };
    return { ofBot: [aboutBot(loaded.bot).bad('key', error.message, reauth)] };
  }
}

/** Reads a refusal of a provider other than X. Only the status is used, because each provider has its own body format. */
function failureOf({ status }: HttpAnswer): XFailure {
  const reason = String(status);
  if (status === 401) return { kind: 'unauthorized', reason };
  if (status === 429) return { kind: 'limit', reason };
  return { kind: status >= 400 && status < 500 ? 'rejected' : 'in-doubt', reason };
}

/** Only X charges, and only for successful answers. */
const costAt = ({ id }: Provider): number => (id === 'x' ? usualPrices.userRead : 0);

function judgeAccount(
  { bot, bundle }: LoadedBundle,
  { title }: Provider,
  account: Account,
  reauth: string,
): Finding {
  const about = aboutBot(bot);
  const { userId, screenName } = bundle;
  const now = `@${account.screenName} (id ${account.userId})`;
  if (userId !== undefined && userId !== account.userId) {
    const then = `${screenName === undefined ? 'the account' : `@${screenName}`} (id ${userId})`;
    return about.bad('key', `the key is for ${now}, but its bundle says ${then}`, reauth);
  }
  if (isSameName(screenName, account.screenName) !== false)
    return about.ok('key', `${title} says @${account.screenName}`);
  return userId === undefined
    ? about.bad('key', `the key is for ${now}, but its bundle says @${screenName}`, reauth)
    : about.warn('key', `is called @${account.screenName} now; its bundle still says @${screenName}`, reauth);
}

/** X sends the permission of the token with each answer. */
function judgePermission(
  { bot }: LoadedBundle,
  { id, title }: Provider,
  level: string | undefined,
  reauth: string,
): Finding[] {
  const about = aboutBot(bot);
  if (id !== 'x') return [];
  if (level === undefined) return [about.skipped('permission', `${title} did not say whether it may post`)];
  return [level === 'read' ? readOnly(bot, reauth) : about.ok('permission', 'may post')];
}

const readOnly = (bot: string, reauth: string): Finding =>
  aboutBot(bot).bad(
    'permission',
    'its key may only read',
    `set Read and write in the developer console, then make a new key, because this one keeps its permission: ${reauth}`,
  );

function judgeFailure(
  loaded: LoadedBundle,
  { title }: Provider,
  { status, body }: HttpAnswer,
  failure: XFailure,
  reauth: string,
): Judgement {
  const [about, all] = [aboutBot(loaded.bot), aboutFlock(title)];
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
          about.bad('key', `${title} refused its key: it was revoked, or never good (${status})`, reauth),
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
            `sign in as ${accountOf(loaded)} to see why; until then set "paused": true in flock.json`,
          ),
        ],
      };
    case 'read-only':
      return { ofBot: [readOnly(loaded.bot, reauth)] };
    case 'no-credit':
      return { ofProvider: all.bad('credit', 'no credit is left', 'buy some in the developer console') };
    case 'wait':
    case 'limit':
      return {
        ofBot: [
          about.warn('key', `${title} limits its requests for now (${status})`, 'try again in 15 minutes'),
        ],
      };
    case 'app-refused':
      return {
        ofProvider: all.bad(
          'enrolment',
          `refuses the app: ${withoutSecrets(failure.reason, loaded)}`,
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
          about.bad(
            'key',
            `${title} did not say which account the key is for: ${withoutSecrets(failure.reason, loaded)}`,
            reauth,
          ),
        ],
      };
  }
}

const accountOf = ({ bot, bundle }: LoadedBundle): string =>
  bundle.screenName === undefined ? `the account of ${bot}` : `@${bundle.screenName}`;

/** Masks secrets in a message of a provider, which may repeat what it was sent. */
function withoutSecrets(text: string, { bundle }: LoadedBundle): string {
  const secrets = [bundle.appKeys, bundle.accessToken].flatMap((pair) => Object.values(pair.reveal()));
  return secrets.reduce((message, secret) => message.replaceAll(secret, '[secret]'), text);
}

const second = 1000;
const minute = 60 * second;
/** From this difference on the clock gets a warning. */
const minWarnedSkew = 30 * second;
/** X refuses signatures with a larger difference. */
const maxSkew = 5 * minute;

/** The difference between this machine's clock and a provider's. */
interface Skew {
  /** The provider. */
  title: string;
  /** How far this machine is behind; negative where it is ahead. Milliseconds. */
  behind: number;
}

/**
 * @param date - the answer's Date header
 * @param middle - this machine's time halfway between request and answer. Milliseconds since 1970
 * @returns undefined if the answer has no valid date
 */
function skewOf(title: string, date: string | undefined, middle: number): Skew | undefined {
  const theirs = Date.parse(date ?? '');
  // The header drops the fraction of the second: half a second is its mean.
  return Number.isNaN(theirs) ? undefined : { title, behind: theirs + second / 2 - middle };
}

/** Judges by the smallest difference: a proxy may send a cached answer with an old date, which shows too large a difference. */
function examineClock(skews: readonly Skew[]): Finding {
  const about = aboutFlock('clock');
  const nearest = [...skews].sort((a, b) => Math.abs(a.behind) - Math.abs(b.behind))[0];
  if (!nearest) return about.skipped('clock', 'no answer had a date');
  const { title, behind } = nearest;
  const size = Math.abs(behind);
  if (size < minWarnedSkew) return about.ok('clock', `within 30 s of ${title}`);
  const message = `this machine is ${inWords(size)} ${behind > 0 ? 'behind' : 'ahead of'} ${title}`;
  return about[size < maxSkew ? 'warn' : 'bad']('clock', message, 'timedatectl set-ntp true');
}

const inWords = (ms: number): string =>
  ms < 2 * minute ? `${Math.round(ms / second)} s` : `${Math.round(ms / minute)} min`;

/** The answer of a provider about an app. */
interface AppAnswer {
  finding: Finding;
  skew: Skew | undefined;
  /** Whether to ask about the bots of the app. */
  usable: boolean;
}

/** Asks for a request token, which is free, to learn whether the provider knows the app. The token is not used. */
async function askApp(checkup: Checkup, provider: Provider, pair: AppPair): Promise<AppAnswer> {
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

/** The address at which `keymaker make-keys --callback` listens. */
const loopback = 'http://127.0.0.1:4180/callback';

/** The finding for a provider that did not answer. */
const unreachable = ({ title }: Provider, { message }: NoAnswer): Finding =>
  aboutFlock(title).bad(
    'provider',
    message,
    'is there a network, and is KEYMAKER_API_URL (if set) the right address?',
  );

/** Matches refusals because of the app's settings: the provider knows the app, and its access tokens still work. */
const ofSettings = /\b415\b|callback|desktop applications/i;

function judgeApp(
  checkup: Checkup,
  provider: Provider,
  pair: AppPair,
  answer: HttpAnswer,
): Omit<AppAnswer, 'skew'> {
  const about = aboutFlock(provider.title);
  try {
    readRequestToken(answer, provider);
    return { finding: about.ok('app-keys', `knows the app keys ${origin(pair)}`), usable: true };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    const { status, body } = answer;
    const message = withoutTitle(error.message, provider);
    if (error.exit === 'tryLater')
      return { finding: about.warn('app-keys', message, error.hint), usable: true };
    const settings = status >= 400 && ofSettings.test(body);
    if (error.exit === 'unavailable' && !settings) {
      return { finding: about.bad('provider', message, error.hint), usable: status >= 400 && status < 500 };
    }
    const hint = settings || pair.isSet ? error.hint : reauthHint(checkup, pair);
    return { finding: about.bad('app-keys', `${message} (those ${origin(pair)})`, hint), usable: settings };
  }
}

const origin = ({ isSet, bundles }: AppPair): string => (isSet ? 'set now' : `of ${botNames(bundles)}`);

/** The hint for bundles with app keys that no longer work. */
function reauthHint({ keymaker }: Checkup, { bundles }: AppPair): string {
  const [first, ...others] = bundles;
  const rest = others.length > 0 ? `, and the same for ${botNames(others)}` : '';
  return `set the app keys of an app that works, then: ${keymaker(`reauth ${first?.bot ?? ''}`)}${rest}`;
}

/** The maximum of requests at the same time. */
const maxRequests = 8;

interface Question {
  provider: Provider;
  loaded: LoadedBundle;
}

/** Leaves out unknown providers, which the offline half reports. */
function withProvider(checkup: Checkup, { flockFile }: Known, pair: AppPair) {
  try {
    return [{ pair, provider: checkup.provider(pair.provider, flockFile.providers) }];
  } catch (error) {
    if (error instanceof FlockError) return [];
    throw error;
  }
}

function examineClocks(answers: readonly AppAnswer[]): Finding[] {
  const reached = answers.filter(({ finding, skew }) => skew ?? finding.check !== 'provider');
  return reached.length === 0 ? [] : [examineClock(reached.flatMap(({ skew }) => skew ?? []))];
}

/** Asks which account each key is for. A provider that does not answer is not asked again. */
async function askKeys(
  checkup: Checkup,
  asked: readonly Question[],
): Promise<{ findings: Finding[]; unasked: Question[] }> {
  const silent = new Set<string>();
  const answers = await pMap(
    asked,
    async (one) => {
      if (silent.has(one.provider.id)) return { one };
      try {
        return { one, judgement: await askKey(checkup, one) };
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        silent.add(one.provider.id);
        return { one, judgement: { ofProvider: unreachable(one.provider, error) } };
      }
    },
    { concurrency: maxRequests },
  );
  const judged = answers.flatMap(({ one, judgement }) =>
    judgement ? [{ loaded: one.loaded, judgement }] : [],
  );
  return {
    findings: [
      ...ofProviders(judged),
      ...judged.flatMap(({ judgement }) => ('ofBot' in judgement ? judgement.ofBot : [])),
    ],
    unasked: answers.filter(({ judgement }) => !judgement).map(({ one }) => one),
  };
}

async function askKey(checkup: Checkup, { provider, loaded }: Question): Promise<Judgement> {
  const question = provider.whoAmI;
  if (!question)
    return {
      ofBot: [
        aboutBot(loaded.bot).skipped(
          'key',
          `${provider.title} has no request that says which account a key is for`,
        ),
      ],
    };
  const first = await askWho(checkup, loaded, question);
  // X answered 401 to good keys in an outage. A refused request costs nothing, so ask twice.
  const answer = first.status === 401 ? await askWho(checkup, loaded, question) : first;
  return judgeKey({ loaded, provider, question, answer }, checkup, checkup.clock.now());
}

function askWho({ send, clock }: Checkup, { bundle }: LoadedBundle, { url }: WhoAmI): Promise<HttpAnswer> {
  const { appKeys, accessToken } = bundle;
  return signedSend({ send, clock, appKeys, token: accessToken })({ method: 'GET', url });
}

/** Joins equal findings about a provider into one, with the bots that were asked about. */
function ofProviders(judged: readonly { loaded: LoadedBundle; judgement: Judgement }[]): Finding[] {
  const met = new Map<string, { finding: Finding; bundles: LoadedBundle[] }>();
  for (const { loaded, judgement } of judged) {
    if (!('ofProvider' in judgement)) continue;
    const finding = judgement.ofProvider;
    const known = met.get(textOf(finding)) ?? { finding, bundles: [] };
    met.set(textOf(finding), { finding, bundles: [...known.bundles, loaded] });
  }
  return Array.from(met.values(), ({ finding, bundles }) => ({
    ...finding,
    message: `${finding.message}, asked for ${botNames(bundles)}`,
  }));
}

/** Removes repeated findings: a provider that is down gives the same one for every app. */
const onceEach = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((finding) => [textOf(finding), finding])).values(),
];

const textOf = ({ check, subject, message }: Finding): string => JSON.stringify([check, subject, message]);

function tellUnasked(unasked: readonly Question[]): Finding[] {
  const titles = [...new Set(unasked.map(({ provider }) => provider.title))];
  return titles.map((title) => {
    const bots = unasked.filter(({ provider }) => provider.title === title).map(({ loaded }) => loaded);
    return aboutFlock(title).skipped('key', `was not asked about ${botNames(bots)}`);
  });
}
