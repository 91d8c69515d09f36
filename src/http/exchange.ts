import { systemCode } from '../errors.ts';

/*
 * One HTTP exchange, as both transports of send.ts have it: the request, the response, and why there is no response.
 */

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** A response: header names in lower case, the body as text. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends one request. Resolves with the response, whatever its status; rejects with {@link NoAnswer}. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** There is no complete response. `sent` is false only if the request certainly did not reach the server. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly sent: boolean;

  constructor(message: string, { sent, cause }: { sent: boolean; cause?: unknown }) {
    super(message, { cause });
    this.sent = sent;
  }
}

/** The default of the maximum number of concurrent requests. */
export const defaultSockets = 64;

/** The maximum length of a body; those of X are shorter. Bytes. */
const maxBody = 4 * 1024 * 1024;

/** The text of a body. @throws {Error} if the body is cut off or too long */
export async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length > maxBody) throw new Error(`an answer of more than ${String(maxBody)} bytes`);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The headers with one value a name. */
export function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

interface Attempt {
  url: string;
  /** Milliseconds. */
  deadline: number;
  /** Whether certainly no byte of the request reached the server. */
  beforeSending: boolean;
}

/** The {@link NoAnswer} for anything that a transport threw. */
export function asNoAnswer(error: unknown, { url, deadline, beforeSending }: Attempt): NoAnswer {
  const host = new URL(url).host;
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = systemCode(error) ?? systemCode(cause);
  if (error instanceof Error && beforeSending) {
    return new NoAnswer(`cannot reach ${host} (${code ?? error.message})`, { sent: false, cause: error });
  }
  if (error instanceof Error && timeouts.has(error.name)) {
    return new NoAnswer(`${host} gave no whole answer within ${String(deadline / 1000)} s`, {
      sent: true,
      cause: error,
    });
  }
  return new NoAnswer(`the connection to ${host} broke (${code ?? 'unknown'})`, { sent: true, cause: error });
}

/** The names of the errors with which the two transports end a request at its deadline. */
const timeouts = new Set(['TimeoutError', 'AbortError']);

const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** Whether a connection to an address cannot be overheard: https, or plain http on this machine. */
export const isPrivateConnection = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));

/** Whether a text is an address with a private connection, and without a user name and a password. */
export function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === '' && url.password === '' && isPrivateConnection(url);
}
