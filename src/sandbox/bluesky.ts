import { createHash, createHmac } from 'node:crypto';
import * as z from 'zod';
import { parseJson } from '../text.ts';
import {
  type Call,
  json,
  Refused,
  type Routes,
  type SandboxAnswer,
  type SandboxRequest,
} from './requests.ts';
import type { Account, Core, Post, SeededRandom } from './world.ts';

/*
 * Bluesky: the directory of DIDs and two servers that hold accounts (PDS), so that an account can move from one to the other. The
 * answers are those of @atproto/pds.
 */

export interface BlueskyOptions {
  /** Overrides of the limits; null removes one. */
  limits?: Partial<Record<LimitName, number | null>>;
  /** Whether logins are counted for each account, as by @atproto/pds, or for all together. */
  loginsOf?: 'account' | 'address';
  /** The password of Basic authorization for the admin's calls. */
  adminPassword?: string;
}

/** The paths that apps call at the two servers and the directory. */
const base = String.raw`/(?<server>bluesky|bluesky-2)/xrpc/`;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The requests or points in a window of that many milliseconds. @see the source of @atproto/pds: index.ts, createSession.ts */
const usualLimits = {
  requests: { max: 3000, length: 5 * minute },
  logins: { max: 30, length: 5 * minute },
  loginsPerDay: { max: 300, length: day },
  points: { max: 5000, length: hour },
  pointsPerDay: { max: 35_000, length: day },
} as const;

type LimitName = keyof typeof usualLimits;

const accessLifetime = 2 * hour;
const refreshLifetime = 90 * day;
/** How long a refresh token lives that was used. */
const graceOfRefresh = 2 * hour;

/** The format of a refusal. */
const refuse = (
  status: number,
  error: string,
  message: string,
  headers?: Record<string, string>,
): SandboxAnswer => json(status, { error, message }, headers);

const badRequest = (message: string, error = 'InvalidRequest'): Refused =>
  new Refused(refuse(400, error, message));

const notSignedIn = (error: string, message: string): Refused => new Refused(refuse(401, error, message));

/** What all routes share. */
class Servers {
  readonly core: Core;
  readonly options: BlueskyOptions;
  readonly random: SeededRandom;
  readonly #windows = new Map<string, { opened: number; used: number }>();
  /** When refresh tokens were used, by their ids. */
  readonly used = new Map<string, number>();
  readonly secret: string;

  constructor(core: Core, options: BlueskyOptions, random: SeededRandom) {
    this.core = core;
    this.options = options;
    this.random = random;
    this.secret = random.token('bluesky', 32);
  }

  now(): number {
    return this.core.clock.now() + this.core.ahead;
  }

  /** Takes points from limits. @returns the headers of the tightest one @throws {Refused} 429 if one is used up */
  take(counted: [name: LimitName, of: string, points: number][]): Record<string, string> {
    const states = counted.flatMap(([name, of, points]) => {
      const { max: usual, length } = usualLimits[name];
      const { [name]: max = usual } = this.options.limits ?? {};
      if (max === null) return [];
      const key = `${name} ${of}`;
      const known = this.#windows.get(key);
      const window = known && this.now() < known.opened + length ? known : { opened: this.now(), used: 0 };
      this.#windows.set(key, window);
      window.used += points;
      return [{ window, max, length }];
    });
    const [tightest] = states.sort((a, b) => a.max - a.window.used - (b.max - b.window.used));
    if (!tightest) return {};
    const { window, max, length } = tightest;
    const reset = Math.ceil((window.opened + length) / 1000);
    const headers: Record<string, string> = {
      'ratelimit-limit': String(max),
      'ratelimit-remaining': String(Math.max(0, max - window.used)),
      'ratelimit-reset': String(reset),
      'ratelimit-policy': `${max};w=${length / 1000}`,
    };
    if (window.used <= max) return headers;
    headers['retry-after'] = String(Math.max(1, reset - Math.floor(this.now() / 1000)));
    throw new Refused(refuse(429, 'RateLimitExceeded', 'Rate Limit Exceeded', headers));
  }
}

