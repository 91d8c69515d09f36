import type { Clock } from '../clock.ts';
import type { SandboxAnswer, SandboxRequest } from './answer.ts';
import type { Authorizations } from './authorizations.ts';
import type { RateLimits } from './limits.ts';
import type { Nonces } from './nonces.ts';
import type { Refuse } from './problems.ts';
import type { AccessToken, Account, DialectId } from './state.ts';
import { type KeyRing, type Pair, type Signed, verify } from './verify.ts';
import type { World } from './world.ts';

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
