import type { Clock } from '../clock.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../http/exchange.ts';
import type { TimeAnswer } from './network.ts';

/*
 * What answers of every network have in common: times, waits, and how they are described.
 */

const second = 1000;
const minute = 60 * second;
const day = 24 * 60 * minute;

/** Describes an answer that is not the network's, without quoting it. @param network - its name, or `the server` */
export function describeForeign({ status, body }: HttpAnswer, network: string): string {
  const what = /^\s*</.test(body) ? 'a web page' : body.trim() === '' ? 'an empty answer' : 'an answer';
  return `${status} with ${what} that is not ${network}'s: something between here and ${network} may have given it`;
}

/** Another program's words in one short line. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);

/** The server's time, from an answer's `Date` header. Milliseconds since 1970, or undefined without the header. */
export function timeIn({ headers }: HttpAnswer): number | undefined {
  const time = Date.parse(headers['date'] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

/** How far the server's clock is ahead of ours. The `Date` header is truncated to seconds, so half a second is added. Milliseconds. */
export function aheadOf(answer: HttpAnswer, now: number): number | undefined {
  const time = timeIn(answer);
  return time === undefined ? undefined : time + second / 2 - now;
}

/** A wrong clock in words: `this machine's clock is 10 min behind X's`. @param ahead - of the server's clock. Milliseconds */
export function describeSkew(ahead: number, network: string): string {
  const size = Math.abs(ahead);
  const units = [
    { name: 'days', ms: day, from: 2 * day },
    { name: 'h', ms: 60 * minute, from: 120 * minute },
    { name: 'min', ms: minute, from: 2 * minute },
    { name: 's', ms: second, from: 0 },
  ];
  const { name, ms } = units.find(({ from }) => size >= from) ?? { name: 'ms', ms: 1 };
  return `this machine's clock is ${Math.round(size / ms)} ${name} ${ahead > 0 ? 'behind' : 'ahead of'} ${network}'s`;
}

/**
 * Asks a server for its time by a request without a key, at no cost.
 *
 * @param isOwn - whether an answer is the network's own, and not that of something in between
 */
export async function askServer(
  url: string,
  { send, clock }: { send: Send; clock: Clock },
  isOwn: (answer: HttpAnswer) => boolean,
): Promise<TimeAnswer> {
  try {
    const answer = await send({ method: 'GET', url, headers: { accept: '*/*' } });
    return { ahead: aheadOf(answer, clock.now()), isOwn: isOwn(answer) };
  } catch (error) {
    if (error instanceof NoAnswer) return { unreachable: error.message };
    throw error;
  }
}

/** Seconds since 1970 are below this until the year 5138; milliseconds since 1970 have been above it since 1973. */
const maxSeconds = 1e11;

/** A reset in milliseconds since 1970, NaN if there is none. Networks send seconds or a date; some proxies send milliseconds. */
export function instantOf(reset: string | undefined): number {
  const number = Number(reset ?? NaN);
  if (Number.isNaN(number)) return Date.parse(reset ?? '');
  return number < maxSeconds ? number * second : number;
}

/** The instant in a `Retry-After` header: seconds or a date. @see RFC 9110 section 10.2.3 */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const instant = Number.isNaN(seconds) ? Date.parse(header) : now + seconds * second;
  return instant > now ? instant : undefined;
}

/** Bounds a wait: at least a second, at most a day, the longest window of a limit; in whole milliseconds. */
export const within = (instant: number, now: number): number =>
  Math.ceil(Math.min(Math.max(instant, now + second), now + day));
