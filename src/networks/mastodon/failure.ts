import * as z from 'zod';
import { type HttpAnswer, NoAnswer } from '../../http/exchange.ts';
import { parseJson } from '../../text.ts';
import { describeForeign, oneLine, resetIn, retryAfter, within, type Failure } from '../network.ts';

/*
 * What the answers of servers with Mastodon's API mean. Their words differ, so the tests name the server of each.
 */

/**
 * The formats of a refusal: Mastodon's, which most servers have, with `error` as a code of OAuth beside `error_description`; of
 * the Misskey family, with an object; and of Pixelfed, with `message` and `errors`.
 */
const refusal = z.union([
  z.object({ error: z.string().min(1), error_description: z.string().optional().catch(undefined) }),
  z
    .object({ error: z.object({ message: z.string().min(1), code: z.string().catch('') }) })
    .transform(({ error: { message, code } }) => ({
      error: [message, code].filter(Boolean).join(' '),
      error_description: undefined,
    })),
  z
    .object({ message: z.string().min(1), errors: z.record(z.string(), z.unknown()) })
    .transform(({ message }) => ({ error: message, error_description: undefined })),
]);

/** The server's own sentence in a refusal, in one line, or undefined if the answer is in no server's format. */
export function sentenceOf({ body }: HttpAnswer): string | undefined {
  const { data } = refusal.safeParse(parseJson(body));
  return data && oneLine(data.error_description ?? data.error).replace(/\.$/, '');
}

const minute = 60_000;

/** How long to wait after a 429 that does not say until when: the window of Mastodon's limits. Milliseconds. */
const usualWindow = 5 * minute;

/**
 * @param method - of the request
 * @param now - milliseconds since 1970
 * @see docs.joinmastodon.org/api/guidelines
 */
export function classify(failure: HttpAnswer | NoAnswer, method: 'GET' | 'POST', now: number): Failure {
  if (failure instanceof NoAnswer)
    return { kind: failure.sent ? 'in-doubt' : 'never-sent', reason: failure.message };
  const { status, body } = failure;
  const sentence = sentenceOf(failure);
  const reason = (means: string): string => `${means} (${`${status} ${sentence ?? ''}`.trim()})`;
  // snac refuses a key without a word: a POST by 401, a GET by 422.
  const isWordless = body.trim() === '' && (status === 401 || (status === 422 && method === 'GET'));
  if (isWordless) return { kind: 'unauthorized', reason: reason(meanings.unauthorized) };
  if (sentence === undefined)
    return { kind: 'in-doubt', foreign: true, reason: describeForeign(failure, 'the server') };
  // A server that was shut down may answer anything with one of these, in any format.
  if (status === 404 || status === 410 || status === 405)
    return { kind: 'in-doubt', foreign: true, reason: reason('there is no Mastodon at its address') };
  if (!refusals.has(status) || aboutMark.test(sentence))
    return { kind: 'in-doubt', reason: reason('its server answered with an error') };
  if (status === 429) {
    const named = resetIn(failure, 'x-ratelimit-reset', now) ?? retryAfter(failure, now);
    const until = within(named ?? now + usualWindow, now);
    return { kind: 'wait', until, scope: 'bot', reason: reason('its server limits its requests for now') };
  }
  const kind = kindOf(status, sentence);
  return { kind, reason: reason(meaningOf(kind, sentence)) };
}

/** The statuses by which a server says that it did not carry out a request; with any other status it may have. */
const refusals = new Set([400, 401, 403, 413, 415, 422, 429]);

/** A refusal of a repetition, although its first attempt may have posted. @see Pixelfed: 400 “Duplicate idempotency key.” */
const aboutMark = /idempotency/i;

type Meaning = 'reauth' | 'unauthorized' | 'suspended' | 'locked' | 'read-only' | 'rejected';

/** What refusals mean, for people; the server's own words follow in brackets. */
const meanings: Record<Meaning, string> = {
  reauth: 'its server refuses its key',
  unauthorized: 'its server refuses its key',
  suspended: 'its account is suspended',
  locked: 'its account is locked until its owner signs in',
  'read-only': 'its key may not do this',
  rejected: 'its server refuses it',
};

/** What a refusal means, by its words, at a 401 or 403; the first that matches. */
const signs: readonly (readonly [Meaning, RegExp])[] = [
  ['reauth', /access token (is invalid|was revoked|expired|has expired)/i],
  ['read-only', /outside the authorized scopes|insufficient[ _](permissions?|scope)/i],
  ['locked', /pending approval|confirmed e-?mail/i],
  ['suspended', /currently disabled|suspend|\bmov(ed|ing)\b/i],
  ['unauthorized', /invalid credentials|unauthori[sz]ed|token not (supplied|found)/i],
];

function kindOf(status: number, sentence: string): Meaning {
  if (status !== 401 && status !== 403) return 'rejected';
  const known = signs.find(([, sign]) => sign.test(sentence));
  return known ? known[0] : status === 401 ? 'unauthorized' : 'rejected';
}

const meaningOf = (kind: Meaning, sentence: string): string =>
  kind === 'suspended' && /\bmov(ed|ing)\b/i.test(sentence)
    ? 'its account has moved to another server'
    : meanings[kind];
