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
import { oauthRoutes, refuseTumblrApi } from './oauth.ts';
import { message, pageRoutes } from './pages.ts';
import {
  type Account,
  alterations,
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
  /^\/(oauth\/(?!auth)|1\.1\/|2\/|flickr\/services\/(oauth\/(?!auth)|rest)|tumblr\/(oauth\/(?!auth)|v2\/))/;

/** @param others routes of the path with other methods */
function notFound(path: string, others: { methods: string[] }[]): SandboxAnswer {
  const allow = others.flatMap(({ methods }) => methods).join(', ');
  if (allow !== '') return json(405, { detail: 'Method not allowed' }, { allow });
  if (path.startsWith('/2/')) return v2.refuse('not-found');
  if (path.startsWith('/tumblr/v2/')) return refuseTumblrApi('not-found');
  if (isApi.test(path)) return v1.refuse('not-found');
  return message(404, 'This page does not exist', 'The posts are on the front page.');
}

/** The unsigned API under /sandbox/. Tests and people use it to read the state and to order faults. */
function controlRoutes(core: Core, faults: Faults, seed: string): Routes {
  const { world } = core;
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
    'POST /sandbox/accounts/:name/suspend': onAccount(world, (account) => void (account.suspended = true)),
    'POST /sandbox/accounts/:name/unsuspend': onAccount(world, (account) => void (account.suspended = false)),
    'POST /sandbox/accounts/:name/rename/:to': onAccount(world, (account, { parts: { to = '' } }) =>
      screenNamePattern.test(to) && world.rename(account, to)
        ? undefined
        : json(409, { detail: `No account can have the name ${to} now.` }),
    ),
    'POST /sandbox/accounts/:name/revoke': onAccount(world, ({ id }) => {
      for (const token of world.tokensOf(id)) token.revoked = true;
    }),
    'POST /sandbox/accounts/:name/read-only': onAccount(world, ({ id }) => {
      for (const token of world.tokensOf(id)) token.access = 'read';
    }),
  };
}

const ok = (value: unknown): SandboxAnswer => json(200, value);

function livePosts(world: World, name: string | null): SandboxAnswer {
  const account = name === null ? undefined : world.accountNamed(name);
  if (name !== null && !account) return noAccount(name);
  const posts = account ? world.postsOf(account.id) : world.posts;
  return ok(posts.filter(({ deleted }) => !deleted).map((post) => shownPost(world, post)));
}

function showAccount(world: World, { id, screenName, suspended, created }: Account): object {
  const tokens = world.tokensOf(id).filter(({ revoked }) => !revoked);
  return {
    id,
    screenName,
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
    const account = world.accountNamed(name);
    if (!account) return noAccount(name);
    const refused = change(account, call);
    if (refused) return refused;
    world.changed();
    return ok(showAccount(world, account));
  };
}

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

/** The ordered faults that are not used up. */
class Faults {
  #rules: FaultRule[] = [];
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get rules(): readonly FaultRule[] {
    return this.#rules;
  }

  add(rule: z.input<typeof faultRule>): void {
    this.#rules.push(faultRule.parse(rule));
  }

  clear(): void {
    this.#rules = [];
  }

  /** Answers a request of an app: with the fault of the first rule that matches and whose rate hits, or without one. */
  answer(target: Target, acts: Acts): SandboxAnswer {
    const rule = this.#rules.find(
      (one) => matches(one, target) && (one.rate === 1 || this.#random.fraction('faults') < one.rate),
    );
    if (!rule) return acts.work();
    if (rule.times !== undefined) rule.times -= 1;
    if (rule.times === 0) this.#rules = this.#rules.filter((other) => other !== rule);
    return spoil(rule.fault, acts);
  }
}

/**
 * `before`: the sandbox does not carry out the request.
 * `after`: the sandbox carries out the request and damages the answer, so that a careless client would post twice.
 */
const when = z.enum(['before', 'after']);
const ms = z.number().int().nonnegative();

const how = z.custom<keyof typeof alterations>(
  (name) => typeof name === 'string' && Object.hasOwn(alterations, name),
);

