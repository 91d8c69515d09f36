import { randomBytes } from 'node:crypto';
import { claimedToken, controlRoutes, Faults } from './control.ts';
import {
  type Call,
  callOf,
  json,
  Refused,
  type Routes,
  type SandboxAnswer,
  type SandboxRequest,
} from './requests.ts';
import { oauthRoutes, refuseTumblrApi } from './oauth.ts';
import { message, pageRoutes } from './pages.ts';
import {
  Authorizations,
  type Core,
  type CoreOptions,
  emptyState,
  type SandboxState,
  SeededRandom,
  World,
} from './world.ts';
import { v1, v2, xRoutes } from './x-api.ts';

export type { SandboxAnswer, SandboxRequest } from './requests.ts';

/**
 * A server that stands in for X: it answers requests as X's API does, checks signatures, keeps accounts and posts, and
 * fails on command. It is synchronous and does no I/O, so that one process can rehearse a year; server.ts puts it on HTTP.
 */
export class Sandbox {
  readonly world: World;
  readonly faults: Faults;
  /** Reproduces this run if passed as an option. */
  readonly seed: string;
  readonly #core: Core;
  readonly #routes: ReturnType<typeof routesIn>;

  constructor(options: SandboxOptions) {
    this.seed = options.seed ?? randomBytes(8).toString('hex');
    const random = new SeededRandom(this.seed);
    this.world = new World(options.state ?? emptyState, options.clock, random);
    if (options.credits !== undefined) this.world.credits = options.credits;
    const authorizations = new Authorizations(options.clock, random);
    this.#core = { ...options, world: this.world, authorizations, nonces: new Map(), ahead: 0 };
    this.faults = new Faults(random);
    this.#routes = routesIn({
      ...oauthRoutes(this.#core),
      ...xRoutes(this.#core, options.limits ?? {}),
      ...controlRoutes(this.#core, this.faults, this.seed),
      ...pageRoutes(this.#core),
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

  #answer(call: Call): SandboxAnswer {
    const { request, path } = call;
    if (!isKnownHost(request.host))
      return json(421, { detail: 'The sandbox does not serve that host name.' });
    if (path.startsWith('/sandbox/') && isFromElsewhere(request))
      return json(403, { detail: 'The sandbox refuses control requests from another origin.' });
    if (!isApi.test(path)) return this.#work(call);
    const arrived = this.#core.clock.now();
    const token = this.world.accessToken(claimedToken(request) ?? '');
    const account = token && this.world.account(token.accountId)?.screenName.toLowerCase();
    return this.faults.answer(
      { method: request.method, path, account },
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
    const route = fitting.find(({ method }) => method === request.method);
    if (!route) return notFound(path, fitting);
    try {
      return route.handler({ ...call, parts: route.pattern.exec(path)?.groups ?? {} });
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      throw error;
    }
  }
}

export interface SandboxOptions extends CoreOptions {
  /** The state of an earlier sandbox; empty by default. */
  state?: SandboxState;
  /** The seed of tokens, PINs and random faults; the same seed gives the same run. Random by default. */
  seed?: string;
  /** Overrides of X's rate limits; null removes one. */
  limits?: Parameters<typeof xRoutes>[1];
  /** The number of paid posts; null is unlimited. By default that of the state, or unlimited. */
  credits?: number | null;
}

const knownHosts = /^(127\.0\.0\.1|localhost|\[::1\]|api\.x\.com|api\.twitter\.com)(:\d{1,5})?$/i;

/**
 * Whether a Host header is a name of the sandbox. This stops DNS rebinding: a web page can point its own name at
 * 127.0.0.1, but the browser then sends that name.
 */
export const isKnownHost = (host: string): boolean => knownHosts.test(host);

/** Whether another web page sent the request: a browser lets any page send requests to a loopback address. */
const isFromElsewhere = ({ headers, host }: SandboxRequest): boolean =>
  ![undefined, `http://${host}`].includes(headers['origin']);

const routesIn = (table: Routes) =>
  Object.entries(table).map(([key, handler]) => {
    const [method = '', path = ''] = key.split(' ');
    const pattern = path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]*)');
    return { method, pattern: new RegExp(`^${pattern}$`), handler };
  });

/** The paths that apps call. Faults apply only there, not to the pages for people. */
const isApi =
  /^\/(oauth\/(?!auth)|1\.1\/|2\/|flickr\/services\/(oauth\/(?!auth)|rest)|tumblr\/(oauth\/(?!auth)|v2\/))/;

/** @param others routes of the path with other methods */
function notFound(path: string, others: { method: string }[]): SandboxAnswer {
  const allow = others.map(({ method }) => method).join(', ');
  if (allow !== '') return json(405, { detail: 'Method not allowed' }, { allow });
  if (path.startsWith('/2/')) return v2.refuse('not-found');
  if (path.startsWith('/tumblr/v2/')) return refuseTumblrApi('not-found');
  if (isApi.test(path)) return v1.refuse('not-found');
  return message(404, 'This page does not exist', 'The posts are on the front page.');
}
