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

export interface SandboxOptions {
  clock: Clock;
  /** The apps that may sign. */
  appKeys: Pair[];
  /** What a former sandbox left; empty by default. */
  state?: SandboxState;
  /** Makes tokens, PINs and chance faults the same in every run. Random by default. */
  seed?: string;
  /** Callback URLs registered for the apps; any by default. */
  callbacks?: string[];
  /** Whether a text is refused that the account posted within the window. `refuse` by default. */
  duplicates?: 'refuse' | 'accept';
  /** That window in milliseconds; 12 hours by default. */
  duplicateWindow?: number;
  /** X's limits where not given; null lifts one. */
  limits?: Partial<Limits>;
  /** Posts that are paid for; null, the default, for no end of them. Wins over the state's. */
  credits?: number | null;
  /** How long a post takes to show in the timeline, in milliseconds; 0 by default. */
  timelineLag?: number;
  /** Accounts that xAuth lets in, and their passwords. */
  passwords?: Record<string, string>;
}

/** What an app needs to act for an account. */
export interface Granted {
  token: string;
  secret: string;
  userId: string;
  screenName: string;
}

const halfDay = 12 * 60 * 60_000;

/**
 * X in a box: answers requests as X's API does, checks their signatures, keeps accounts and posts,
 * and fails on command. It is synchronous and does no I/O, so that a year can be rehearsed inside one process.
 */
export class Sandbox {
  readonly world: World;
  readonly faults: Faults;
  /** Gives this run again when passed as an option. */
  readonly seed: string;
  readonly #core: Core;
  readonly #route: ReturnType<typeof makeRouter>;

  constructor(options: SandboxOptions) {
    this.seed = options.seed ?? randomBytes(8).toString('hex');
    const chance = new SeededRandom(this.seed);
    this.#core = buildCore(options, chance);
    this.world = this.#core.world;
    this.faults = new Faults(chance);
    this.#route = makeRouter({
      ...danceRoutes(this.#core),
      ...revokeRoutes(this.#core),
      ...postRoutes(this.#core),
      ...flickrRoutes(this.#core),
      ...tumblrRoutes(this.#core),
      ...controlRoutes(this.#core, this.faults, this.seed),
      ...feedRoutes(this.#core),
    });
  }

  /** Answers one request; the answer's `fault`, if any, says how its delivery is to be spoiled. */
  handle(request: SandboxRequest): SandboxAnswer {
    const { clock, ahead } = this.#core;
    const answer = this.#answer(request);
    return { ...answer, headers: { date: new Date(clock.now() + ahead).toUTCString(), ...answer.headers } };
  }

  /** Approves an app for an account without the person's step, for those who need many keys at once. */
  grant(app: string, screenName: string): Granted {
    const account = this.world.ensureAccount(screenName);
    const { token, secret } = this.world.grant(app, account.id, 'write');
    return { token, secret, userId: account.id, screenName: account.screenName };
  }

  #answer(request: SandboxRequest): SandboxAnswer {
    if (!isKnownHost(request.host))
      return json(421, { detail: 'The sandbox does not go by that host name.' });
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
    return page(404, messagePage('There is nothing here', 'The posts are on the front page.'));
  }

  #claimedAccount(request: SandboxRequest): string | undefined {
    const token = this.world.accessToken(claimedToken(request) ?? '');
    return token && this.world.account(token.accountId)?.screenName.toLowerCase();
  }
}

/** What apps call, where faults may fall; the pages are for people. */
const isApi = (path: string): boolean =>
  /^\/(oauth\/(?!auth)|1\.1\/|2\/|flickr\/services\/(oauth\/(?!auth)|rest)|tumblr\/(oauth\/(?!auth)|v2\/))/.test(
    path,
  );

/** The dance, in each dialect. */
function danceRoutes(core: Core): Routes {
  const dialects = [xDialect, flickrDialect, tumblrDialect];
  const all = dialects.map((dialect) => ({
    ...oauthRoutes(core, dialect),
    ...authorizeRoutes(core, dialect),
  }));
  return Object.assign({}, ...all) as Routes;
}

function buildCore(options: SandboxOptions, chance: SeededRandom): Core {
  const world = new World(options.state ?? emptyState(), options.clock, chance);
  if (options.credits !== undefined) world.credits = options.credits;
  const passwords = Object.entries(options.passwords ?? {});
  return {
    clock: options.clock,
    world,
    authorizations: new Authorizations(chance),
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
