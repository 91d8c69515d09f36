import type * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { type HttpAnswer, NoAnswer, type Send } from '../../http/exchange.ts';
import { parseJson, type Secret } from '../../text.ts';
import { describeForeign, timeIn } from '../answer.ts';
import type { Failure, Outcome } from '../network.ts';
import { classify, errorIn } from './failure.ts';

/*
 * One request to a server of the AT Protocol.
 */

interface XrpcCall<T> {
  /** The server, without a trailing slash. */
  server: string;
  /** A query is a GET, a procedure a POST. */
  method: 'GET' | 'POST';
  /** The method's name, or a path that begins with a slash. */
  name: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  bearer?: Secret<string> | undefined;
  /** A secret in the body. */
  secret?: Secret<string>;
  answer: z.ZodType<T>;
}

/** An outcome with the answer's headers; a refusal also with its name, such as `ExpiredToken`. */
export type Answered<T> = Outcome<T> & { error?: string | undefined; headers?: HttpAnswer['headers'] };

/** Sends one request. It never throws. */
export type Xrpc = <T>(call: XrpcCall<T>) => Promise<Answered<T>>;

export const openXrpc =
  (send: Send, clock: Clock): Xrpc =>
  async (call) => {
    let answer: HttpAnswer;
    try {
      answer = withoutEcho(await send(requestOf(call)), call);
    } catch (error) {
      if (error instanceof NoAnswer) return { failure: classify(error, clock.now()) };
      return { failure: { kind: 'in-doubt', reason: 'the request failed without a cause' } };
    }
    const time = timeIn(answer);
    const more = { headers: answer.headers, ...(time !== undefined && { time }) };
    if (answer.status !== 200)
      return { failure: classify(answer, clock.now()), error: errorIn(answer), ...more };
    const value = parseJson(answer.body);
    const read = call.answer.safeParse(value);
    return read.success ? { ok: read.data, ...more } : { failure: unread(answer, value), ...more };
  };

/** Removes secrets from a refusal that quotes the request, as some proxies do: messages and logs quote refusals. */
function withoutEcho(answer: HttpAnswer, { bearer, secret }: XrpcCall<unknown>): HttpAnswer {
  if (answer.status === 200) return answer;
  const secrets = [bearer, secret].flatMap((one) => one?.reveal() ?? []).filter((one) => one.length > 3);
  return { ...answer, body: secrets.reduce((body, one) => body.replaceAll(one, '[secret]'), answer.body) };
}

/** A success that cannot be read: without JSON it is not the server's. */
const unread = (answer: HttpAnswer, value: unknown): Failure =>
  typeof value === 'object' && value !== null
    ? {
        kind: 'in-doubt',
        isServed: true,
        reason: 'the server answered with something that is not documented',
      }
    : { kind: 'in-doubt', foreign: true, reason: describeForeign(answer, 'Bluesky') };

function requestOf({ server, method, name, query = {}, body, bearer }: XrpcCall<unknown>) {
  const url = new URL(server + (name.startsWith('/') ? name : `/xrpc/${name}`));
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (bearer) headers['authorization'] = `Bearer ${bearer.reveal()}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  return { method, url: url.href, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
}
