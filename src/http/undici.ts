// Only the parts of undici that are used: all of it, with fetch, WebSockets and mocks, takes three times the memory and 50 ms more.
import request from 'undici/lib/api/api-request.js';
import buildConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { flatten, type HttpAnswer, type HttpRequest, readBody } from './exchange.ts';

/**
 * Opens a client that keeps its sockets open between requests, for a shorter time than a server does.
 *
 * @param deadline - of a whole exchange, in milliseconds
 * @param sockets - the maximum number of sockets to one server
 */
export function openUndici({ deadline, sockets }: { deadline: number; sockets: number }) {
  const failures = new WeakSet<Error>();
  const connect = buildConnector({ timeout: deadline });
  const agent = new Agent({
    connections: sockets,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    connect: (options, done) => {
      connect(options, (...[error, socket]) => {
        if (error) failures.add(error);
        if (error) done(error, null);
        else done(null, socket);
      });
    },
  });
  return {
    /** @throws {Error} if there is no complete response within the deadline */
    exchange: async ({ url, method, headers, body }: HttpRequest): Promise<HttpAnswer> => {
      const { origin, pathname, search } = new URL(url);
      const response = await request.call(agent, {
        origin,
        path: pathname + search,
        method,
        headers: { 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        signal: AbortSignal.timeout(deadline),
      });
      return {
        status: response.statusCode,
        headers: flatten(response.headers),
        body: await readBody(response.body),
      };
    },
    /** Whether a failure happened before the first byte of its request could reach the server. */
    isBeforeSending: (failure: unknown): boolean => failure instanceof Error && failures.has(failure),
    destroy: (): Promise<void> => agent.destroy(),
  };
}
