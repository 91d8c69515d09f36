import pMap from 'p-map';
import { type PriceTable, readingCost, showUsd, usualPrices } from '../cost.ts';
import { FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { isSameName } from '../keys/right-account.ts';
import { classify, type XFailure } from '../networks/x/failure.ts';
import { type Account, readRequestToken, readWhoAmI, signedSend } from '../oauth/client.ts';
import type { Provider, WhoAmI } from '../oauth/providers.ts';
import {
  type AppPair,
  appPairs,
  bot,
  bot as botCalled,
  type Checkup,
  type Finding,
  type Held,
  isChosen,
  type Known,
  names,
  providerIdOf,
  thing,
  withoutTitle,
} from './report.ts';

/** What an answer means: for the bot that asked, or for everybody at the provider. */
type Judgement = { ofBot: Finding[] } | { ofProvider: Finding };

interface KeyAnswer {
  held: Held;
  provider: Provider;
  question: WhoAmI;
  answer: HttpAnswer;
}

/** @param now - milliseconds since 1970 */
function judgeKey(
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

const second = 1000;
const minute = 60 * second;
const noticed = 30 * second;
/** What X's signatures bear. */
const refused = 5 * minute;

/** What an answer says of this machine's clock. */
interface Skew {
  /** Whose clock it was held against. */
  title: string;
  /** How far this machine is behind; negative where it is ahead. Milliseconds. */
  behind: number;
}

/**
 * @param date - the answer's Date header
 * @param asked - this machine's time in the middle of the exchange
 * @returns undefined where the answer does not tell the time
 */
function skewOf(title: string, date: string | undefined, asked: number): Skew | undefined {
  const told = Date.parse(date ?? '');
  // The header has whole seconds, cut off.
  return Number.isNaN(told) ? undefined : { title, behind: told + second / 2 - asked };
}

/** Judges by the nearest clock: a proxy may hand out an old answer with its old date, but none from the future. */
function examineClock(skews: readonly Skew[]): Finding {
  const about = thing('clock');
  const nearest = [...skews].sort((a, b) => Math.abs(a.behind) - Math.abs(b.behind))[0];
  if (!nearest) return about.skipped('clock', 'no answer told the time');
  const { title, behind } = nearest;
  const size = Math.abs(behind);
  if (size < noticed) return about.ok('clock', `within 30 s of ${title}`);
  const message = `this machine is ${inWords(size)} ${behind > 0 ? 'behind' : 'ahead of'} ${title}`;
  return about[size < refused ? 'warn' : 'bad']('clock', message, 'timedatectl set-ntp true');
}

const inWords = (ms: number): string =>
  ms < 2 * minute ? `${Math.round(ms / second)} s` : `${Math.round(ms / minute)} min`;

/** What a provider says of an app. */
interface AppAnswer {
  finding: Finding;
  skew: Skew | undefined;
  /** Whether it makes sense to ask about the bots of the app. */
  usable: boolean;
}

/** Asks for a request token, which costs nothing and which nobody will use. */
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

/** Where `keymaker --callback` waits. */
const loopback = 'http://127.0.0.1:4180/callback';

/** A provider that gave no answer. */
const unreachable = ({ title }: Provider, { message }: NoAnswer): Finding =>
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

/** Requests under way at a time. */
const concurrency = 8;

interface Asked {
  provider: Provider;
  held: Held;
}

/** The bundles whose accounts the online half reads on X, at most. */
export const readsOnX = (checkup: Checkup, { held }: Known): number =>
  held.filter((one) => isChosen(checkup, one.bot) && providerIdOf(one) === 'x').length;

/** The half that asks the providers: about each app, and whose each key is. */
export async function examineOnline(checkup: Checkup, known: Known): Promise<Finding[]> {
  const chosen = known.held.filter((one) => isChosen(checkup, one.bot));
  const pairs = appPairs(known.appKeys, known.held, chosen).flatMap((pair) =>
    withProvider(checkup, known, pair),
  );
  const apps = await pMap(
    pairs,
    async ({ provider, pair }) => ({ provider, pair, said: await askApp(checkup, provider, pair) }),
    { concurrency },
  );
  const usable = apps.filter(({ said }) => said.usable);
  const keys = await askKeys(
    checkup,
    usable.flatMap(({ provider, pair }) => pair.held.map((held) => ({ provider, held }))),
  );
  const unasked = apps
    .filter(({ said }) => !said.usable)
    .flatMap(({ provider, pair }) => pair.held.map((held) => ({ provider, held })));
  return [
    ...onceEach(apps.map(({ said }) => said.finding)),
    ...examineClocks(apps.map(({ said }) => said)),
    ...keys.findings,
    ...tellUnasked([...unasked, ...keys.unasked]),
  ];
}

/** A provider that nobody knows was found by the offline half. */
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

/** Asks whose each key is. A provider that stops answering is not asked on. */
async function askKeys(
  checkup: Checkup,
  asked: readonly Asked[],
): Promise<{ findings: Finding[]; unasked: Asked[] }> {
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
    { concurrency },
  );
  const judged = answers.flatMap(({ one, judgement }) => (judgement ? [{ held: one.held, judgement }] : []));
  return {
    findings: [
      ...ofProviders(judged),
      ...judged.flatMap(({ judgement }) => ('ofBot' in judgement ? judgement.ofBot : [])),
    ],
    unasked: answers.filter(({ judgement }) => !judgement).map(({ one }) => one),
  };
}

async function askKey(checkup: Checkup, { provider, held }: Asked): Promise<Judgement> {
  const question = provider.whoAmI;
  if (!question)
    return { ofBot: [bot(held.bot).skipped('key', `${provider.title} has no way to ask whose a key is`)] };
  const first = await askWho(checkup, held, question);
  // X has said 401 to good keys in an outage; asking once more is free.
  const answer = first.status === 401 ? await askWho(checkup, held, question) : first;
  return judgeKey({ held, provider, question, answer }, checkup, checkup.clock.now());
}

function askWho({ send, clock }: Checkup, { bundle }: Held, { url }: WhoAmI): Promise<HttpAnswer> {
  const { appKeys, accessToken } = bundle;
  return signedSend({ send, clock, appKeys, token: accessToken })({ method: 'GET', url });
}

/** What ails a provider, told once, with the bots it was met with. */
function ofProviders(judged: readonly { held: Held; judgement: Judgement }[]): Finding[] {
  const met = new Map<string, { finding: Finding; held: Held[] }>();
  for (const { held, judgement } of judged) {
    if (!('ofProvider' in judgement)) continue;
    const finding = judgement.ofProvider;
    const known = met.get(textOf(finding)) ?? { finding, held: [] };
    met.set(textOf(finding), { finding, held: [...known.held, held] });
  }
  return Array.from(met.values(), ({ finding, held }) => ({
    ...finding,
    message: `${finding.message}, asked for ${names(held)}`,
  }));
}

/** Some findings have one cause: a provider that is down is down for every app. */
const onceEach = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((finding) => [textOf(finding), finding])).values(),
];

const textOf = ({ check, subject, message }: Finding): string => JSON.stringify([check, subject, message]);

function tellUnasked(unasked: readonly Asked[]): Finding[] {
  const titles = [...new Set(unasked.map(({ provider }) => provider.title))];
  return titles.map((title) => {
    const bots = unasked.filter(({ provider }) => provider.title === title).map(({ held }) => held);
    return thing(title).skipped('key', `was not asked about ${names(bots)}`);
  });
}

/**
 * What the online checks will cost, to be said before they run.
 *
 * @param reads - accounts to be read on X
 * @param isX - whether they are read on X itself, and not on something that plays it
 */
export function forecast(reads: number, isX: boolean, prices: PriceTable): string {
  if (reads === 0) return 'No account is read on X: this costs nothing.';
  const accounts = reads === 1 ? '1 account is' : `${reads} accounts are`;
  const dollars = `about ${showUsd(readingCost({ accounts: reads }, prices))}`;
  return isX ? `${accounts} read on X: ${dollars}.` : `${accounts} read; X would charge ${dollars}.`;
}
