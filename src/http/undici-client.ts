import { Agent, buildConnector, request } from 'undici';

/** A way to send requests, and the sockets it keeps. */
export interface UndiciClient {
  agent: Agent;
  request: typeof request;
  /** Whether a failure came before the first byte of its request could reach the server. */
  isBeforeSending: (failure: unknown) => boolean;
}

/**
 * Sockets that are kept open between requests.
 *
 * @param deadline - how long connecting may take, in milliseconds
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
  return { agent, request, isBeforeSending: (failure) => failure instanceof Error && failures.has(failure) };
}
