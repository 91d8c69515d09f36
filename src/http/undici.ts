// All of undici would take three times the memory and 50 ms more: it is a browser's fetch, WebSockets and mocks besides.
import type { Dispatcher } from 'undici';
import buildConnector from 'undici/lib/core/connect.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { flatten, type HttpAnswer, type HttpRequest, WholeBody } from './exchange.ts';

/**
 * Sends one request and reads its whole answer, by undici's own events: streams and signals, which it could give instead, take
 * a third of the time that a post takes.
 *
 * @param deadline - of it all, in milliseconds
 * @throws {Error} where there is no whole answer
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
    const events = new Events(deadline, resolve, reject);
    dispatcher.dispatch(
      { origin, path: pathname + search, method, headers: all, body: body ?? null },
      events,
    );
  });
}

/** What happens to one request. */
class Events implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (cause: Error) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #body = new WholeBody();
  #controller: Dispatcher.DispatchController | undefined;
  #late: Late | undefined;
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
    // It waited for a socket for so long that nobody waits for it any more.
    if (this.#late) controller.abort(this.#late);
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
    this.#late = new Late();
    this.#controller?.abort(this.#late);
    this.#reject(this.#late);
  }
}

/** The deadline has passed. */
class Late extends Error {
  override readonly name = 'TimeoutError';
}

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
