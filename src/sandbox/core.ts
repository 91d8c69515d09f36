import type { Clock } from '../clock.ts';
import type { RateLimits } from './limits.ts';
import type { Refuse, SandboxAnswer, SandboxRequest } from './problems.ts';
import { type KeyRing, type Nonces, type Pair, type Signed, verify } from './verify.ts';
import type { AccessToken, Account, Authorizations, DialectId, World } from './world.ts';

/** Everything the routes share. */
export interface Core {
  clock: Clock;
  world: World;
  authorizations: Authorizations;
  limits: RateLimits;
  nonces: Nonces;
  apps: Map<string, Pair>;
  /** Callback URLs that were registered; undefined allows all. */
  callbacks: string[] | undefined;
  /** How long X refuses a text it has seen, in milliseconds; 0 accepts it at once. */
  duplicateWindow: number;
  /** How long a post takes to reach the timeline, in milliseconds. */
  timelineLag: number;
  /** How far X's clock is ahead of the one here, in milliseconds. */
  ahead: number;
  /** Names and passwords that xAuth takes; empty leaves it off, as X does. */
  passwords: Map<string, string>;
}

/** Who is asking: the account behind a live access token. */
export interface Caller {
  account: Account;
  token: AccessToken;
  signed: Signed;
}

type Outcome<T> = { ok: true; value: T } | { ok: false; answer: SandboxAnswer };

/** Any request signed by an app of ours, with or without a token. */
export function signedBy(
  core: Core,
  request: SandboxRequest,
  refuse: Refuse,
  dialect: DialectId = 'x',
): Outcome<Signed> {
  const checked = verify(
    request,
    keyRing(core, dialect),
    core.nonces,
    (request.arrived ?? core.clock.now()) + core.ahead,
  );
  if (checked.ok) return { ok: true, value: checked.signed };
  return { ok: false, answer: refuse(checked.refusal, checked.base) };
}

/** A request signed for an account, in good standing or not. */
export function callerOf(
  core: Core,
  request: SandboxRequest,
  refuse: Refuse,
  dialect: DialectId = 'x',
): Outcome<Caller> {
  const checked = signedBy(core, request, refuse, dialect);
  if (!checked.ok) return checked;
  const signed = checked.value;
  const token = core.world.accessToken(signed.token ?? '');
  const account = token && core.world.account(token.accountId);
  if (!token || !account) return { ok: false, answer: refuse('dead-token') };
  return { ok: true, value: { account, token, signed } };
}

/** Request tokens and access tokens, as the verifier looks them up. */
function keyRing(core: Core, dialect: DialectId): KeyRing {
  return {
    app: (token) => core.apps.get(token),
    token(name, app) {
      const access = core.world.accessToken(name);
      if (access?.app === app && access.dialect === dialect)
        return { secret: access.secret, dead: access.revoked };
      const request = core.authorizations.find(name, core.clock.now());
      if (request?.app === app && request.dialect === dialect) return { secret: request.secret, dead: false };
      return undefined;
    },
  };
}

/** How X tells what a token may do, on every answer to a request that was signed with it. */
export const accessLevel = ({ access }: AccessToken): Record<string, string> => ({
  'x-access-level': access === 'read' ? 'read' : 'read-write',
});

/** A request that found its route: the parts its pattern names, its query and its form. */
export interface Call {
  request: SandboxRequest;
  path: string;
  parts: Record<string, string>;
  query: URLSearchParams;
  /** The body's fields; empty unless the body is a form. */
  form: URLSearchParams;
}

export type Handler = (call: Call) => SandboxAnswer;

/** `GET /2/users/:id/tweets` and what answers it. */
export type Routes = Record<string, Handler>;

interface Route {
  method: string;
  pattern: string[];
  handler: Handler;
}

type Match =
  | { kind: 'found'; handler: Handler; call: Call }
  | { kind: 'no-path' }
  | { kind: 'no-method'; allow: string };

/** Finds the handler of a request in a table of `METHOD /path/:part`. */
export function makeRouter(table: Routes): (request: SandboxRequest) => Match {
  const routes = Object.entries(table).map(([key, handler]): Route => {
    const [method = '', path = ''] = key.split(' ');
    return { method, pattern: path.split('/'), handler };
  });
  return (request) => {
    const [path, query] = splitOnce(request.url, '?');
    const steps = path.split('/');
    const allowed: string[] = [];
    for (const { method, pattern, handler } of routes) {
      const parts = matchPath(pattern, steps);
      if (!parts) continue;
      if (method !== request.method) allowed.push(method);
      else return { kind: 'found', handler, call: { request, path, parts, ...readFields(request, query) } };
    }
    return allowed.length > 0 ? { kind: 'no-method', allow: allowed.join(', ') } : { kind: 'no-path' };
  };
}

function matchPath(pattern: string[], steps: string[]): Record<string, string> | undefined {
  if (pattern.length !== steps.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [n, expected] of pattern.entries()) {
    const step = steps[n] ?? '';
    if (expected.startsWith(':')) parts[expected.slice(1)] = step;
    else if (expected !== step) return undefined;
  }
  return parts;
}

function readFields(
  request: SandboxRequest,
  query: string,
): { query: URLSearchParams; form: URLSearchParams } {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '');
  return { query: new URLSearchParams(query), form: new URLSearchParams(isForm ? request.body : '') };
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

const allowed = /^(127\.0\.0\.1|localhost|\[::1\]|api\.x\.com|api\.twitter\.com)(:\d{1,5})?$/i;

/**
 * Whether a Host header is one the sandbox goes by. A page elsewhere can point a name of its own
 * at 127.0.0.1 (DNS rebinding), but it cannot make the browser send another name than that.
 */
export function isKnownHost(host: string): boolean {
  return allowed.test(host);
}
