import * as z from 'zod';
import { iso } from '../text.ts';
import type { faultRule, Faults } from './faults.ts';
import { type NetworkName, networkOf } from './names.ts';
import { refusals } from './requests.ts';
import type { Account, World } from './world.ts';

/*
 * Levers: what a person can make happen at the networks, from the page and with `keymaker sandbox trigger`; and the switches of
 * Mastodon.
 */

/** How the Mastodon of the sandbox behaves. */
export const mastodonSwitches = z.strictObject({
  /**
   * What a repeated `Idempotency-Key` gets: the first post (Mastodon, for an hour); another post (GoToSocial, snac); an error,
   * which a release of Mastodon gave (500) and Pixelfed gives even after a refusal (400); or the first answer whatever it was,
   * from any account (Pleroma).
   */
  key: z.enum(['honours', 'ignores', '500', '400', 'replays']).default('honours'),
  /** How long a post takes to show in a timeline. Milliseconds. */
  timelineLag: z.number().nonnegative().default(0),
  /** What is answered with 401: only a dead key, any fault (older Sharkey), or everything. */
  unauthorized: z.enum(['keys', 'faults', 'all']).default('keys'),
  maxCharacters: z.int().positive().default(500),
  /** The requests in 5 minutes for each account; null removes the limit. */
  maxRequests: z.int().positive().nullable().default(300),
});

const switchNames = mastodonSwitches.keyof().options;
export type MastodonSwitches = z.infer<typeof mastodonSwitches>;

/** The events, in the order of the page's buttons. */
export const leverNames = [
  ...(['revoke', 'read-only', 'suspend', 'unsuspend', 'duplicate'] as const),
  ...(['rate-limit', 'outage', 'latency', 'recover', 'no-credit', 'x-outage'] as const),
  ...(['mastodon-outage', 'all-unauthorized', 'short-posts', 'late-timeline'] as const),
  ...(['key-ignored', 'key-400', 'key-500', 'key-replayed', 'bluesky-outage'] as const),
] as const;
export type LeverName = (typeof leverNames)[number];

/** What levers change. */
export interface Machine {
  world: World;
  faults: Faults;
  mastodon: MastodonState;
}

/** How Mastodon behaves now, and how it does when all is well. */
interface MastodonState {
  readonly usual: MastodonSwitches;
  now: MastodonSwitches;
}

type Rule = z.input<typeof faultRule>;

/** What a person can make happen to one account, or to all accounts at once. */
type Lever = {
  /** On its button. */
  title: string;
  /** What happens then. */
  effect: string;
  /** Where it can happen; at every network if there are none. */
  at?: readonly NetworkName[];
} & (
  | {
      about: 'account';
      act?: (account: Account, world: World) => void;
      rule?: (account: Account) => Rule;
    }
  | {
      about: 'all';
      /** @param now - milliseconds since 1970 */
      rules?: (now: number) => Rule[];
      switches?: Partial<MastodonSwitches>;
      act?: (machine: Machine) => void;
    }
);

export const isLever = (name: string): name is LeverName => leverNames.some((lever) => lever === name);

/** Whether a lever is about an account, and about that one. */
export function fits(name: LeverName, account: Account | undefined): boolean {
  const lever = levers[name];
  if (lever.about === 'all') return account === undefined;
  return account !== undefined && (lever.at?.includes(networkOf(account)) ?? true);
}

/** Pulls a lever that fits. @param now - milliseconds since 1970 */
export function pull(name: LeverName, machine: Machine, account: Account | undefined, now: number): void {
  const lever = levers[name];
  const { world, faults, mastodon } = machine;
  if (lever.about === 'all') {
    for (const rule of lever.rules?.(now) ?? []) faults.add({ ...rule, lever: name });
    mastodon.now = { ...mastodon.now, ...lever.switches };
    lever.act?.(machine);
  } else if (account) {
    lever.act?.(account, world);
    if (lever.rule) faults.add({ ...lever.rule(account), lever: name });
  }
  world.changed();
}

