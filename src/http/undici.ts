// Only the parts of undici that are used: all of it, with fetch, WebSockets and mocks, takes three times the memory and 50 ms more.
import type { Dispatcher } from 'undici';
import buildConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { flatten, type HttpAnswer, type HttpRequest, WholeBody } from './exchange.ts';

/**
 * Sends one request and reads the whole response. It handles undici's events itself: undici's streams and abort signals take a
 * third of the time of a post.
 *
 * @param deadline - of the whole exchange, in milliseconds
 * @throws {Error} if there is no complete response
 * @see undici, Dispatcher.dispatch
 */
function exchangeOver(
  dispatcher: Dispatcher,
  { url, method, headers, body }: HttpRequest,
  deadline: number,
): Promise<HttpAnswer> {
  const { origin, pathname, search } = new URL(url);
  const all = { 'accept-encoding': 'identity', ...headers };
  return new Promise((resolve, reject) => {
    const handler = new Exchange(deadline, resolve, reject);
    dispatcher.dispatch(
      { origin, path: pathname + search, method, headers: all, body: body ?? null },
      handler,
    );
  });
}

/** The event handler of one request. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (cause: Error) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #body = new WholeBody();
  #controller: Dispatcher.DispatchController | undefined;
  #timeout: DeadlinePassed | undefined;
  #status = 0;
  #headers: Record<string, string> = {};

  constructor(deadline: number, resolve: (answer: HttpAnswer) => void, reject: (cause: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(() => {
      this.#end();
    }, deadline);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The deadline passed while the request waited for a socket.
    if (this.#timeout) controller.abort(this.#timeout);
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = flatten(headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, part: Buffer): void {
    const tooLong = this.#body.add(part);
    if (tooLong) controller.abort(tooLong);
  }

  onResponseEnd(): void {
    clearTimeout(this.#timer);
    this.#resolve({ status: this.#status, headers: this.#headers, body: this.#body.text() });
  }

  onResponseError(_: Dispatcher.DispatchController, cause: Error): void {
    clearTimeout(this.#timer);
    this.#reject(cause);
  }

  #end(): void {
    this.#timeout = new DeadlinePassed();
    this.#controller?.abort(this.#timeout);
    this.#reject(this.#timeout);
  }
}

class DeadlinePassed extends Error {
  override readonly name = 'TimeoutError';
}

/** An HTTP client with a pool of sockets. */
export interface UndiciClient {
  /** @throws {Error} if there is no complete response within the deadline */
  exchange: (request: HttpRequest) => Promise<HttpAnswer>;
  /** Whether a failure happened before the first byte of its request could reach the server. */
  isBeforeSending: (failure: unknown) => boolean;
  destroy: () => Promise<void>;
}

/**
 * Opens a client that keeps its sockets open between requests, for a shorter time than a server does.
 *
 * @param deadline - of a whole exchange, in milliseconds
 * @param sockets - the maximum number of sockets to one server
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
