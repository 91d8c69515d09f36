import * as z from 'zod';
import { type HttpAnswer, NoAnswer } from '../../http/exchange.ts';
import { parseJson } from '../../text.ts';
import {
  aheadOf,
  describeForeign,
  describeSkew,
  oneLine,
  resetIn,
  retryAfter,
  within,
  type Failure,
} from '../network.ts';

/** X's two formats of a refusal: a problem (v2) with a `type`, and `errors` (v1.1) with codes. */
const refusal = z.object({
  title: z.string().catch(''),
  detail: z.string().catch(''),
  type: z.string().catch(''),
  reason: z.string().catch(''),
  errors: z.array(z.object({ code: z.number().catch(0), message: z.string().catch('') })).catch([]),
});

interface XMessage {
  /** All texts of the answer, for pattern matching. */
  words: string;
  codes: ReadonlySet<number>;
  /** X's own sentence, short enough for a line. */
  sentence: string;
}

const minute = 60_000;
const quarterOfAnHour = 15 * minute;

/** A 401 is about our clock if X's clock differs from ours by more than this. Milliseconds. */
const maxSkew = minute;

/** @param now - milliseconds since 1970 @see docs.x.com, response codes and errors */
export function classify(failure: HttpAnswer | NoAnswer, now: number): Failure {
  if (failure instanceof NoAnswer) {
    const reason = failure.message;
    return failure.sent ? { kind: 'in-doubt', isServed: true, reason } : { kind: 'never-sent', reason };
  }
  const { status } = failure;
  const message = messageIn(failure);
  if (!message) return { kind: 'in-doubt', foreign: true, reason: describeForeign(failure, 'X') };
  const original = `${status} ${message.sentence}`.trim();
  const reason = (means: string): string => `${means} (${original})`;
  if (!refusals.has(status)) return { kind: 'in-doubt', reason: reason('X answered with an error') };
  const kind = kindOf(status, message);
  // A monthly cap is a 429, too, but its headers do not tell when it ends.
  if (status === 429 && kind !== 'app-refused' && kind !== 'no-credit')
    return { ...waitOf(failure, now), reason: reason('X limits its requests for now') };
  const ahead = aheadOf(failure, now);
  if (status === 401 && ahead !== undefined && Math.abs(ahead) > maxSkew)
    return { kind: 'clock', reason: reason(describeSkew(ahead, 'X')) };
  return { kind, reason: reason(meanings[kind]) };
}

/** What refusals mean, for people; X's own words follow in brackets. */
const meanings: Record<PlainKind, string> = {
  reauth: 'X refuses its key',
  unauthorized: 'X refuses its key',
  suspended: 'its account is suspended',
  locked: 'its account is locked',
  automated: 'X takes its account for one that breaks the rules of automation',
  'read-only': 'its app may not write',
  'app-refused': 'X refuses the app',
  'no-credit': "the app's credit at X is used up",
  limit: 'the account has reached its limit at X',
  clock: 'X refuses the time of the request',
  duplicate: 'X says that this repeats an earlier post',
  rejected: 'X refuses it',
};

/** The statuses by which X says that it did not carry out a request; with any other status it may have. */
const refusals = new Set([400, 401, 402, 403, 413, 415, 422, 429]);

/** What a refusal means, by X's words or codes, with any status; the first that matches. */
const signs: readonly (readonly [kind: PlainKind, words: RegExp, codes: readonly number[]])[] = [
  ['app-refused', /client-forbidden|client-not-enrolled|usage-capped|app(lication)? (is|has been) suspended/i, [453, 261, 416]],
  ['no-credit', /spend ?cap|creditsdepleted|problems\/credits/i, []],
  ['clock', /timestamp out of bounds/i, [135]],
  ['limit', /daily (status update |post |tweet )?limit|limit for the day/i, [185, 344, 88]],
  ['suspended', /user-suspended|account (is|has been) suspended|user has been suspended/i, [63, 64]],
  ['locked', /temporarily locked|account is locked/i, [326]],
  ['automated', /might be automated|looks like (it|an) .*automated/i, [226]],
  ['read-only', /oauth1-permissions/i, []],
  ['duplicate', /duplicate content/i, [187]],
]; // prettier-ignore

type PlainKind = Exclude<Failure['kind'], 'wait' | 'in-doubt' | 'never-sent'>;

function kindOf(status: number, { words, codes }: XMessage): PlainKind {
  const known = signs.find(([, sign, marks]) => sign.test(words) || marks.some((code) => codes.has(code)));
  if (status === 402 && known?.[0] !== 'app-refused') return 'no-credit';
  if (known) return known[0];
  if (status === 401) return codes.has(89) ? 'reauth' : 'unauthorized';
  return 'rejected';
}

/** X's message in its own format, or undefined if the answer is not X's: a web page, an empty body, another JSON. */
export function messageIn({ body }: HttpAnswer): XMessage | undefined {
  const found = refusal.safeParse(parseJson(body)).data;
  if (!found) return undefined;
  const { title, detail, type, errors, reason } = found;
  const isProblem = title !== '' || detail !== '' || type !== '';
  const isErrors = errors.some(({ code, message }) => code !== 0 || message !== '');
  if (!isProblem && !isErrors) return undefined;
  const messages = errors.map(({ message }) => message);
  const sentence = [detail || title, ...messages].filter(Boolean).join('; ');
  return {
    words: [title, detail, type, reason, ...messages].join(' '),
    codes: new Set(errors.map(({ code }) => code)),
    // Our messages continue after it.
    sentence: oneLine(sentence).replace(/\.$/, ''),
  };
}

/** X's own sentence in a refusal, in one line, or undefined if the answer is not in X's format. */
export function sentenceOf(answer: HttpAnswer): string | undefined {
  const sentence = messageIn(answer)?.sentence ?? '';
  return sentence === '' ? undefined : sentence;
}

/**
 * How long to wait after a 429. A limit's reset counts only if its remaining requests are 0: otherwise the 429 comes from
 * another limit, which X does not name.
 */
function waitOf(answer: HttpAnswer, now: number): { kind: 'wait'; until: number; scope: 'bot' | 'app' } {
  const limits = [
    { prefix: 'x-app-limit-24hour', scope: 'app' as const },
    { prefix: 'x-user-limit-24hour', scope: 'bot' as const },
    { prefix: 'x-rate-limit', scope: 'bot' as const },
  ];
  const spent = limits.find(({ prefix }) => answer.headers[`${prefix}-remaining`] === '0');
  const reset = spent && resetIn(answer, `${spent.prefix}-reset`, now);
  if (spent && reset !== undefined) return { kind: 'wait', until: within(reset, now), scope: spent.scope };
  const until = retryAfter(answer, now) ?? now + quarterOfAnHour;
  return { kind: 'wait', until: within(until, now), scope: 'bot' };
}