export function blueskyRoutes(core: Core, options: BlueskyOptions, random: SeededRandom): Routes {
  const servers = new Servers(core, options, random);
  const table: Record<string, Handler> = {
    ...accountCalls,
    ...recordCalls,
  };
  const calls = Object.entries(table).map(([key, handler]) => {
    const [method = '', name = ''] = key.split(' ');
    return [
      `${method} ${base}${name}`,
      (call: Call): SandboxAnswer => {
        const headers = servers.take([['requests', 'address', 1]]);
        const made = handler(servers, call);
        return { ...made, headers: { ...headers, ...made.headers } };
      },
    ] as const;
  });
  return {
    ...Object.fromEntries(calls),
    'GET /bluesky/plc/:did': (call) => didDocument(servers, call),
    'POST /sandbox/bluesky/:name/move/:to': (call) => moveAccount(servers, call),
  };
}

type Handler = (servers: Servers, call: Call) => SandboxAnswer;

/** The DID of an account: its id, in letters for the digits. */
const didOf = ({ id }: Account): string =>
  `did:plc:${id.padStart(24, '0').replaceAll(/./g, (digit) => letters[Number(digit)] ?? '')}`;

const idOf = (did: string): string =>
  Array.from(did.slice('did:plc:'.length), (letter) => letters.indexOf(letter))
    .join('')
    .replace(/^0+/, '');

const letters = 'abcdefghij';

/** The ending of every handle. */
const domain = '.test';

const handleOf = ({ screenName }: Account): string =>
  `${screenName.toLowerCase().replaceAll('_', '-')}${domain}`;

/** The account with a handle or DID, at any server. */
function accountOf({ core: { world } }: Servers, name: string): Account | undefined {
  if (name.startsWith('did:')) {
    const account = world.account(idOf(name));
    return account?.bluesky && account;
  }
  const [screenName = ''] = name.split(domain);
  return name.endsWith(domain) ? world.accountAt('bluesky', screenName.replaceAll('-', '_')) : undefined;
}

const isAt = (account: Account | undefined, { parts }: Call): account is Account =>
  account?.bluesky !== undefined && account.bluesky.server === parts['server'];

function didDocument(servers: Servers, { request: { host }, parts: { did = '' } }: Call): SandboxAnswer {
  const account = accountOf(servers, did);
  if (!account?.bluesky) return json(404, { message: `DID not registered: ${did}` });
  return json(200, {
    '@context': ['https://www.w3.org/ns/did/v1'],
    id: did,
    alsoKnownAs: [`at://${handleOf(account)}`],
    verificationMethod: [],
    service: [
      {
        id: '#atproto_pds',
        type: 'AtprotoPersonalDataServer',
        serviceEndpoint: `http://${host}/${account.bluesky.server}`,
      },
    ],
  });
}

/** Moves an account to another server; the old one does not know it any more. App passwords do not move with it. */
function moveAccount(servers: Servers, { parts: { name = '', to = '' } }: Call): SandboxAnswer {
  const account = servers.core.world.accountAt('bluesky', name);
  if (!account?.bluesky) return json(404, { detail: `The sandbox has no account ${name} at Bluesky.` });
  account.bluesky.server = to === 'bluesky-2' ? to : 'bluesky';
  account.bluesky.appPasswords = [];
  const password = newAppPassword(servers, account, 'moved');
  return json(200, { account: name, server: account.bluesky.server, password });
}

function newAppPassword({ core: { world }, random }: Servers, { bluesky }: Account, name: string): string {
  const password = (random.token('app password', 16).toLowerCase().match(/.{4}/g) ?? []).join('-');
  bluesky?.appPasswords.push({ name, password });
  world.changed();
  return password;
}

/*
 * Tokens. They are signed and hold what they say, so the sandbox keeps no sessions.
 */

