import { Agent, buildConnector, request as send } from 'undici';
import { systemCode } from '../errors.ts';
import { NoAnswer, type Send } from './exchange.ts';

/** An answer longer than this is not one of X's. Bytes. */
const longestBody = 4 * 1024 * 1024;

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
  return {
    async send(request) {
      try {
        const answer = await send(request.url, {
          dispatcher: agent,
          method: request.method,
          headers: { 'accept-encoding': 'identity', ...request.headers },
          body: request.body ?? null,
          signal: AbortSignal.timeout(deadline),
        });
        const body = await readBody(answer.body);
        return { status: answer.statusCode, headers: flatten(answer.headers), body };
      } catch (error) {
        throw asNoAnswer(error, request.url, deadline);
      }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > longestBody) throw new Error(`an answer of more than ${String(longestBody)} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** Failures to connect: no byte of the request can have reached the server. */
const beforeSending = new WeakSet<Error>();

function asNoAnswer(error: unknown, url: string, deadline: number): NoAnswer {
  const host = new URL(url).host;
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = systemCode(error) ?? systemCode(cause);
  if (error instanceof Error && beforeSending.has(error)) {
    return new NoAnswer(`cannot reach ${host} (${code ?? error.message})`, false, error);
  }
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new NoAnswer(`${host} gave no whole answer within ${String(deadline / 1000)} s`, true, error);
  }
  return new NoAnswer(`the connection to ${host} broke (${code ?? 'unknown'})`, true, error);
}
