import type { TokenPair } from '../keys/bundle.ts';
import { type Held, providerIdOf } from './checkup.ts';

/** App keys, where they are used, and by whom. */
export interface AppPair {
  provider: string;
  appKeys: TokenPair;
  /** Whether they are the ones set now. */
  isSet: boolean;
  held: Held[];
}

/** Whether two pairs are one. */
export function isSame(a: TokenPair, b: TokenPair): boolean {
  const [one, other] = [a.reveal(), b.reveal()];
  return one.token === other.token && one.secret === other.secret;
}

/**
 * The providers that the app keys set now are for. Nothing says so but the bundles made with them; where there are none,
 * they are for X, unless the flock has only bundles for another provider.
 */
export function homesOf(appKeys: TokenPair, held: readonly Held[]): Set<string> {
  const users = held.filter(({ bundle }) => isSame(bundle.appKeys, appKeys));
  if (users.length > 0) return new Set(users.map(providerIdOf));
  const [first] = held;
  return new Set([!first || held.some((one) => providerIdOf(one) === 'x') ? 'x' : providerIdOf(first)]);
}

/**
 * Every pair of app keys once for each provider, those set now first.
 *
 * @param held - all bundles, which say what the app keys set now are for
 * @param chosen - those to be examined
 */
export function appPairs(
  set: TokenPair | undefined,
  held: readonly Held[],
  chosen: readonly Held[],
): AppPair[] {
  const pairs: AppPair[] = [];
  if (set) {
    for (const provider of homesOf(set, held)) pairs.push({ provider, appKeys: set, isSet: true, held: [] });
  }
  const known = new Map(pairs.map((pair) => [keyOf(pair.provider, pair.appKeys), pair]));
  for (const one of chosen) {
    const provider = providerIdOf(one);
    const { appKeys } = one.bundle;
    const key = keyOf(provider, appKeys);
    const pair = known.get(key) ?? { provider, appKeys, isSet: false, held: [] };
    if (!known.has(key)) pairs.push(pair);
    known.set(key, pair);
    pair.held.push(one);
  }
  return pairs;
}

function keyOf(provider: string, appKeys: TokenPair): string {
  const { token, secret } = appKeys.reveal();
  return JSON.stringify([provider, token, secret]);
}

/** `howl`, `howl and prowl`, `howl and 3 bots more`. */
export function names(held: readonly Pick<Held, 'bot'>[]): string {
  const [first, second] = held;
  if (held.length > 2) return `${first?.bot ?? ''} and ${held.length - 1} bots more`;
  return second ? `${first?.bot ?? ''} and ${second.bot}` : (first?.bot ?? '');
}
