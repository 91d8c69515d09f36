import type { Agent, request } from 'undici';
import { asNoAnswer, flatten, readBody } from './answer-body.ts';
import type { Send } from './exchange.ts';

export interface SenderOptions {
  /** The most a request may take, from the first byte sent to the last byte read. Milliseconds. */
  deadline: number;
  /** Sockets kept open to the server at most. */
  sockets: number;
}

export interface Sender extends AsyncDisposable {
  send: Send;
}

/**
 * The one transport to the network: kept-alive sockets, a total deadline on every request, no redirects followed,
 * no compression (a cut or corrupt gzip body cannot be told from a whole one in time), nothing sent twice.
 */
export function openSender({ deadline, sockets }: SenderOptions): Sender {
  let opened: Promise<Client> | undefined;
  return {
    async send({ url, method, headers, body = null }) {
      const { agent, request } = await (opened ??= openClient({ deadline, sockets }));
      try {
        const answer = await request(url, {
          dispatcher: agent,
          method,
          headers: { 'accept-encoding': 'identity', ...headers },
          body,
          signal: AbortSignal.timeout(deadline),
        });
        const text = await readBody(answer.body);
        return { status: answer.statusCode, headers: flatten(answer.headers), body: text };
      } catch (error) {
        const isBefore = error instanceof Error && beforeSending.has(error);
        throw asNoAnswer(error, { url, deadline, beforeSending: isBefore });
      }
    },
    [Symbol.asyncDispose]: async () => (await opened)?.agent.destroy(),
  };
}

interface Client {
  agent: Agent;
  request: typeof request;
}

/** undici is loaded only when something is sent: it takes its time, and cannot be loaded where code cannot be made. */
async function openClient({ deadline, sockets }: SenderOptions): Promise<Client> {
  const { Agent, buildConnector, request } = await import('undici');
  const connect = buildConnector({ timeout: deadline });
  const agent = new Agent({
    connections: sockets,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    connect: (options, done) => {
      connect(options, (...[error, socket]) => {
        if (error) beforeSending.add(error);
        if (error) done(error, null);
        else done(null, socket);
      });
    },
  });
  return { agent, request };
}

/** Failures to connect: no byte of the request can have reached the server. */
const beforeSending = new WeakSet<Error>();
