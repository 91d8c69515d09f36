import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { type HttpAnswer, isSafeAddress, NoAnswer, type Send } from '../../http/exchange.ts';
import { parseJson, type Secret } from '../../text.ts';
import { describeForeign, type Failure, type Outcome, timeIn } from '../network.ts';
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

/*
 * Who an account is and where its server is. Its handle can change and it can move to another server; its DID stays.
 */

/** The directory of `did:plc`. @see web.plc.directory */
export const plcDirectory = 'https://plc.directory';

/** A DID of an account. @see atproto.com/specs/did */
export const didText = z
  .string('is not a string')
  .regex(/^did:(?:plc:[2-7a-z]{24}|web:[a-z0-9.-]+(?:%3A[0-9]{1,5})?)$/, 'is not a DID');

const document = z.object({
  id: z.string(),
  service: z.array(z.object({ id: z.string(), type: z.string(), serviceEndpoint: z.unknown() })).catch([]),
});

/** The server of an account in its DID document, without a trailing slash; undefined if there is none that is safe. */
export function serverIn(doc: unknown, did: string): string | undefined {
  const found = document.safeParse(doc).data;
  if (found?.id !== did) return undefined;
  const service = found.service.find(
    ({ id, type }) => /^(did:.*)?#atproto_pds$/.test(id) && type === 'AtprotoPersonalDataServer',
  );
  const endpoint = service?.serviceEndpoint;
  return typeof endpoint === 'string' && isSafeAddress(endpoint) ? endpoint.replace(/\/+$/, '') : undefined;
}

/** The server of an account, from its DID. @param directory - of `did:plc`, without a trailing slash */
export async function serverOf(xrpc: Xrpc, directory: string, did: string): Promise<Answered<string>> {
  const [server, name] = placeOf(did, directory);
  const found = await xrpc({ server, method: 'GET', name, answer: z.unknown() });
  if ('failure' in found) return found;
  const address = serverIn(found.ok, did);
  const failure: Failure = { kind: 'suspended', reason: `${did} names no server that holds its account` };
  return address === undefined ? { failure } : { ok: address };
}

/** Where the document of a DID is. @see atproto.com/specs/did; a port is for tests on this machine */
function placeOf(did: string, directory: string): [server: string, path: string] {
  if (did.startsWith('did:plc:')) return [directory, `/${did}`];
  const host = decodeURIComponent(did.slice('did:web:'.length));
  const scheme = /^(localhost|127\.0\.0\.1):/.test(host) ? 'http' : 'https';
  return [`${scheme}://${host}`, '/.well-known/did.json'];
}
