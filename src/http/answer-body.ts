import { systemCode } from '../errors.ts';
import { NoAnswer } from './exchange.ts';

/** An answer longer than this is not one of X's. Bytes. */
const longestBody = 4 * 1024 * 1024;

/** The body of an answer, as it comes. */
export class WholeBody {
  readonly #parts: Buffer[] = [];
  #length = 0;

  /** @returns what is wrong with a body that is longer than any of X's */
  add(part: Buffer): Error | undefined {
    this.#parts.push(part);
    this.#length += part.length;
    return this.#length > longestBody
      ? new Error(`an answer of more than ${String(longestBody)} bytes`)
      : undefined;
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

export interface Attempt {
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
