import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Alarm } from '../../src/alarms/call.ts';

export type Told = Alarm & { flock: string };

async function listen(server: net.Server | Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** What is collected, and promises of how much it will be. */
export class Collected<T> {
  readonly all: T[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];

  add(one: T): void {
    this.all.push(one);
    for (const { count, resolve } of this.#waiting) if (this.all.length >= count) resolve();
  }

  async until(count: number): Promise<T[]> {
    if (this.all.length < count) await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
    return this.all;
  }
}

export interface Seen {
  method: string;
  path: string;
  type: string | undefined;
  body: string;
}

/** Whoever is told over the network: answers with the statuses it is given in turn, and then with the last of them. */
export class WebEnd implements AsyncDisposable {
  readonly seen = new Collected<Seen>();
  readonly #server: Server;
  readonly port: number;

  static async open(...statuses: (number | 'hang')[]): Promise<WebEnd> {
    const seen = new Collected<Seen>();
    const answer: RequestListener = (request, response) => {
      void textOf(request).then((body) => {
        const { method = '', url: path = '', headers } = request;
        const status = statuses.length > 1 ? statuses.shift() : statuses[0];
        if (status !== 'hang')
          response.writeHead(status ?? 200, status === 302 ? { location: '/elsewhere' } : {}).end('ok');
        seen.add({ method, path, type: headers['content-type'], body });
      });
    };
    const server = createServer(answer);
    return new WebEnd(server, await listen(server), seen);
  }

  private constructor(server: Server, port: number, seen: Collected<Seen>) {
    this.#server = server;
    this.port = port;
    this.seen = seen;
  }

  /** An address that tells nobody what is behind it, as they are. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/${secretPath}`;
  }

  get told(): Told[] {
    return this.seen.all.map(({ body }) => JSON.parse(body) as Told);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export const secretPath = 'b7c1d7f0-quiet-little-secret';

/** A process that holds the line, and what it started with it. */
export interface Holder {
  /** Resolves with all that was said once every process that holds the line is gone. */
  closed: Promise<string>;
  /** Says something to it. */
  say: (text: string) => void;
}

/** A line that commands open, to know when they are there and when they and all that they started are gone. */
export class Lifeline implements AsyncDisposable {
  readonly opened = new Collected<Holder>();
  readonly port: number;
  /** The most holders there were at one time. */
  most = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  static async open(): Promise<Lifeline> {
    const server = net.createServer();
    return new Lifeline(server, await listen(server));
  }

  private constructor(server: net.Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on('connection', (socket) => this.#hold(socket));
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    let said = '';
    const closed = new Promise<string>((resolve) => {
      socket.once('close', () => {
        this.#sockets.delete(socket);
        resolve(said);
      });
    });
    socket.setEncoding('utf8').on('error', () => undefined);
    socket.on('data', (text: string) => {
      // Not before its first word: then all of it runs.
      if (said === '') this.opened.add({ closed, say: (line) => socket.write(line) });
      this.most = Math.max(this.most, this.#sockets.size);
      said += text;
    });
  }

  /** A command for bash that holds the line as its descriptor 3, passes it on to whatever it starts, and does what it is told. */
  holder(script: string, ...args: string[]): string[] {
    return ['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${this.port}\n${script}`, 'bash', ...args];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
