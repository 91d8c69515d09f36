import * as z from 'zod';
import { type HttpAnswer, NoAnswer } from '../../http/exchange.ts';
import { parseJson } from '../../text.ts';
import { describeForeign, oneLine, resetIn, retryAfter, within, type Failure } from '../network.ts';

/*
 * What the answers of a PDS mean: the server that holds a Bluesky account.
 */

/** The format of a refusal. @see atproto.com/specs/xrpc, error responses */
const refusal = z.object({ error: z.string().min(1), message: z.string().catch('') });

const minute = 60_000;

/** @param now - milliseconds since 1970 */
export function classify(failure: HttpAnswer | NoAnswer, now: number): Failure {
  if (failure instanceof NoAnswer) {
    const reason = failure.message;
    return failure.sent ? { kind: 'in-doubt', isServed: true, reason } : { kind: 'never-sent', reason };
  }
  const { status } = failure;
  const said = messageIn(failure);
  if (!said || status === 404)
    return { kind: 'in-doubt', foreign: true, reason: describeForeign(failure, 'Bluesky') };
  const reason = (means: string): string =>
    `${means} (${[status, said.error, said.message].join(' ').trim()})`;
  if (status === 429)
    return { ...waitOf(failure, now), reason: reason('Bluesky limits its requests for now') };
  if (status < 400 || status > 499 || status === 408)
    return { kind: 'in-doubt', reason: reason('the server answered with an error') };
  const [, kind, means] =
    signs.find(([sign]) => sign.test(`${said.error} ${said.message}`)) ?? otherwise(status);
  return { kind, reason: reason(means) };
}

type PlainKind = Exclude<Failure['kind'], 'wait' | 'in-doubt' | 'never-sent'>;

/**
 * What refusals mean, by their names, and by their messages where the name is that of all bad requests; the first that matches.
 *
 * @see the source of @atproto/pds: auth-verifier.ts, account-manager.ts, repo/putRecord.ts, sync/util.ts
 */
const signs: readonly (readonly [sign: RegExp, kind: PlainKind, means: string])[] = [
  [/^AuthFactorTokenRequired /, 'reauth', 'Bluesky asks for a code, as it does for the main password: use an app password'],
  // With an app password that was revoked, or of an account that is not at this server.
  [/^(AuthenticationRequired|AuthRequired) .*(identifier|password)/i, 'reauth', 'Bluesky refuses its app password'],
  [/^(AccountTakedown|RepoTakendown|AccountSuspended|RepoSuspended) /, 'suspended', 'its account is suspended'],
  [/^(AccountDeactivated|RepoDeactivated) /, 'suspended', 'its account is deactivated'],
  [/^(AccountNotFound|RepoNotFound) |could not (find (repo|user|account)|locate record)/i, 'suspended', 'its account is not at this server'],
  [/^(ExpiredToken|InvalidToken|AuthMissing|AuthenticationRequired) /, 'unauthorized', 'Bluesky refuses its session'],
  [/^InvalidSwap /, 'duplicate', 'Bluesky has a post with this key'],
]; // prettier-ignore

const otherwise = (status: number): (typeof signs)[number] =>
  status === 401 || status === 403
    ? [/$/, 'unauthorized', 'Bluesky refuses its session']
    : [/$/, 'rejected', 'Bluesky refuses it'];

/** The name of a refusal in the network's own format: `ExpiredToken`. */
export const errorIn = (answer: HttpAnswer): string | undefined => messageIn(answer)?.error;

function messageIn({ body }: HttpAnswer): z.infer<typeof refusal> | undefined {
  const found = refusal.safeParse(parseJson(body)).data;
  return found && { error: oneLine(found.error), message: oneLine(found.message).replace(/\.$/, '') };
}

/** The limit for all requests of an address, of every bot here: 3,000 in 5 minutes. @see the source of @atproto/pds, index.ts */
const limitOfAddress = /^3000;w=300$/;

/** How long to wait after a 429: until the reset of the limit, or as `Retry-After` says. */
function waitOf(answer: HttpAnswer, now: number): { kind: 'wait'; until: number; scope: 'bot' | 'app' } {
  const named = resetIn(answer, 'ratelimit-reset', now) ?? retryAfter(answer, now);
  const scope = limitOfAddress.test(answer.headers['ratelimit-policy'] ?? '') ? 'app' : 'bot';
  return { kind: 'wait', until: within(named ?? now + 5 * minute, now), scope };
}
