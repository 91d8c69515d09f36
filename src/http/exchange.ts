/*
 * One HTTP exchange: the request, the response, and that there is no response.
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
