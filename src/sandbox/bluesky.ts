import { html } from 'hono/html';
import * as z from 'zod';
import { parseJson } from '../text.ts';
import { recordCalls } from './bluesky-records.ts';
import {
  accountOf,
  anyAccess,
  badRequest,
  type BlueskyOptions,
  bodyOf,
  callerOf,
  didOf,
  type Handler,
  isAt,
  mustBeActive,
  notSignedIn,
  refuse,
  Servers,
  sign,
  words,
} from './bluesky-servers.ts';
import { blueskyName, handleOf } from './names.ts';
import { message, page } from './pages.ts';
import { type Call, json, type Routes, type SandboxAnswer } from './requests.ts';
import type { Account, Core, SeededRandom } from './world.ts';

/*
 * Bluesky: the directory of DIDs and two servers that hold accounts (PDS), so that an account can move from one to the other.
 */

/** The paths that apps call at the two servers and the directory. */
const base = String.raw`/(?<server>bluesky|bluesky-2)/xrpc/`;

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
    'POST /sandbox/bluesky': (call) => grantToPerson(servers, call),
    'POST /sandbox/bluesky/:handle/move/:to': (call) => moveAccount(servers, call),
  };
}

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
function moveAccount(servers: Servers, { parts: { handle = '', to = '' } }: Call): SandboxAnswer {
  const account = servers.core.world.accountNamed(blueskyName(handle) ?? '');
  if (!account?.bluesky) return json(404, { detail: `The sandbox has no account ${handle}.` });
  account.bluesky.server = to === 'bluesky-2' ? to : 'bluesky';
  account.bluesky.appPasswords = [];
  const password = newAppPassword(servers, account, 'moved');
  return json(200, { handle, server: account.bluesky.server, password });
}

/**
 * An app password for the account with a handle, without the calls of an app; the account is made if there is none.
 *
 * @returns undefined if no account can have that handle
 */
export function grantBluesky({ core, random }: Pick<Servers, 'core' | 'random'>, handle: string) {
  const name = blueskyName(handle);
  if (name === undefined) return undefined;
  const made = {
    password: random.token('password', 16),
    appPasswords: [],
    server: 'bluesky',
    deactivated: false,
  };
  const account = core.world.ensureAccount(name, { bluesky: made });
  const passwords = account.bluesky?.appPasswords.length ?? 0;
  const appPassword = newAppPassword({ core, random }, account, `sandbox ${passwords + 1}`);
  return { account, did: didOf(account), handle, server: `/${account.bluesky?.server ?? ''}`, appPassword };
}

/** Makes an app password for a person, as Bluesky's settings do. */
function grantToPerson(servers: Servers, { form, request }: Call): SandboxAnswer {
  const typed = (form.get('handle') ?? '').trim().replace(/^@/, '').toLowerCase();
  const handle = typed.includes('.') ? typed : `${typed}.test`;
  const made = grantBluesky(servers, handle);
  const isPerson = (request.headers['accept'] ?? '').includes('text/html');
  const why = `“${handle}” cannot be a handle here: letters, digits and dashes, as in rain.test.`;
  if (!made) return isPerson ? message(400, 'No such handle', why) : json(400, { detail: why });
  const { did, server, appPassword } = made;
  if (!isPerson) return json(201, { did, handle, server, appPassword });
  return page(
    200,
    'Your app password · Sandbox',
    html`<main class="card">
      <p class="brand">Sandbox <span>a Bluesky in a box</span></p>
      <p class="who">@${handle}</p>
      <h1>Give this app password to keymaker</h1>
      <input class="oauth-code" readonly value="${appPassword}" aria-label="App password" />
      <p class="small">
        It is shown once. The account's server is <code>http://${request.host}${server}</code>.
      </p>
      <p><a class="button" href="/">Back to the posts</a></p>
    </main>`,
  );
}

function newAppPassword(
  { core: { world }, random }: Pick<Servers, 'core' | 'random'>,
  { bluesky }: Account,
  name: string,
): string {
  const password = (random.token('app password', 16).toLowerCase().match(/.{4}/g) ?? []).join('-');
  bluesky?.appPasswords.push({ name, password });
  world.changed();
  return password;
}

const hour = 3_600_000;
const accessLifetime = 2 * hour;
const refreshLifetime = 90 * 24 * hour;
/** How long a refresh token lives that was used. */
const graceOfRefresh = 2 * hour;

/** The scopes of tokens. */
const mainAccess = /^com\.atproto\.access$/;
const refreshing = /^com\.atproto\.refresh$/;

/** A new session. @param app - the name of the app password, if it is not from the main password */
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

const accountCalls: Record<string, Handler> = {
  'POST com.atproto.server.createAccount': (servers, call) => {
    const { handle, password } = bodyOf(call, z.object({ handle: words, password: words }));
    const name = blueskyName(handle);
    if (name === undefined) throw badRequest('Not a supported handle domain', 'UnsupportedDomain');
    if (accountOf(servers, handle)) throw badRequest(`Handle already taken: ${handle}`, 'HandleNotAvailable');
    const server = call.parts['server'] ?? '';
    const made = { password, appPasswords: [], server, deactivated: false };
    return sessionFor(servers, call, servers.core.world.ensureAccount(name, { bluesky: made }), undefined);
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
    const { handle } = bodyOf(
      call,
      z.object({ handle: z.string().refine((text) => blueskyName(text) !== undefined) }),
    );
    if (!servers.core.world.rename(account, blueskyName(handle) ?? ''))
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
