import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

/** What can become of a request on its way. */
export const faults = [
  'cut before',
  'cut after',
  'cut within',
  'late',
  'error before',
  'error after',
] as const;
export type Fault = (typeof faults)[number];

/** How far a request has come: to the proxy, to the peer and back to the proxy, and back to whoever sent it. */
export const stages = ['arrived', 'answered', 'returned'] as const;
export type Stage = (typeof stages)[number];

export interface ProxyOptions {
  /** Where it listens, by which the peer is known. */
  port: number;
  /** Where the peer listens. */
  peer: number;
  /** How long after its connection was cut a late request reaches the peer. Milliseconds. */
  lateness: () => number;
}

/** Stands between a program and a peer, and does to requests what networks do. */
export class Proxy implements AsyncDisposable {
  /** What becomes of a request. */
  faultOf: (request: IncomingMessage, body: string) => Fault | undefined = () => undefined;
  /** Called at each stage of each request. */
  reached: (stage: Stage, request: IncomingMessage) => void = () => undefined;
  readonly #options: ProxyOptions;
  readonly #server = http.createServer((request, response) => {
    const passing = this.#pass(request, response);
    this.#passing.add(passing);
    void passing.finally(() => this.#passing.delete(passing));
  });
  readonly #passing = new Set<Promise<void>>();

  static async open(options: ProxyOptions): Promise<Proxy> {
    const proxy = new Proxy(options);
    proxy.#server.listen(options.port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(options: ProxyOptions) {
    this.#options = options;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { lateness } = this.#options;
    const body = await buffer(request).catch(() => undefined);
    // It was cut by its sender's end.
    if (!body) return;
    this.reached('arrived', request);
    const fault = this.faultOf(request, body.toString());
    const cut = (): unknown => request.socket.destroy();
    const fail = (): unknown => response.writeHead(502).end('<h1>Bad Gateway</h1>');
    if (fault === 'cut before') return void cut();
    if (fault === 'error before') return void fail();
    if (fault === 'late') {
      cut();
      await delay(lateness());
    }
    const answer = await this.#forward(request, body);
    this.reached('answered', request);
    if (fault === 'late') return;
    if (fault === 'cut after') return void cut();
    if (fault === 'error after') return void fail();
    const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers;
    response.writeHead(answer.status, { ...headers, 'content-length': answer.body.length });
    if (fault === 'cut within') response.write(answer.body.subarray(0, answer.body.length / 2), cut);
    else response.end(answer.body, () => this.reached('returned', request));
  }

  /** Each on a connection of its own, since some servers close those that stay open without saying so. */
  async #forward({ method, url, headers }: IncomingMessage, body: Buffer) {
    const { connection: _, ...kept } = headers;
    const request = http.request({
      ...{ host: '127.0.0.1', port: this.#options.peer, agent: false },
      ...{ method, path: url, headers: kept },
    });
    request.end(body);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
  }

  /** Waits for those that are late. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all(this.#passing);
  }
}
