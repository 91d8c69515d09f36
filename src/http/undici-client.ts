// All of undici would take three times the memory and 50 ms more: it is a browser's fetch, WebSockets and mocks besides.
import buildConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import type { HttpAnswer, HttpRequest } from './exchange.ts';
import { exchangeOver } from './undici-exchange.ts';

/** A way to send requests, and the sockets it keeps. */
export interface UndiciClient {
  /** @throws {Error} where there is no whole answer within the deadline */
  exchange: (request: HttpRequest) => Promise<HttpAnswer>;
  /** Whether a failure came before the first byte of its request could reach the server. */
  isBeforeSending: (failure: unknown) => boolean;
  destroy: () => Promise<void>;
}

/**
 * Sockets that are kept open between requests, and dropped before the server does so.
 *
 * @param deadline - of a whole exchange, in milliseconds
 * @param sockets - how many there are to one server at most
 */
export function openUndici({ deadline, sockets }: { deadline: number; sockets: number }): UndiciClient {
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
    exchange: (request) => exchangeOver(agent, request, deadline),
    isBeforeSending: (failure) => failure instanceof Error && failures.has(failure),
    destroy: () => agent.destroy(),
  };
}
