import { systemCode } from '../errors.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** What a server said, header names in lower case, the body as text. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Sends one request and resolves with any answer, whatever its status; rejects with {@link NoAnswer}. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** There is no whole answer. `sent` is false only where the request certainly never reached the server. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly sent: boolean;

  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

/** Requests under way at a time, where nobody wants more or fewer. */
export const usualSockets = 64;

/** An answer longer than this is not one of X's. Bytes. */
const maxBody = 4 * 1024 * 1024;

/** The body of an answer, as it comes. */
export class WholeBody {
  readonly #parts: Buffer[] = [];
  #length = 0;

  /** @returns what is wrong with a body that is longer than any of X's */
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

/** @throws {Error} for a body that is cut, or longer than any of X's */
export async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const whole = new WholeBody();
  for await (const part of body) {
    const tooLong = whole.add(part);
    if (tooLong) throw tooLong;
  }
  return whole.text();
}

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
  /** No byte of the request can have reached the server. */
  beforeSending: boolean;
}

/** Why there is no whole answer, from whatever was thrown. */
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

/** What AbortSignal.timeout makes of a request under way, in the words of both clients. */
const timeouts = new Set(['TimeoutError', 'AbortError']);

const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/** Whether what is sent there can be overheard by nobody: https, or plain http that stays on this machine. */
export const isPrivateWay = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));

/** Whether a text is such an address, without a name and a password in it. */
export function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.username === '' && url.password === '' && isPrivateWay(url);
}
