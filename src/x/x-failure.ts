import * as z from 'zod';
import { NoAnswer, type HttpAnswer } from '../http/exchange.ts';

/**
 * What a failed request means for the bot that made it:
 * - `never-sent`, X cannot have it: try again soon;
 * - `wait`, X refused it until an instant, for this bot or for every bot of its app;
 * - `reauth`, the key is no good; `suspended` and `read-only` likewise, with other repairs;
 * - `no-credit`, nobody pays: the whole flock waits;
 * - `duplicate`, X says it has this text already, which proves nothing;
 * - `rejected`, X will not have this post, whoever sends it;
 * - `in-doubt`, X may or may not have it.
 */
export type XFailure = { reason: string } & (
  | {
      kind:
        | 'never-sent'
        | 'reauth'
        | 'suspended'
        | 'read-only'
        | 'no-credit'
        | 'duplicate'
        | 'rejected'
        | 'in-doubt';
    }
  | { kind: 'wait'; until: number; scope: 'bot' | 'app' }
);

/** X names problems by `type` in v2 and by `errors[].code` in v1.1; all of it may be missing. */
const problem = z.object({
  title: z.string().catch(''),
  detail: z.string().catch(''),
  type: z.string().catch(''),
  errors: z.array(z.object({ code: z.number().catch(0), message: z.string().catch('') })).catch([]),
});
type Problem = z.infer<typeof problem>;

/**
 * @param now - milliseconds since 1970
 * @see docs.x.com, response codes and errors
 */
export function classify(failure: HttpAnswer | NoAnswer, now: number): XFailure {
  if (failure instanceof NoAnswer) {
    return { kind: failure.sent ? 'in-doubt' : 'never-sent', reason: failure.message };
  }
  const said = readProblem(failure.body);
  const reason = `${failure.status} ${wordsOf(said)}`.trim();
  if (failure.status === 429) return { ...waitOf(failure, now), reason };
  return { kind: kindOf(failure.status, said), reason };
}

function kindOf(status: number, said: Problem): Exclude<XFailure['kind'], 'wait'> {
  const text = `${said.title} ${said.detail} ${said.type} ${said.errors.map(({ message }) => message).join(' ')}`;
  const codes = new Set(said.errors.map(({ code }) => code));
  switch (status) {
    case 400:
    case 404:
    case 413:
    case 415:
    case 422:
      return 'rejected';
    case 401:
      return 'reauth';
    case 402:
      return 'no-credit';
    case 403:
      if (/duplicate content/i.test(text) || codes.has(187)) return 'duplicate';
      if (/spend ?cap|credits/i.test(text)) return 'no-credit';
      if (/oauth1-permissions/i.test(text)) return 'read-only';
      if (/user-suspended|suspended/i.test(text) || codes.has(64) || codes.has(326)) return 'suspended';
      return 'rejected';
    default:
      // 5xx, and every answer X does not document: it may have been accepted.
      return 'in-doubt';
  }
}

const second = 1000;
const minute = 60 * second;
const quarterOfAnHour = 15 * minute;
const day = 24 * 60 * minute;

/** A 429 with requests left in the window comes from another limit, whose reset X does not tell: then the window's misleads. */
function waitOf({ headers }: HttpAnswer, now: number): { kind: 'wait'; until: number; scope: 'bot' | 'app' } {
  const limits = [
    { prefix: 'x-app-limit-24hour', scope: 'app' as const },
    { prefix: 'x-user-limit-24hour', scope: 'bot' as const },
    { prefix: 'x-rate-limit', scope: 'bot' as const },
  ];
  const spent = limits.find(({ prefix }) => headers[`${prefix}-remaining`] === '0');
  const reset = Number(headers[`${spent?.prefix ?? ''}-reset`]) * 1000;
  // Clocks differ a little: a reset that has just passed here is one that is just coming there.
  if (spent && reset > now - minute) return { kind: 'wait', until: within(reset, now), scope: spent.scope };
  const retryAfter = Number(headers['retry-after']) * 1000;
  return {
    kind: 'wait',
    until: within(now + (retryAfter > 0 ? retryAfter : quarterOfAnHour), now),
    scope: 'bot',
  };
}

/** A whole millisecond, not before the next second and not after the longest window that X has. */
const within = (instant: number, now: number): number =>
  Math.ceil(Math.min(Math.max(instant, now + second), now + day));

function readProblem(body: string): Problem {
  try {
    return problem.parse(JSON.parse(body));
  } catch {
    return { title: '', detail: '', type: '', errors: [] };
  }
}

/** X's own words, short enough for a line. */
function wordsOf({ title, detail, errors }: Problem): string {
  const words = [detail || title, ...errors.map(({ message }) => message)].filter(Boolean).join('; ');
  // It goes on in a sentence of ours.
  return words
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .slice(0, 200)
    .replace(/\.$/, '');
}
