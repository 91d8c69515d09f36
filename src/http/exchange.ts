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

  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

/** The default of the maximum number of concurrent requests. */
export const defaultSockets = 64;

/** The maximum length of a response body; X's are shorter. Bytes. */
const maxBody = 4 * 1024 * 1024;

/** Collects the body of a response. */
export class WholeBody {
  readonly #parts: Buffer[] = [];
  #length = 0;

  /** @returns an error once the body is too long */
  add(part: Buffer): Error | undefined {
    this.#parts.push(part);
    this.#length += part.length;
    return this.#length > maxBody ? new Error(`an answer of more than ${String(maxBody)} bytes`) : undefined;
  }

  text(): string {
    const [first] = this.#parts;
    const whole = first && this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    return whole.toString('utf8');
  }
}

/** @throws {Error} for a body that is cut off or too long */
export async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const whole = new WholeBody();
  for await (const part of body) {
    const tooLong = whole.add(part);
    if (tooLong) throw tooLong;
  }
  return whole.text();
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
    return new NoAnswer(`cannot reach ${host} (${code ?? error.message})`, false, error);
  }
  if (error instanceof Error && timeouts.has(error.name)) {
    return new NoAnswer(`${host} gave no whole answer within ${String(deadline / 1000)} s`, true, error);
  }
  return new NoAnswer(`the connection to ${host} broke (${code ?? 'unknown'})`, true, error);
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