/** The effects that hold now, of the levers that are about all accounts or about a post to come. */
export function effectsNow({ world, faults, mastodon }: Machine): string[] {
  const ruling = new Set(faults.rules.map(({ lever }) => lever));
  const holds = (name: LeverName): boolean => {
    const lever = levers[name];
    if (name === 'no-credit') return world.credits === 0;
    if (lever.about === 'account' || !lever.switches) return ruling.has(name);
    const { now, usual } = mastodon;
    const thrown = { ...usual, ...lever.switches };
    return switchNames.every((one) => thrown[one] === usual[one] || thrown[one] === now[one]);
  };
  return leverNames.filter(holds).map((name) => levers[name].effect);
}

/** The requests that post, by network. */
const posting: Record<NetworkName, { method: string; path: string }> = {
  x: { method: 'POST', path: '/2/tweets' },
  mastodon: { method: 'POST', path: '/mastodon/api/v1/statuses' },
  bluesky: { method: 'POST', path: '/bluesky*/xrpc/com.atproto.repo.putRecord' },
};

/** All requests that apps make, by network. */
const requests: Record<NetworkName, { path: string }> = {
  x: { path: '/2/*' },
  mastodon: { path: '/mastodon/api/*' },
  bluesky: { path: '/bluesky*/xrpc/*' },
};

const everywhere = ['x', 'mastodon', 'bluesky'] as const;

/** The answer of X for a refusal. */
function refusalOf(refusal: 'duplicate' | 'too-many', headers: Record<string, string> = {}): Rule['fault'] {
  const [status, title, detail] = refusals[refusal].v2;
  return { kind: 'status', status, headers, body: { title, detail, type: 'about:blank', status } };
}

/** For how long a rate limit holds. Seconds. */
const rateLimitWindow = 15 * 60;

/** Rate limits as the networks say them. @param now - milliseconds since 1970 */
function rateLimits(now: number): Rule[] {
  const reset = Math.ceil(now / 1000) + rateLimitWindow;
  const headers = (names: string, until: string) => ({
    [`${names}-limit`]: '100',
    [`${names}-remaining`]: '0',
    [`${names}-reset`]: until,
  });
  const fault = (until: Record<string, string>, body: object): Rule['fault'] => {
    return { kind: 'status', status: 429, headers: until, body };
  };
  return [
    { match: posting.x, fault: refusalOf('too-many', headers('x-rate-limit', String(reset))) },
    {
      match: posting.mastodon,
      fault: fault(headers('x-ratelimit', iso(reset * 1000)), { error: 'Too many requests' }),
    },
    {
      match: posting.bluesky,
      fault: fault(headers('ratelimit', String(reset)), {
        error: 'RateLimitExceeded',
        message: 'Rate Limit Exceeded',
      }),
    },
  ];
}

/** A web page in place of all answers. */
const outage = (network: NetworkName): Rule => ({
  match: requests[network],
  fault: { kind: 'status', status: 503, body: '<html><body><h1>Over capacity</h1></body></html>' },
});

