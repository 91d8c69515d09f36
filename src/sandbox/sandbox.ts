import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { parseJson } from '../text.ts';
import {
  type Call,
  isKnownHost,
  json,
  Refused,
  type Routes,
  type SandboxAnswer,
  type SandboxRequest,
} from './requests.ts';
import { type BlueskyOptions, claimedAccount } from './bluesky-servers.ts';
import { blueskyRoutes, grantBluesky } from './bluesky.ts';
import { Faults, faultRule } from './faults.ts';
import { feedRoutes } from './feed.ts';
import { fits, isLever, leverNames, levers, type Machine, mastodonSwitches, pull } from './levers.ts';
import { mastodonRoutes } from './mastodon.ts';
import { handleOf, mastodonName, networkOf } from './names.ts';
import { oauthRoutes, refuseTumblrApi } from './oauth.ts';
import { authorizeRoutes, message } from './pages.ts';
import {
  type Account,
  Authorizations,
  billFor,
  type Core,
  type CoreOptions,
  emptyState,
  type SandboxState,
  screenNamePattern,
  SeededRandom,
  shownPost,
  World,
} from './world.ts';
import { v1, v2, xRoutes } from './x-api.ts';

/**
 * A server that stands in for all networks: it answers requests as their APIs do, checks signatures and tokens, keeps accounts
 * and posts, and fails on command. It is synchronous and does no I/O, so that one process can rehearse a year; server.ts puts it
 * on HTTP.
 */
export class Sandbox {
  readonly world: World;
  readonly faults: Faults;
  /** Reproduces this run if passed as an option. */
  readonly seed: string;
  readonly #core: Core;
  readonly #random: SeededRandom;
  readonly #routes: ReturnType<typeof routesIn>;