const claims = z.object({
  scope: z.string(),
  sub: z.string(),
  exp: z.number(),
  jti: z.string(),
  /** The name of the app password. */
  app: z.string().optional(),
});
type Claims = z.infer<typeof claims>;

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function sign({ secret }: Servers, value: Claims): string {
  const text = `${part({ typ: 'at+jwt', alg: 'HS256' })}.${part(value)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

/** The claims of the bearer of a request, not verified. */
function claimsIn({ headers }: SandboxRequest): Claims | undefined {
  const [, payload] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/.exec(headers['authorization'] ?? '') ?? [];
  return claims.safeParse(parseJson(Buffer.from(payload ?? '', 'base64url').toString())).data;
}

/** Whose request it is, not verified: faults can be ordered for one account. */
export const claimedAccount = ({ world }: Core, request: SandboxRequest): Account | undefined =>
  world.account(idOf(claimsIn(request)?.sub ?? identifierIn(request) ?? ''));

const identifierIn = ({ url, body }: SandboxRequest): string | undefined =>
  url.endsWith('createSession')
    ? z.object({ identifier: z.string() }).safeParse(parseJson(body)).data?.identifier
    : undefined;

/** The account and claims of a signed request. @throws {Refused} */
function callerOf(servers: Servers, call: Call, scopes: RegExp): { account: Account; claims: Claims } {
  const header = call.request.headers['authorization'];
  if (header === undefined) throw notSignedIn('AuthMissing', 'Authentication Required');
  const found = claimsIn(call.request);
  if (!found || header !== `Bearer ${sign(servers, found)}`)
    throw badRequest('Token could not be verified', 'InvalidToken');
  if (found.exp * 1000 <= servers.now()) throw badRequest('Token has expired', 'ExpiredToken');
  if (!scopes.test(found.scope)) throw badRequest('Bad token scope', 'InvalidToken');
  const account = accountOf(servers, found.sub);
  if (!isAt(account, call)) throw new Refused(refuse(403, 'AccountNotFound', 'Account not found'));
  return { account, claims: found };
}

const anyAccess = /^com\.atproto\.(access|appPass)$/;
const mainAccess = /^com\.atproto\.access$/;
const refreshing = /^com\.atproto\.refresh$/;

/** @throws {Refused} if the account cannot be used */
function mustBeActive(account: Account): void {
  if (account.suspended) throw notSignedIn('AccountTakedown', 'Account has been taken down');
  if (account.bluesky?.deactivated === true)
    throw notSignedIn('AccountDeactivated', 'Account is deactivated');
}

function sessionFor(servers: Servers, call: Call, account: Account, app: string | undefined): SandboxAnswer {
  const now = Math.floor(servers.now() / 1000);
  const token = (scope: string, lifetime: number): string =>
    sign(servers, {
      scope: `com.atproto.${scope}`,
      sub: didOf(account),
      exp: now + lifetime / 1000,
      jti: servers.random.token('jti', 24),
      ...(app !== undefined && { app }),
    });
  const document: unknown = parseJson(didDocument(servers, { ...call, parts: { did: didOf(account) } }).body);
  return json(200, {
    did: didOf(account),
    handle: handleOf(account),
    didDoc: document,
    accessJwt: token(app === undefined ? 'access' : 'appPass', accessLifetime),
    refreshJwt: token('refresh', refreshLifetime),
    ...stateOf(account),
  });
}

function stateOf({ suspended, bluesky }: Account): object {
  if (suspended) return { active: false, status: 'takendown' };
  return bluesky?.deactivated === true ? { active: false, status: 'deactivated' } : { active: true };
}

/** The body of a call. @throws {Refused} */
function bodyOf<T>({ request }: Call, schema: z.ZodType<T>): T {
  const read = schema.safeParse(parseJson(request.body));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw badRequest(`Input/${issue?.path.join('/') ?? ''} ${issue?.message ?? ''}`);
}

const words = z.string().min(1);

const accountCalls: Record<string, Handler> = {
  'POST com.atproto.server.createAccount': (servers, call) => {
    const { handle, password } = bodyOf(call, z.object({ handle: words, password: words }));
    const [, name] = /^([a-z0-9-]{1,15})\.test$/.exec(handle) ?? [];
    if (name === undefined) throw badRequest('Not a supported handle domain', 'UnsupportedDomain');
    if (accountOf(servers, handle)) throw badRequest(`Handle already taken: ${handle}`, 'HandleNotAvailable');
    const server = call.parts['server'] ?? '';
    const made = { password, appPasswords: [], server, deactivated: false };
    return sessionFor(
      servers,
      call,
      servers.core.world.addAccount(name.replaceAll('-', '_'), made),
      undefined,
    );
  },
  'POST com.atproto.server.createSession': (servers, call) => {
    const { identifier, password } = bodyOf(call, z.object({ identifier: words, password: words }));
    const of = servers.options.loginsOf === 'address' ? 'address' : identifier;
    const headers = servers.take([
      ['logins', of, 1],
      ['loginsPerDay', of, 1],
    ]);
    const account = accountOf(servers, identifier.toLowerCase());
    const held = isAt(account, call) ? account.bluesky : undefined;
    const isMain = held?.password === password;
    // Of an account that was taken down, app passwords count as wrong ones.
    const apps = account?.suspended === true ? [] : held?.appPasswords;
    const app = apps?.find((one) => one.password === password)?.name;
    if (!account || (app === undefined && !isMain))
      return refuse(401, 'AuthenticationRequired', 'Invalid identifier or password', headers);
    if (account.suspended) return refuse(401, 'AccountTakedown', 'Account has been taken down', headers);
    const made = sessionFor(servers, call, account, app);
    return { ...made, headers: { ...made.headers, ...headers } };
  },
  'POST com.atproto.server.refreshSession': (servers, call) => {
    const { account, claims } = callerOf(servers, call, refreshing);
    if (account.suspended) throw notSignedIn('AccountTakedown', 'Account has been taken down');
    const used = servers.used.get(claims.jti) ?? Infinity;
    const isRevoked =
      claims.app !== undefined && !account.bluesky?.appPasswords.some(({ name }) => name === claims.app);
    if (isRevoked || servers.now() > used + graceOfRefresh)
      throw badRequest('Token has been revoked', 'ExpiredToken');
    servers.used.set(claims.jti, Math.min(used, servers.now()));
    return sessionFor(servers, call, account, claims.app);
  },
  'POST com.atproto.server.deleteSession': (servers, call) => {
    const { claims } = callerOf(servers, call, refreshing);
    servers.used.set(claims.jti, -Infinity);
    return { status: 200, headers: {}, body: '' };
  },
  'GET com.atproto.server.getSession': (servers, call) => {
    const { account } = callerOf(servers, call, anyAccess);
    mustBeActive(account);
    return json(200, { did: didOf(account), handle: handleOf(account), active: true });
  },
  'POST com.atproto.server.createAppPassword': (servers, call) => {
    const { account } = callerOf(servers, call, mainAccess);
    const { name } = bodyOf(call, z.object({ name: words }));
    if (account.bluesky?.appPasswords.some((one) => one.name === name))
      throw badRequest('App password with this name already exists');
    const password = newAppPassword(servers, account, name);
    return json(200, { name, password, createdAt: new Date(servers.now()).toISOString(), privileged: false });
  },
  'POST com.atproto.server.revokeAppPassword': (servers, call) => {
    const { account } = callerOf(servers, call, anyAccess);
    const { name } = bodyOf(call, z.object({ name: words }));
    if (account.bluesky)
      account.bluesky.appPasswords = account.bluesky.appPasswords.filter((one) => one.name !== name);
    servers.core.world.changed();
    return { status: 200, headers: {}, body: '' };
  },
  'POST com.atproto.server.deactivateAccount': (servers, call) => {
    const { account } = callerOf(servers, call, mainAccess);
    if (account.bluesky) account.bluesky.deactivated = true;
    servers.core.world.changed();
    return { status: 200, headers: {}, body: '' };
  },
  'POST com.atproto.identity.updateHandle': (servers, call) => {
    const { account } = callerOf(servers, call, anyAccess);
    const { handle } = bodyOf(call, z.object({ handle: z.string().regex(/^[a-z0-9-]{1,15}\.test$/) }));
    if (!servers.core.world.rename(account, handle.slice(0, -domain.length).replaceAll('-', '_')))
      throw badRequest(`Handle already taken: ${handle}`, 'HandleNotAvailable');
    return { status: 200, headers: {}, body: '' };
  },
  'GET com.atproto.sync.getRepoStatus': (servers, call) => {
    const did = call.query.get('did') ?? '';
    const account = accountOf(servers, did);
    if (!isAt(account, call)) throw badRequest(`Could not find repo for DID: ${did}`, 'RepoNotFound');
    return json(200, { did, ...stateOf(account) });
  },
  'GET com.atproto.identity.resolveHandle': (servers, { query }) => {
    const account = accountOf(servers, (query.get('handle') ?? '').toLowerCase());
    if (!account) throw badRequest('Unable to resolve handle');
    return json(200, { did: didOf(account) });
  },
  'POST com.atproto.admin.updateSubjectStatus': (servers, call) => {
    const admin = Buffer.from(`admin:${servers.options.adminPassword ?? 'admin'}`).toString('base64');
    if (call.request.headers['authorization'] !== `Basic ${admin}`)
      throw notSignedIn('AuthMissing', 'Authentication Required');
    const { subject, takedown } = bodyOf(
      call,
      z.object({ subject: z.object({ did: words }), takedown: z.object({ applied: z.boolean() }) }),
    );
    const account = accountOf(servers, subject.did);
    if (!account) throw badRequest('Subject not found');
    account.suspended = takedown.applied;
    servers.core.world.changed();
    return json(200, { subject, takedown });
  },
};

/*
 * Records.
 */

const posts = 'app.bsky.feed.post';
const profiles = 'app.bsky.actor.profile';

const tid = /^[2-7a-j][2-7a-z]{12}$/;

/** A record's content hash: the same for the same record, whatever the order of its fields. */
const cidOf = (value: unknown): string =>
  `bafyrei${BigInt(`0x${createHash('sha256').update(canonical(value)).digest('hex')}`)
    .toString(32)
    .padStart(52, '0')}`;

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}

/** What the lexicon wants of a post. */
const postRecord = z.looseObject({
  $type: z.literal(posts),
  text: z
    .string()
    .refine((text) => Buffer.byteLength(text) <= 3000, 'string too big (maximum 3000)')
    .refine((text) => lengthOf(text) <= 300, {
      error: ({ input }) => `grapheme too big (maximum 300, got ${lengthOf(String(input))})`,
    }),
  createdAt: z.iso.datetime({ offset: true }),
  langs: z.array(z.string()).max(3).optional(),
  facets: z
    .array(
      z.object({
        index: z.object({ byteStart: z.int().min(0), byteEnd: z.int().min(0) }),
        features: z.array(z.looseObject({ $type: z.string() })),
      }),
    )
    .optional(),
});

const lengthOf = (text: string): number => [...new Intl.Segmenter('en').segment(text)].length;

const write = z.object({
  repo: words,
  collection: words,
  rkey: words,
  record: z.record(z.string(), z.unknown()),
  swapRecord: z.string().nullable().optional(),
});

/** Checks who writes and what. @throws {Refused} */
function writerOf(servers: Servers, call: Call, repo: string, points: number) {
  const { account } = callerOf(servers, call, anyAccess);
  const of = didOf(account);
  const headers = servers.take([
    ['points', of, points],
    ['pointsPerDay', of, points],
  ]);
  mustBeActive(account);
  if (repo !== of && repo !== handleOf(account))
    throw notSignedIn('AuthenticationRequired', 'Authentication Required');
  return { account, headers };
}

/** @throws {Refused} */
function checkRecord(collection: string, rkey: string, record: unknown): void {
  if (collection === profiles && rkey === 'self') return;
  if (collection !== posts) throw badRequest(`The sandbox has no collection ${collection}`);
  if (!tid.test(rkey)) throw badRequest(`Invalid ${collection} record: Invalid record key (expected "tid")`);
  const issue = postRecord.safeParse(record).error?.issues[0];
  if (issue) throw badRequest(`Invalid ${collection} record: ${issue.message} at $.${issue.path.join('.')}`);
}

const postAt = ({ core: { world } }: Servers, { id }: Account, rkey: string): Post | undefined =>
  world.postsOf(id).findLast(({ deleted, record }) => !deleted && record?.rkey === rkey);

function recordAt(servers: Servers, account: Account, collection: string, rkey: string): unknown {
  return collection === profiles ? account.bluesky?.profile : postAt(servers, account, rkey)?.record?.value;
}

/** Stores a record in place of the one that has its key. */
function store(
  servers: Servers,
  account: Account,
  { collection, rkey, record }: z.infer<typeof write>,
): void {
  const { world } = servers.core;
  if (collection === profiles && account.bluesky) account.bluesky.profile = record;
  else {
    const old = postAt(servers, account, rkey);
    if (old) old.deleted = true;
    world.addPost(account, String(record['text']), { rkey, value: record });
  }
  world.changed();
}

const uriOf = (account: Account, collection: string, rkey: string): string =>
  `at://${didOf(account)}/${collection}/${rkey}`;

/** A new record's key, from the sandbox's clock. */
function newKey(servers: Servers): string {
  const value = BigInt(Math.max(0, servers.now())) * 1000n * 1024n + BigInt(servers.random.digits('tid', 6));
  const text = value.toString(32).padStart(13, '0');
  return text.replaceAll(/./g, (digit) => '234567abcdefghijklmnopqrstuvwxyz'[parseInt(digit, 32)] ?? '2');
}

const recordCalls: Record<string, Handler> = {
  'POST com.atproto.repo.putRecord': (servers, call) => {
    const wanted = bodyOf(call, write);
    const { repo, collection, rkey, record, swapRecord } = wanted;
    const { account, headers } = writerOf(servers, call, repo, 2);
    checkRecord(collection, rkey, record);
    const old = recordAt(servers, account, collection, rkey);
    const cid = cidOf(record);
    const uri = uriOf(account, collection, rkey);
    // The same record again changes nothing, whatever it is said to replace.
    if (old !== undefined && cidOf(old) === cid)
      return json(200, { uri, cid, validationStatus: 'valid' }, headers);
    const current = old === undefined ? null : cidOf(old);
    if (swapRecord !== undefined && swapRecord !== current)
      return refuse(400, 'InvalidSwap', `Record was at ${current ?? 'null'}`, headers);
    store(servers, account, wanted);
    const commit = { cid: cidOf({ cid, at: servers.now() }), rev: newKey(servers) };
    return json(200, { uri, cid, commit, validationStatus: 'valid' }, headers);
  },
  'POST com.atproto.repo.createRecord': (servers, call) => {
    const { rkey = newKey(servers), ...body } = bodyOf(call, write.partial({ rkey: true }));
    const { account, headers } = writerOf(servers, call, body.repo, 3);
    checkRecord(body.collection, rkey, body.record);
    if (recordAt(servers, account, body.collection, rkey) !== undefined)
      return refuse(500, 'InternalServerError', 'Internal Server Error', headers);
    store(servers, account, { ...body, rkey });
    return json(200, { uri: uriOf(account, body.collection, rkey), cid: cidOf(body.record) }, headers);
  },
  'POST com.atproto.repo.deleteRecord': (servers, call) => {
    const { repo, rkey } = bodyOf(call, write.omit({ record: true }));
    const { account, headers } = writerOf(servers, call, repo, 1);
    const post = postAt(servers, account, rkey);
    if (post) servers.core.world.deletePost(post);
    return json(200, {}, headers);
  },
  'GET com.atproto.repo.getRecord': (servers, call) => {
    const [repo, collection, rkey] = ['repo', 'collection', 'rkey'].map((name) => call.query.get(name) ?? '');
    const account = accountOf(servers, repo ?? '');
    // Of an account that is elsewhere or cannot be used, a server without an AppView says no more than this.
    if (!isAt(account, call) || account.suspended || account.bluesky?.deactivated === true)
      throw badRequest('Could not locate record');
    const value = recordAt(servers, account, collection ?? '', rkey ?? '');
    const uri = uriOf(account, collection ?? '', rkey ?? '');
    if (value === undefined) throw badRequest(`Could not locate record: ${uri}`, 'RecordNotFound');
    return json(200, { uri, cid: cidOf(value), value });
  },
  'GET com.atproto.repo.listRecords': (servers, call) => {
    const read = listQuery.safeParse(Object.fromEntries(call.query));
    if (!read.success) throw badRequest(`Params: ${read.error.issues[0]?.message ?? ''}`);
    const { repo, limit, cursor, reverse } = read.data;
    const account = accountOf(servers, repo);
    if (!isAt(account, call)) throw badRequest(`Could not find repo: ${repo}`);
    const records = servers.core.world
      .postsOf(account.id)
      .flatMap(({ deleted, record }) => (deleted || !record ? [] : record))
      .filter(({ rkey }) => cursor === undefined || (reverse ? rkey > cursor : rkey < cursor))
      .sort((a, b) => (a.rkey < b.rkey === reverse ? -1 : 1))
      .slice(0, limit)
      .map(({ rkey, value }) => ({ uri: uriOf(account, posts, rkey), cid: cidOf(value), value }));
    const last = records.at(-1)?.uri;
    return json(200, {
      records,
      ...(last !== undefined && { cursor: last.slice(last.lastIndexOf('/') + 1) }),
    });
  },
};

const listQuery = z.object({
  repo: words,
  collection: z.literal(posts),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().optional(),
  reverse: z.stringbool().default(false),
});
