import type { Failure } from '../networks/network.ts';
import pMap from 'p-map';
import { type PriceTable, readingCost, showUsd, usualPrices } from '../cost.ts';
import { attempt, FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { classify } from '../networks/x/failure.ts';
import { readRequestToken, readWhoAmI } from '../oauth/client.ts';
import type { Provider, WhoAmI } from '../oauth/providers.ts';
import { signedSend, type TokenPair } from '../oauth/signature.ts';
import { counted, duration, grouped } from '../text.ts';
import {
  aboutBot,
  aboutFlock,
  botNames,
  type Checkup,
  type Finding,
  isChosen,
  judgeAccount,
  type Known,
  type LoadedBundle,
  providerIdOf,
  withoutSecrets,
} from './finding.ts';

/** The online half of doctor: asks the providers whether they know each app, and which account each key is for. */
export async function examineOnline(checkup: Checkup, known: Known): Promise<Finding[]> {
  const apps = await pMap(appsIn(checkup, known), (app) => askApp(checkup, app), { concurrency });
  const questionsOf = (isUsable: boolean): Question[] =>
    apps
      .filter((answer) => answer.isUsable === isUsable)
      .flatMap(({ app: { provider, bundles } }) => bundles.map((loaded) => ({ provider, loaded })));
  const keys = await askKeys(checkup, questionsOf(true));
  return [
    // A provider that is down gives the same finding for every app.
    ...new Map(apps.map(({ finding }) => [textOf(finding), finding])).values(),
    ...examineClock(apps),
    ...keys.findings,
    ...tellUnasked([...questionsOf(false), ...keys.unasked]),
  ];
}

/** The maximum number of requests at the same time. */
const concurrency = 8;

const textOf = ({ check, subject, message }: Finding): string => JSON.stringify([check, subject, message]);

/**
 * What the online checks will cost, for people to see before the checks run.
 *
 * @param reads - the number of accounts to read on X
 * @param isX - whether the requests go to X itself, and not to a sandbox
 */
export function forecast(reads: number, { isX, prices }: { isX: boolean; prices: PriceTable }): string {
  if (reads === 0) return 'This costs nothing.';
  const accounts = `${counted(reads, 'account')} ${reads === 1 ? 'is' : 'are'}`;
  const dollars = `about ${showUsd(readingCost({ accounts: reads }, prices))}`;
  return isX ? `${accounts} read on X: ${dollars}.` : `${accounts} read; X would charge ${dollars}.`;
}

/** App keys, the provider that they are for, and the bundles to examine that have them. */
interface App {
  provider: Provider;
  appKeys: TokenPair;
  /** Whether they are the ones set now. */
  isSet: boolean;
  bundles: LoadedBundle[];
}

/** Each pair of app keys once for each provider, with those set now first. Unknown providers are left to the offline half. */
function appsIn(checkup: Checkup, { flockFile, appKeys: set, appProviders, bundles }: Known): App[] {
  const used = bundles
    .filter(({ bot }) => isChosen(checkup, bot))
    .map((one) => ({ id: providerIdOf(one), appKeys: one.bundle.appKeys, bundles: [one] }));
  const ofSet = set ? [...appProviders].map((id) => ({ id, appKeys: set, bundles: [] })) : [];
  const groups = grouped([...ofSet, ...used], ({ id, appKeys }) => {
    const { token, secret } = appKeys.reveal();
    return JSON.stringify([id, token, secret]);
  });
  return [...groups.values()].flatMap((group, index) => {
    const [first] = group;
    const provider = first && attempt(() => checkup.provider(first.id, flockFile.providers));
    if (!provider || provider instanceof FlockError) return [];
    const all = group.flatMap((part) => part.bundles);
    return [{ provider, appKeys: first.appKeys, isSet: index < ofSet.length, bundles: all }];
  });
}

/** The answer of a provider about an app. */
interface AppAnswer {
  app: App;
  finding: Finding;
  /** {@link lagBehind} its provider. */
  lag?: number | undefined;
  /** Whether to ask about the bots of the app. */
  isUsable: boolean;
}

/** Asks for a request token, which is free, to learn whether the provider knows the app. The token is not used. */
async function askApp(checkup: Checkup, app: App): Promise<AppAnswer> {
  const { send, clock } = checkup;
  const { provider, appKeys } = app;
  const callback = provider.callback === 'url' ? loopback : 'oob';
  const before = clock.now();
  try {
    const answer = await signedSend({ send, clock, appKeys })({
      method: provider.requestTokenMethod,
      url: provider.requestTokenUrl,
      oauth: [['oauth_callback', callback]],
    });
    const lag = lagBehind(answer.headers['date'], (before + clock.now()) / 2);
    return { app, ...judgeApp(checkup, app, answer), lag };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { app, finding: unreachable(provider, error), isUsable: false };
  }
}

/** The address at which `keymaker make-keys --callback` listens. */
const loopback = 'http://127.0.0.1:4180/callback';

/** The finding for a provider that did not answer. */
function unreachable({ title }: Provider, { message }: NoAnswer): Finding {
  const hint = 'is there a network, and is KEYMAKER_API_URL (if set) the right address?';
  return aboutFlock(title).bad('provider', message, hint);
}

/** Matches refusals because of the app's settings: the provider knows the app, and its access tokens still work. */
const ofSettings = /\b415\b|callback|desktop applications/i;

function judgeApp(checkup: Checkup, app: App, answer: HttpAnswer): Pick<AppAnswer, 'finding' | 'isUsable'> {
  const { provider } = app;
  const about = aboutFlock(provider.title);
  const error = attempt(() => readRequestToken(answer, provider));
  if (!(error instanceof FlockError))
    return { finding: about.ok('app-keys', `knows the app keys ${origin(app)}`), isUsable: true };
  const { status, body } = answer;
  const message = withoutTitle(error.message, provider);
  if (error.exit === 'tryLater')
    return { finding: about.warn('app-keys', message, error.hint), isUsable: true };
  const isOfSettings = status >= 400 && ofSettings.test(body);
  if (error.exit === 'unavailable' && !isOfSettings)
    return { finding: about.bad('provider', message, error.hint), isUsable: status >= 400 && status < 500 };
  const hint = isOfSettings || app.isSet ? error.hint : reauthHint(checkup, app);
  return {
    finding: about.bad('app-keys', `${message} (those ${origin(app)})`, hint),
    isUsable: isOfSettings,
  };
}

/** A message without the provider's title at its start, because the report has the subject before the message. */
const withoutTitle = (message: string, { title }: Provider): string =>
  message.startsWith(`${title} `) ? message.slice(title.length + 1) : message;

const origin = ({ isSet, bundles }: App): string => (isSet ? 'set now' : `of ${botNames(bundles)}`);

/** The hint for bundles with app keys that no longer work. */
function reauthHint({ keymaker }: Checkup, { bundles }: App): string {
  const [first, ...others] = bundles;
  const rest = others.length > 0 ? `, and the same for ${botNames(others)}` : '';
  return `set the app keys of an app that works, then: ${keymaker(`reauth ${first?.bot ?? ''}`)}${rest}`;
}

/** From this difference on the clock gets a warning. Milliseconds. */
const minWarnedSkew = 30_000;
/** X refuses signatures with a larger difference. Milliseconds. */
const maxSkew = 300_000;

/**
 * How far this machine is behind; negative where it is ahead. Milliseconds.
 *
 * @param date - the answer's Date header
 * @param middle - this machine's time halfway between request and answer. Milliseconds since 1970
 * @returns undefined if the answer has no valid date
 */
function lagBehind(date: string | undefined, middle: number): number | undefined {
  const theirs = Date.parse(date ?? '');
  // The header drops the fraction of the second: half a second is its mean.
  return Number.isNaN(theirs) ? undefined : theirs + 500 - middle;
}

/** Judges by the smallest difference: a proxy may send a cached answer with an old date, which shows too large a difference. */
function examineClock(answers: readonly AppAnswer[]): Finding[] {
  const reached = answers.filter(({ finding, lag }) => lag ?? finding.check !== 'provider');
  if (reached.length === 0) return [];
  const about = aboutFlock('clock');
  const lags = reached.flatMap(({ app, lag }) => (lag === undefined ? [] : [{ ...app.provider, lag }]));
  const [nearest] = lags.sort((a, b) => Math.abs(a.lag) - Math.abs(b.lag));
  if (!nearest) return [about.skipped('clock', 'no answer had a date')];
  const { title, lag } = nearest;
  const size = Math.abs(lag);
  if (size < minWarnedSkew) return [about.ok('clock', `within 30 s of ${title}`)];
  const message = `this machine is ${duration(1000 * Math.round(size / 1000))} ${lag > 0 ? 'behind' : 'ahead of'} ${title}`;
  return [about[size < maxSkew ? 'warn' : 'bad']('clock', message, 'timedatectl set-ntp true')];
}

/** A key whose account a provider is asked for. */
interface Question {
  provider: Provider;
  loaded: LoadedBundle;
}

/** Asks which account each key is for. A provider that does not answer is not asked again. */
async function askKeys(
  checkup: Checkup,
  questions: readonly Question[],
): Promise<{ findings: Finding[]; unasked: Question[] }> {
  const silent = new Set<string>();
  const ask = async (question: Question): Promise<Finding[] | undefined> => {
    const { provider } = question;
    if (silent.has(provider.id)) return undefined;
    try {
      return await askKey(checkup, question);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      silent.add(provider.id);
      return [unreachable(provider, error)];
    }
  };
  const answers = await pMap(questions, async (one) => ({ one, findings: await ask(one) }), { concurrency });
  const found = answers.flatMap(({ one, findings = [] }) => findings.map((finding) => ({ one, finding })));
  const ofProviders = found.filter(({ finding }) => finding.about === 'flock');
  // Equal ones become one, with the bots that were asked about.
  const merged = [...grouped(ofProviders, ({ finding }) => textOf(finding)).values()].flatMap((group) => {
    const bots = botNames(group.map(({ one }) => one.loaded));
    return group.slice(0, 1).map(({ finding }) => {
      return { ...finding, message: `${finding.message}, asked for ${bots}` };
    });
  });
  const ofBots = found.flatMap(({ finding }) => (finding.about === 'bot' ? [finding] : []));
  return {
    findings: [...merged, ...ofBots],
    unasked: answers.filter(({ findings }) => !findings).map(({ one }) => one),
  };
}

/** The findings about a bot, or one about its provider. @throws {NoAnswer} */
async function askKey(checkup: Checkup, { provider, loaded }: Question): Promise<Finding[]> {
  const { whoAmI: request, title } = provider;
  if (!request) {
    const why = `${title} has no request that says which account a key is for`;
    return [aboutBot(loaded.bot).skipped('key', why)];
  }
  const first = await askWho(checkup, loaded, request);
  // X answered 401 to good keys in an outage. A refused request costs nothing, so ask twice.
  const answer = first.status === 401 ? await askWho(checkup, loaded, request) : first;
  const reauth = checkup.keymaker(`reauth ${loaded.bot}`);
  if (answer.status !== 200) return [judgeFailure({ provider, loaded }, answer, checkup.clock.now(), reauth)];
  const account = attempt(() => readWhoAmI(answer, provider, request));
  if (account instanceof FlockError) {
    return [
      account.exit === 'unavailable'
        ? aboutFlock(title).bad('provider', withoutTitle(account.message, provider), account.hint)
        : aboutBot(loaded.bot).bad('key', account.message, reauth),
    ];
  }
  // Only X charges, and only for successful answers.
  const cost = provider.id === 'x' ? usualPrices.userRead : 0;
  return [
    { ...judgeAccount(loaded, title, account, reauth), cost },
    ...judgePermission(loaded, provider, answer.headers['x-access-level'], reauth),
  ];
}

function askWho({ send, clock }: Checkup, { bundle }: LoadedBundle, { url }: WhoAmI): Promise<HttpAnswer> {
  const { appKeys, accessToken } = bundle;
  return signedSend({ send, clock, appKeys, token: accessToken })({ method: 'GET', url });
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

/** @param now - milliseconds since 1970 */
function judgeFailure(
  { provider: { id, title }, loaded }: Question,
  answer: HttpAnswer,
  now: number,
  reauth: string,
): Finding {
  const [about, all] = [aboutBot(loaded.bot), aboutFlock(title)];
  const { status } = answer;
  if (/client-not-enrolled|client-forbidden/.test(answer.body)) {
    const why = 'the app is in no project (client-not-enrolled)';
    return all.bad('enrolment', why, 'attach the app to a project in the developer console');
  }
  const failure = id === 'x' ? classify(answer, now) : failureOf(answer);
  const reason = withoutSecrets(failure.reason, loaded);
  switch (failure.kind) {
    case 'reauth':
    case 'unauthorized':
      return about.bad('key', `${title} refused its key: it was revoked, or never good (${status})`, reauth);
    case 'suspended':
    case 'locked':
    case 'automated': {
      const { screenName } = loaded.bundle;
      const account = screenName === undefined ? `the account of ${loaded.bot}` : `@${screenName}`;
      const hint = `sign in as ${account} to see why; until then set "paused": true in flock.json`;
      return about.bad('key', `${title} has suspended or locked its account`, hint);
    }
    case 'read-only':
      return readOnly(loaded.bot, reauth);
    case 'no-credit':
      return all.bad('credit', 'no credit is left', 'buy some in the developer console');
    case 'wait':
    case 'limit':
      return about.warn('key', `${title} limits its requests for now (${status})`, 'try again in 15 minutes');
    case 'app-refused':
      return all.bad('enrolment', reason, 'look at the app in the developer console');
    case 'clock':
      return all.bad('provider', failure.reason, 'timedatectl set-ntp true');
    case 'in-doubt':
    case 'never-sent':
      return all.bad('provider', `is not well (${status})`, 'try again in a few minutes');
    case 'duplicate':
    case 'rejected':
      return about.bad('key', `${title} did not say which account the key is for: ${reason}`, reauth);
  }
}

/** Reads a refusal of a provider other than X. Only the status is used, because each provider has its own body format. */
function failureOf({ status }: HttpAnswer): Failure {
  const reason = String(status);
  if (status === 401) return { kind: 'unauthorized', reason };
  if (status === 429) return { kind: 'limit', reason };
  return { kind: status >= 400 && status < 500 ? 'rejected' : 'in-doubt', reason };
}

function tellUnasked(unasked: readonly Question[]): Finding[] {
  return Array.from(
    grouped(unasked, ({ provider }) => provider.title),
    ([title, questions]) => {
      const bots = questions.map(({ loaded }) => loaded);
      return aboutFlock(title).skipped('key', `was not asked about ${botNames(bots)}`);
    },
  );
}
