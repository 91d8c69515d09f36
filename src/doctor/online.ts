import pMap from 'p-map';
import { FlockError } from '../errors.ts';
import { type HttpAnswer, NoAnswer } from '../http/exchange.ts';
import { signedSend } from '../oauth/client.ts';
import type { Provider, WhoAmI } from '../oauth/providers.ts';
import { type AppPair, appPairs, names } from './app-pairs.ts';
import { type AppAnswer, askApp, unreachable } from './ask-app.ts';
import { type Checkup, type Held, isChosen, type Known, providerIdOf } from './checkup.ts';
import { examineClock } from './clock-skew.ts';
import { bot, type Finding, thing } from './finding.ts';
import { judgeKey, type Judgement } from './judge-key.ts';

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
