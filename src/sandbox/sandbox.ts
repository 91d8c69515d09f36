import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { controlRoutes } from './control.ts';
import {
  type Core,
  isKnownHost,
  type Limits,
  makeRouter,
  Nonces,
  type Pair,
  RateLimits,
  type Routes,
} from './core.ts';
import {
  flickrDialect,
  flickrRoutes,
  refuseTumblrApi,
  tumblrDialect,
  tumblrRoutes,
  xDialect,
} from './dialects.ts';
import { claimedToken, Faults, spoil } from './faults.ts';
import { authorizeRoutes, messagePage, oauthRoutes, revokeRoutes } from './oauth.ts';
import { feedRoutes } from './pages.ts';
import { postRoutes } from './posts.ts';
import { json, page, refuseV1, refuseV2, type SandboxAnswer, type SandboxRequest } from './problems.ts';
import { Authorizations, emptyState, type SandboxState, SeededRandom, World } from './world.ts';

export type { SandboxAnswer, SandboxRequest } from './problems.ts';

/**
 * A server that stands in for X: it answers requests as X's API does, checks signatures, keeps accounts and posts, and
 * fails on command. It is synchronous and does no I/O, so that one process can rehearse a year.
 */
export class Sandbox {
  readonly world: World;
  readonly faults: Faults;
  /** Reproduces this run if passed as an option. */
  readonly seed: string;
  readonly #core: Core;
  readonly #route: ReturnType<typeof makeRouter>;

  constructor(options: SandboxOptions) {
    this.seed = options.seed ?? randomBytes(8).toString('hex');
    const random = new SeededRandom(this.seed);
    this.#core = buildCore(options, random);
    this.world = this.#core.world;
    this.faults = new Faults(random);
    this.#route = makeRouter({
      ...allOauthRoutes(this.#core),
      ...revokeRoutes(this.#core),
      ...postRoutes(this.#core),
      ...flickrRoutes(this.#core),
      ...tumblrRoutes(this.#core),
      ...controlRoutes(this.#core, this.faults, this.seed),
      ...feedRoutes(this.#core),
    });
  }

  /** Answers one request. If the answer has a `fault`, the server must damage the delivery accordingly. */
  handle(request: SandboxRequest): SandboxAnswer {
    const { clock, ahead } = this.#core;
    const answer = this.#answer(request);
    return { ...answer, headers: { date: new Date(clock.now() + ahead).toUTCString(), ...answer.headers } };
  }

  /** Approves an app for an account without the authorize page, for tests and rehearsals with many keys. */
  grant(app: string, screenName: string): Granted {
    const account = this.world.ensureAccount(screenName);
    const { token, secret } = this.world.grant(app, account.id, 'write');
    return { token, secret, userId: account.id, screenName: account.screenName };
  }

  #answer(request: SandboxRequest): SandboxAnswer {
    if (!isKnownHost(request.host))
      return json(421, { detail: 'The sandbox does not serve that host name.' });
    const path = request.url.split('?')[0] ?? '';
    const account = this.#claimedAccount(request);
    const fault = isApi(path) ? this.faults.take({ method: request.method, path, account }) : undefined;
    if (!fault) return this.#work(request);
    const arrived = this.#core.clock.now();
    return spoil(fault, {
      work: () => this.#work(request),
      workLater: (ms) => {
        this.#core.clock.at(arrived + ms, () => this.#work({ ...request, arrived }));
      },
    });
  }

  #work(request: SandboxRequest): SandboxAnswer {
    const match = this.#route(request);
    if (match.kind === 'found') return match.handler(match.call);
    if (match.kind === 'no-method')
      return json(405, { detail: 'Method not allowed' }, { allow: match.allow });
    if (request.url.startsWith('/2/')) return refuseV2('not-found');
    if (request.url.startsWith('/tumblr/v2/')) return refuseTumblrApi('not-found');
    if (isApi(request.url)) return refuseV1('not-found');
    return page(404, messagePage('This page does not exist', 'The posts are on the front page.'));
  }

  #claimedAccount(request: SandboxRequest): string | undefined {
    const token = this.world.accessToken(claimedToken(request) ?? '');
    return token && this.world.account(token.accountId)?.screenName.toLowerCase();
  }
}

export interface SandboxOptions {
  clock: Clock;
  /** The apps that may sign. */
  appKeys: Pair[];
  /** The state of an earlier sandbox; empty by default. */
  state?: SandboxState;
  /** The seed of tokens, PINs and random faults; the same seed gives the same run. Random by default. */
  seed?: string;
  /** The registered callback URLs; by default every URL is allowed. */
  callbacks?: string[];
  /** Whether to refuse a text that the account posted within `duplicateWindow`. `refuse` by default. */
  duplicates?: 'refuse' | 'accept';
  /** Milliseconds; 12 hours by default. */
  duplicateWindow?: number;
  /** Overrides of X's rate limits; null removes one. */
  limits?: Partial<Limits>;
  /** The number of paid posts; null is unlimited. By default that of the state, or unlimited. */
  credits?: number | null;
  /** How long a post takes to show in the timeline. Milliseconds; 0 by default. */
  timelineLag?: number;
  /** The passwords for xAuth, by screen name. */
  passwords?: Record<string, string>;
}

/** An access token and its account. */
interface Granted {
  token: string;
  secret: string;
  userId: string;
  screenName: string;
}

/** Whether apps call a path. Faults apply only there, not to the pages for people. */
const isApi = (path: string): boolean =>
  /^\/(oauth\/(?!auth)|1\.1\/|2\/|flickr\/services\/(oauth\/(?!auth)|rest)|tumblr\/(oauth\/(?!auth)|v2\/))/.test(
    path,
  );

/** The OAuth steps of every dialect. */
function allOauthRoutes(core: Core): Routes {
  const dialects = [xDialect, flickrDialect, tumblrDialect];
  const all = dialects.map((dialect) => ({
    ...oauthRoutes(core, dialect),
    ...authorizeRoutes(core, dialect),
  }));
  return Object.assign({}, ...all) as Routes;
}

const halfDay = 12 * 60 * 60_000;

function buildCore(options: SandboxOptions, random: SeededRandom): Core {
  const world = new World(options.state ?? emptyState(), options.clock, random);
  if (options.credits !== undefined) world.credits = options.credits;
  const passwords = Object.entries(options.passwords ?? {});
  return {
    clock: options.clock,
    world,
    authorizations: new Authorizations(random),
    limits: new RateLimits(options.limits),
    nonces: new Nonces(),
    apps: new Map(options.appKeys.map((pair) => [pair.token, pair])),
    callbacks: options.callbacks,
    duplicateWindow: options.duplicates === 'accept' ? 0 : (options.duplicateWindow ?? halfDay),
    timelineLag: options.timelineLag ?? 0,
    ahead: 0,
    passwords: new Map(passwords.map(([name, password]) => [name.toLowerCase(), password])),
  };
}