const fault = z.discriminatedUnion('kind', [
  /** Another answer instead of the true one. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.number().int().min(200).max(599),
    body: z.unknown().optional(),
    headers: z.record(z.string().toLowerCase(), z.string()).default({}),
    when: when.default('before'),
  }),
  /** The connection closes without an answer. */
  z.strictObject({ kind: z.literal('drop'), when: when.default('before') }),
  /** No answer; the connection stays open until the client closes it. */
  z.strictObject({ kind: z.literal('hang'), when: when.default('before') }),
  /** The connection closes now; the sandbox carries out the request `ms` later. */
  z.strictObject({ kind: z.literal('late'), ms }),
  /** The true answer, `ms` late. */
  z.strictObject({ kind: z.literal('delay'), ms }),
  /** The true answer, one byte every `ms`. */
  z.strictObject({ kind: z.literal('trickle'), ms }),
  /** Half of the true answer, then the connection breaks. */
  z.strictObject({ kind: z.literal('cut'), when: z.literal('after').default('after') }),
  /** Half of the gzipped answer, with a regular end of the response. */
  z.strictObject({ kind: z.literal('gzip-cut'), when: z.literal('after').default('after') }),
  /** The true answer uncompressed, with the header of gzip. */
  z.strictObject({ kind: z.literal('gzip-corrupt'), when: z.literal('after').default('after') }),
  /** The true status without its body. */
  z.strictObject({ kind: z.literal('empty'), when: when.default('after') }),
  /** The true answer with its texts altered, without a visible difference. */
  z.strictObject({ kind: z.literal('altered'), how }),
  /** A 302 to the front page. */
  z.strictObject({ kind: z.literal('redirect'), when: when.default('before') }),
]);

/** Which requests get a fault, which fault, and how often. Without `times`: until it is cleared. Without `rate`: every time. */
export const faultRule = z.strictObject({
  match: z
    .strictObject({
      method: z.string().toUpperCase().optional(),
      /** A path; `*` stands for any characters. */
      path: z.string().optional(),
      /** A screen name. */
      account: z.string().toLowerCase().optional(),
    })
    .default({}),
  times: z.number().int().positive().optional(),
  rate: z.number().min(0).max(1).default(1),
  fault,
});

export type Fault = z.infer<typeof fault>;
export type FaultRule = z.infer<typeof faultRule>;

interface Target {
  method: string;
  path: string;
  /** Screen name in lower case; undefined if no account's token signed. */
  account: string | undefined;
}

const matches = ({ match: { method, account, path } }: FaultRule, target: Target): boolean =>
  (method === undefined || method === target.method) &&
  (account === undefined || account === target.account) &&
  (path === undefined || pathFits(path, target.path));

function pathFits(pattern: string, path: string): boolean {
  const source = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`).test(path);
}

/** How a fault can have the request carried out: now, with the true answer, or after that many milliseconds. */
interface Acts {
  work: () => SandboxAnswer;
  workLater: (ms: number) => void;
}

function spoil(fault: Fault, { work, workLater }: Acts): SandboxAnswer {
  switch (fault.kind) {
    case 'status':
      if (fault.when === 'after') work();
      return statusAnswer(fault);
    case 'redirect':
      if (fault.when === 'after') work();
      return { status: 302, headers: { location: '/' }, body: '' };
    case 'empty':
      return { ...(fault.when === 'after' ? work() : silence), body: '' };
    case 'drop':
    case 'hang':
      if (fault.when === 'after') work();
      return { ...silence, fault: { kind: fault.kind } };
    case 'altered':
      return altered(work(), alterations[fault.how]);
    case 'late':
      workLater(fault.ms);
      return { ...silence, fault: { kind: 'drop' } };
    case 'delay':
    case 'trickle':
      return { ...work(), fault };
    case 'cut':
    case 'gzip-cut':
    case 'gzip-corrupt':
      return { ...work(), fault: { kind: fault.kind } };
  }
}

/** Changes the texts of all posts in an answer: a timeline or a new post. */
function altered(answer: SandboxAnswer, alter: (text: string) => string): SandboxAnswer {
  // Not parsed as a whole: ids may be numbers that JavaScript cannot hold.
  const body = answer.body.replaceAll(
    /("text":)("(?:[^"\\]|\\.)*")/g,
    (_, name: string, text: string) => name + JSON.stringify(alter(z.string().parse(JSON.parse(text)))),
  );
  return { ...answer, body };
}

const silence: SandboxAnswer = { status: 200, headers: {}, body: '' };

/** Sends a text as it is and any other body as JSON. Without a body the answer is a problem of that status. */
function statusAnswer({ status, body, headers }: Extract<Fault, { kind: 'status' }>): SandboxAnswer {
  const problem = { title: `Ordered fault ${status}`, type: 'about:blank', status, detail: 'As ordered.' };
  const isText = typeof body === 'string';
  const type = isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  const text = isText ? body : JSON.stringify(body ?? problem);
  return { status, headers: { 'content-type': type, ...headers }, body: text };
}

/** The access token in a request, not verified. It is used only to match faults. */
export function claimedToken(request: SandboxRequest): string | undefined {
  return /oauth_token="([^"]+)"/.exec(request.headers['authorization'] ?? '')?.[1];
}
