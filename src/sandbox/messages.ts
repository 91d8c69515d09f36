/*
 * Requests to the sandbox and its answers: their formats, and the types of routes and refusals.
 */

/** An HTTP request to the sandbox. */
export interface SandboxRequest {
  method: string;
  /** Path and query, as on the request line. */
  url: string;
  /** The Host header: a loopback address with its port, or one of X's own names. */
  host: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** When it arrived, if the sandbox carries it out later. Milliseconds since 1970. */
  arrived?: number;
}

/** How the server must damage the delivery of an answer. Times are milliseconds. */
export type Delivery =
  { kind: 'delay' | 'trickle'; ms: number } | { kind: 'drop' | 'hang' | 'cut' | 'gzip-cut' | 'gzip-corrupt' };

export interface SandboxAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
  /** Absent if the answer arrives whole. */
  fault?: Delivery;
}

type Headers = Record<string, string>;

/** An answer in a media type, which caches must not store. */
export const answer = (status: number, type: string, body: string, headers: Headers = {}): SandboxAnswer => ({
  status,
  headers: { 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store', ...headers },
  body,
});

export const json = (status: number, value: unknown, headers?: Headers): SandboxAnswer =>
  answer(status, 'application/json', JSON.stringify(value), headers);

export const plain = (status: number, body: string): SandboxAnswer => answer(status, 'text/plain', body);

/** A request that matched a route: the named parts of its path, its query and its form. */
export interface Call {
  request: SandboxRequest;
  path: string;
  parts: Partial<Record<string, string>>;
  query: URLSearchParams;
  /** The fields of the body; empty if the body is not a form. */
  form: URLSearchParams;
}

/** Handlers by method and path, such as `GET /2/users/:id/tweets`. */
export type Routes = Record<string, (call: Call) => SandboxAnswer>;

/** Path and query of a request. */
export function addressOf({ url }: SandboxRequest): { path: string; query: URLSearchParams } {
  const [path = '', ...query] = url.split('?');
  return { path, query: new URLSearchParams(query.join('?')) };
}

/** The fields of the body; none if the body is not a form. */
export function formOf({ headers, body }: SandboxRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '');
  return new URLSearchParams(isForm ? body : '');
}

/** Why the sandbox refuses a request, in every version of the API. */
export type Refusal =
  | 'unauthenticated'
  | 'bad-signature'
  | 'unknown-app'
  | 'nonce-used'
  | 'clock-skew'
  | 'dead-token'
  | 'bearer'
  | 'suspended'
  | 'read-only'
  | 'no-credit'
  | 'empty'
  | 'too-long'
  | 'not-permitted'
  | 'duplicate'
  | 'too-many'
  | 'not-found'
  | 'not-yours';

/**
 * Builds the answer for a refusal in the format of an API.
 *
 * @param base the expected signature base string, if the signature was wrong; it holds no secret
 */
export type Refuse = (refusal: Refusal, base?: string) => SandboxAnswer;

/** Ends the handling of a request. The sandbox sends its answer. */
export class Refused extends Error {
  readonly answer: SandboxAnswer;

  constructor(answer: SandboxAnswer) {
    super('the sandbox refuses the request');
    this.answer = answer;
  }
}
