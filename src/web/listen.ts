import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FlockError, messageOf, systemCode } from '../errors.ts';

/**
 * Opens a server to this machine, on 127.0.0.1 and nowhere else.
 *
 * @param port - 0 takes any that is free
 * @returns `http://127.0.0.1:PORT`, without a slash at its end
 * @throws {FlockError} `unavailable` where the port cannot be had
 */
export function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(cannotListen(port, cause));
    });
    server.listen(port, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

function cannotListen(port: number, cause: Error): FlockError {
  const why = systemCode(cause) === 'EADDRINUSE' ? 'is in use' : `cannot be had: ${messageOf(cause)}`;
  return new FlockError('unavailable', `port ${port} ${why}`, {
    hint: 'choose another with --port N; 0 takes any that is free',
    cause,
  });
}

/** Whether a request names its host more than once: programs differ in which of the names they take for true. */
export const hasManyHosts = ({ headersDistinct }: IncomingMessage): boolean =>
  (headersDistinct['host']?.length ?? 0) > 1;

/** A request's body as text, or undefined where it is longer than that many bytes; it is read to its end all the same. */
export async function readBody(request: IncomingMessage, longest: number): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= longest) parts.push(part);
  }
  return length <= longest ? Buffer.concat(parts).toString('utf8') : undefined;
}
