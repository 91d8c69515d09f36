// Only the parts of undici that are used: all of it, with fetch, WebSockets and mocks, takes three times the memory and 50 ms more.
import request from 'undici/lib/api/api-request.js';
import buildConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import type { HttpRequest } from './exchange.ts';

/** @param deadline - of making a connection, in milliseconds @param sockets - the maximum number of sockets to one server */
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
    begin({ url, method, headers, body }: HttpRequest, signal: AbortSignal) {
      const { origin, pathname, search } = new URL(url);
      const response = request.call(agent, {
        origin,
        path: pathname + search,
        method,
        headers: { 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        signal,
      });
      return {
        response: response.then(({ statusCode, ...rest }) => ({ status: statusCode, ...rest })),
        isBeforeSending: (failure: Error) => failures.has(failure),
      };
    },
    close: (): Promise<void> => agent.destroy(),
  };
}
