import pMap from 'p-map';
import { type PriceTable, readingCost, showUsd } from '../cost.ts';
import { FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { readRequestToken, signedSend } from '../oauth/client.ts';
import type { Provider, WhoAmI } from '../oauth/providers.ts';
import { judgeKey, type Judgement } from './judge-key.ts';
import {
  type AppPair,
  appPairs,
  bot,
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