  constructor(options: SandboxOptions) {
    this.seed = options.seed ?? randomBytes(8).toString('hex');
    const random = new SeededRandom(this.seed);
    this.#random = random;
    this.world = new World(options.state ?? emptyState, options.clock, random);
    if (options.credits !== undefined) this.world.credits = options.credits;
    const authorizations = new Authorizations(options.clock, random);
    this.#core = { ...options, world: this.world, authorizations, nonces: new Map(), ahead: 0 };
    this.faults = new Faults(random);
    const usual = mastodonSwitches.parse(options.mastodon ?? {});
    const machine: Machine = { world: this.world, faults: this.faults, mastodon: { usual, now: usual } };
    const { mastodon } = machine;
    this.#routes = routesIn({
      ...oauthRoutes(this.#core),
      ...xRoutes(this.#core, options.limits ?? {}),
      ...blueskyRoutes(this.#core, options.bluesky ?? {}, random),
      ...controlRoutes(this.#core, machine, this.seed),
      ...mastodonRoutes(this.#core, random, () => mastodon.now),
      'POST /sandbox/mastodon': withBody(z.record(z.string(), z.unknown()), (changes) => {
        const read = mastodonSwitches.safeParse({ ...mastodon.now, ...changes });
        if (!read.success) return json(400, { detail: z.prettifyError(read.error) });
        mastodon.now = read.data;
        return ok(read.data);
      }),
      ...authorizeRoutes(this.#core),
      ...feedRoutes(machine),
    });
  }

  /** Answers one request. If the answer has a `fault`, the server must damage the delivery accordingly. */
  handle(request: SandboxRequest): SandboxAnswer {
    const { clock, ahead } = this.#core;
    const answer = this.#answer(callOf(request));
    return { ...answer, headers: { date: new Date(clock.now() + ahead).toUTCString(), ...answer.headers } };
  }

  /** Approves an app for an account without the authorize page, for tests and rehearsals with many keys. */
  grant(app: string, screenName: string) {
    const account = this.world.ensureAccount(screenName);
    const { token, secret } = this.world.grant(app, account.id, 'write');
    return { token, secret, userId: account.id, screenName: account.screenName };
  }

  /** The same for an account of the Mastodon in the sandbox. @returns `token` is the bearer */
  grantMastodon(app: string, username: string) {
    const { id, screenName } = this.world.ensureAccount(mastodonName(username));
    const { token } = this.world.grant(app, id, 'write', 'mastodon');
    return { token, userId: id, screenName };
  }

  /** The same for an account of the Bluesky in the sandbox. @param name - as at X */
  grantBluesky(name: string) {
    const handle = handleOf({ screenName: name });
    const granted = grantBluesky({ core: this.#core, random: this.#random }, handle);
    if (!granted) throw new RangeError(`no account can be called ${handle}`);
    return granted;
  }

  #answer(call: Call): SandboxAnswer {
    const { request, path } = call;
    if (!isKnownHost(request.host))
      return json(421, { detail: 'The sandbox does not serve that host name.' });
    if (path.startsWith('/sandbox/') && isFromElsewhere(request))
      return json(403, { detail: 'The sandbox refuses control requests from another origin.' });
    if (!isApi.test(path)) return this.#work(call);
    const arrived = this.#core.clock.now();
    const token = this.world.accessToken(claimedToken(request) ?? '');
    const account = token ? this.world.account(token.accountId) : claimedAccount(this.#core, request);
    return this.faults.answer(
      { method: request.method, path, account: account?.screenName.toLowerCase() },
      {
        work: () => this.#work(call),
        workLater: (ms) =>
          this.#core.clock.at(arrived + ms, () => this.#work({ ...call, request: { ...request, arrived } })),
      },
    );
  }

  #work(call: Call): SandboxAnswer {
    const { request, path } = call;
    const fitting = this.#routes.filter(({ pattern }) => pattern.test(path));
    const route = fitting.find(({ methods }) => methods.includes(request.method));
    if (!route) return notFound(path, fitting);
    try {
      return route.handler({ ...call, parts: route.pattern.exec(path)?.groups ?? {} });
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }
}

function callOf(request: SandboxRequest): Call {
  const [path = '', ...query] = request.url.split('?');
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  const form = new URLSearchParams(isForm ? request.body : '');
  return { request, path, query: new URLSearchParams(query.join('?')), form, parts: {} };
}

export interface SandboxOptions extends CoreOptions {
  /** The state of an earlier sandbox; empty by default. */
  state?: SandboxState;
  /** The seed of tokens, PINs and random faults; the same seed gives the same run. Random by default. */
  seed?: string;
  /** Overrides of X's rate limits; null removes one. */
  limits?: Parameters<typeof xRoutes>[1];
  bluesky?: BlueskyOptions;
  /** How its Mastodon behaves; `POST /sandbox/mastodon` changes it. */
  mastodon?: z.input<typeof mastodonSwitches>;
  /** The number of paid posts; null is unlimited. By default that of the state, or unlimited. */
  credits?: number | null;
}

/** Whether another web page sent the request: a browser lets any page send requests to a loopback address. */
const isFromElsewhere = ({ headers, host }: SandboxRequest): boolean =>
  ![undefined, `http://${host}`].includes(headers['origin']);

const routesIn = (table: Routes) =>
  Object.entries(table).map(([key, handler]) => {
    const [methods = '', path = ''] = key.split(' ');
    const pattern = path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]*)');
    return { methods: methods.split('|'), pattern: new RegExp(`^${pattern}$`), handler };
  });

/** The paths that apps call. Faults apply only there, not to the pages for people. */
const isApi =
  /^\/(oauth\/(?!auth)|mastodon\/(api|oauth\/(?!auth))|1\.1\/|2\/|flickr\/services\/(oauth\/(?!auth)|rest)|tumblr\/(oauth\/(?!auth)|v2\/)|bluesky(-2)?\/)/;

/** @param others routes of the path with other methods */
function notFound(path: string, others: { methods: string[] }[]): SandboxAnswer {
  const allow = others.flatMap(({ methods }) => methods).join(', ');
  if (allow !== '') return json(405, { detail: 'Method not allowed' }, { allow });
  if (path.startsWith('/mastodon/')) return json(404, { error: 'Not Found' });
  if (path.startsWith('/2/')) return v2.refuse('not-found');
  if (path.startsWith('/tumblr/v2/')) return refuseTumblrApi('not-found');
  if (isApi.test(path)) return v1.refuse('not-found');
  return message(404, 'This page does not exist', 'The posts are on the front page.');
}

/** The unsigned API under /sandbox/. Tests and people use it to read the state and to order faults. */
function controlRoutes(core: Core, machine: Machine, seed: string): Routes {
  const { world, faults } = machine;
  return {
    'GET /sandbox/accounts': () => ok(world.accounts.map((account) => showAccount(world, account))),
    'GET /sandbox/posts': ({ query }) => livePosts(world, query.get('account')),
    'GET /sandbox/log': () => ok(world.posts.map((post) => shownPost(world, post))),
    'GET /sandbox/bill': () => ok({ ...world.usage, credits: world.credits, usd: billFor(world.usage) }),
    'GET /sandbox/seed': () => ok({ seed }),
    'GET /sandbox/faults': () => ok(faults.rules),
    'POST /sandbox/faults': withBody(faultRule, (rule) => {
      faults.add(rule);
      return json(201, faults.rules);
    }),
    'DELETE /sandbox/faults': () => {
      faults.clear();
      return ok([]);
    },
    'POST /sandbox/credits': withBody(z.strictObject({ credits: z.number().nullable() }), ({ credits }) => {
      world.credits = credits;
      world.changed();
      return ok({ credits });
    }),
    'POST /sandbox/clock': withBody(z.strictObject({ ahead: z.int() }), ({ ahead }) => {
      core.ahead = ahead;
      return ok({ ahead });
    }),
    'POST /sandbox/trigger/:lever(/:name)?': ({ request, parts: { lever = '', name } }) => {
      if (!isLever(lever)) return json(404, { detail: `There is no event ${lever}.`, events: leverNames });
      const account = name === undefined ? undefined : accountIn(world, name);
      if (name !== undefined && !account) return noAccount(name);
      const { about, effect } = levers[lever];
      if (about === 'account' && !account)
        return json(400, { detail: `${lever} is about an account: name one.` });
      if (account && !fits(lever, account))
        return json(400, { detail: `${lever} cannot happen to ${account.screenName}.` });
      pull(lever, machine, account, core.clock.now());
      // The page's buttons lead back to the page.
      const isForm = (request.headers['accept'] ?? '').includes('text/html');
      const location = account === undefined ? '/' : `/?account=${account.screenName}`;
      return isForm
        ? { status: 303, headers: { location }, body: '' }
        : ok({ event: lever, account: account?.screenName, effect });
    },
    'POST /sandbox/accounts/:name/rename/:to': onAccount(world, (account, { parts: { to = '' } }) =>
      screenNamePattern.test(to) && world.rename(account, to)
        ? undefined
        : json(409, { detail: `No account can have the name ${to} now.` }),
    ),
    'POST /sandbox/accounts/:name/(?<lever>suspend|unsuspend|revoke|read-only)': onAccount(
      world,
      (account, { parts: { lever = '' } }) => {
        if (isLever(lever)) pull(lever, machine, account, core.clock.now());
      },
    ),
  };
}

const ok = (value: unknown): SandboxAnswer => json(200, value);

function livePosts(world: World, name: string | null): SandboxAnswer {
  const account = name === null ? undefined : world.accountCalled(name);
  if (name !== null && !account) return noAccount(name);
  const posts = account ? world.postsOf(account.id) : world.posts;
  return ok(posts.filter(({ deleted }) => !deleted).map((post) => shownPost(world, post)));
}

function showAccount(world: World, { id, screenName, suspended, created }: Account): object {
  const tokens = world.tokensOf(id).filter(({ revoked }) => !revoked);
  return {
    id,
    screenName,
    network: networkOf({ screenName }),
    suspended,
    created: new Date(created).toISOString(),
    posts: world.postsOf(id).filter(({ deleted }) => !deleted).length,
    tokens: tokens.map(({ access, dialect }) => (dialect === 'x' ? access : `${dialect} ${access}`)),
  };
}

/** @param change changes the account, or returns a refusal */
function onAccount(
  world: World,
  change: (account: Account, call: Call) => SandboxAnswer | undefined,
): Routes[string] {
  return (call) => {
    const { name = '' } = call.parts;
    const account = accountIn(world, name);
    if (!account) return noAccount(name);
    const refused = change(account, call);
    if (refused) return refused;
    world.changed();
    return ok(showAccount(world, account));
  };
}

/** @param part - the part of a path that names it */
const accountIn = (world: World, part: string): Account | undefined =>
  world.accountCalled(part.replaceAll('%40', '@'));

const noAccount = (name: string): SandboxAnswer =>
  json(404, { detail: `The sandbox has no account ${name}.` });

function withBody<T>(schema: z.ZodType<T>, act: (value: T) => SandboxAnswer): Routes[string] {
  return ({ request }) => {
    const value = parseJson(request.body);
    if (value === undefined) return json(400, { detail: 'The body is not JSON.' });
    const read = schema.safeParse(value);
    return read.success ? act(read.data) : json(400, { detail: z.prettifyError(read.error) });
  };
}

/** The access token in a request, not verified. It is used only to match faults. */
export function claimedToken(request: SandboxRequest): string | undefined {
  return /(?:oauth_token="|^Bearer )([^"\s]+)/i.exec(request.headers['authorization'] ?? '')?.[1];
}