/** The levers of the page and of `keymaker sandbox trigger`. */
export const levers: Readonly<Record<LeverName, Lever>> = {
  revoke: {
    about: 'account',
    title: 'Revoke its key',
    effect: 'its network refuses the key, as after the owner has removed the app: 401',
    act: (account, world) => {
      for (const token of world.tokensOf(account.id)) token.revoked = true;
      if (account.bluesky) account.bluesky.appPasswords = [];
    },
  },
  'read-only': {
    about: 'account',
    at: ['x', 'mastodon'],
    title: 'Make its key read-only',
    effect: 'its network refuses posts, as for an app without write permission: 403',
    act: (account, world) => {
      for (const token of world.tokensOf(account.id)) token.access = 'read';
    },
  },
  suspend: {
    about: 'account',
    title: 'Suspend it',
    effect: 'its network has suspended the account',
    act: (account) => {
      account.suspended = true;
    },
  },
  unsuspend: {
    about: 'account',
    title: 'End its suspension',
    effect: 'the account can post again',
    act: (account) => {
      account.suspended = false;
    },
  },
  duplicate: {
    about: 'account',
    at: ['x'],
    title: 'Call its next post a duplicate',
    effect: 'X refuses its next post as a repetition: 403',
    rule: (account) => ({
      match: { ...posting.x, account: account.screenName },
      times: 1,
      fault: refusalOf('duplicate'),
    }),
  },
  'rate-limit': {
    about: 'all',
    title: 'Rate limit',
    effect: 'no network takes posts for 15 minutes: 429',
    rules: rateLimits,
  },
  'no-credit': {
    about: 'all',
    at: ['x'],
    title: 'No credit',
    effect: 'the app has no credit at X: 402',
    act: ({ world }) => void (world.credits = 0),
  },
  outage: {
    about: 'all',
    title: 'Outage',
    effect: 'every network answers with a web page: 503',
    rules: () => everywhere.map(outage),
  },
  latency: {
    about: 'all',
    title: 'Slow answers',
    effect: 'each answer takes 5 seconds',
    rules: () => everywhere.map((name) => ({ match: requests[name], fault: { kind: 'delay', ms: 5000 } })),
  },
  'x-outage': {
    about: 'all',
    at: ['x'],
    title: 'Outage',
    effect: 'X answers with a web page: 503',
    rules: () => [outage('x')],
  },
  'mastodon-outage': {
    about: 'all',
    at: ['mastodon'],
    title: 'Outage',
    effect: 'Mastodon answers with a web page: 503',
    rules: () => [outage('mastodon')],
  },
  'bluesky-outage': {
    about: 'all',
    at: ['bluesky'],
    title: 'Outage',
    effect: 'Bluesky answers with a web page: 503',
    rules: () => [outage('bluesky')],
  },
  'key-ignored': {
    about: 'all',
    at: ['mastodon'],
    title: 'Used key: post again',
    effect: 'Mastodon ignores the Idempotency-Key: the same post sent again is another post',
    switches: { key: 'ignores' },
  },
  'key-400': {
    about: 'all',
    at: ['mastodon'],
    title: 'Used key: 400',
    effect: 'Mastodon refuses an Idempotency-Key that was used: 400',
    switches: { key: '400' },
  },
  'key-500': {
    about: 'all',
    at: ['mastodon'],
    title: 'Used key: 500',
    effect: 'Mastodon fails at an Idempotency-Key that was used: 500',
    switches: { key: '500' },
  },
  'key-replayed': {
    about: 'all',
    at: ['mastodon'],
    title: 'Used key: replay',
    effect: 'Mastodon gives the first answer again to an Idempotency-Key that was used, be it a refusal',
    switches: { key: 'replays' },
  },
  'late-timeline': {
    about: 'all',
    at: ['mastodon'],
    title: 'Late timelines',
    effect: 'Mastodon shows posts in timelines after a minute',
    switches: { timelineLag: 60_000 },
  },
  'all-unauthorized': {
    about: 'all',
    at: ['mastodon'],
    title: 'Refuse every key',
    effect: 'Mastodon refuses every key: 401',
    switches: { unauthorized: 'all' },
  },
  'short-posts': {
    about: 'all',
    at: ['mastodon'],
    title: 'Short posts only',
    effect: 'Mastodon takes posts of 20 characters at most: 422',
    switches: { maxCharacters: 20 },
  },
  recover: {
    about: 'all',
    title: 'All is well again',
    effect: 'the networks answer as they should, and no account is suspended; revoked keys stay revoked',
    act({ world, faults, mastodon }) {
      faults.clear();
      mastodon.now = mastodon.usual;
      world.credits = null;
      for (const account of world.accounts) account.suspended = false;
    },
  },
};
