import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { systemCode } from '../errors.ts';
import { type HttpRequest, NoAnswer, readBody, type Send } from './exchange.ts';

/*
 * The only way to the network: two transports with the same guarantees, one on undici and one on Node's own client.
 */

interface SenderOptions {
  /** The longest that a request may take, from its start to the last byte of the response. Milliseconds. */
  deadline: number;
  /** The maximum number of open sockets to a server. */
  sockets: number;
}

export interface Sender extends AsyncDisposable {
  send: Send;
  /** Loads the HTTP client now. A long-lived process calls it at start: an upgrade may replace the program's files later. */
  load: () => Promise<void>;
}

/** What differs between the two transports: how one request is sent. Their sockets stay open for less time than at a server. */
interface Transport {
  begin: (request: HttpRequest, signal: AbortSignal) => Begun;
  close: () => unknown;
}

interface Begun {
  response: Promise<{ status: number; headers: IncomingHttpHeaders; body: AsyncIterable<Buffer> }>;
  /** Whether a failure happened before the first byte of the request could reach the server. */
  isBeforeSending: (failure: Error) => boolean;
}

/**
 * The transport to the network: keep-alive, a total deadline on every request, no redirects, no retries, and no compression
 * (a truncated gzip body is found out too late).
 */
export function openSender(options: SenderOptions, open = hasWebAssembly() ? openUndici : openNode): Sender {
  const { deadline } = options;
  let opened: Promise<Transport> | undefined;
  const transport = (): Promise<Transport> => (opened ??= open(options));
  return {
    load: async () => {
      await transport();
    },
    async send(request) {
      const { begin } = await transport();
      const signal = AbortSignal.timeout(deadline);
      const { response, isBeforeSending } = begin(request, signal);
      try {
        const { status, headers, body } = await response;
        return { status, headers: flatten(headers), body: await readBody(body) };
      } catch (error) {
        const { host } = new URL(request.url);
        const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
        const code = systemCode(error) ?? systemCode(cause);
        if (error instanceof Error && isBeforeSending(error))
          throw new NoAnswer(`cannot reach ${host} (${code ?? error.message})`, {
            sent: false,
            cause: error,
          });
        const why = signal.aborted
          ? `${host} gave no whole answer within ${deadline / 1000} s`
          : `the connection to ${host} broke (${code ?? 'unknown'})`;
        throw new NoAnswer(why, { sent: true, cause: error });
      }
    },
    [Symbol.asyncDispose]: async () => {
      await (await opened)?.close();
    },
  };
}

/** The headers with one value a name. */
function flatten(headers: IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** Whether this Node compiles WebAssembly. Pages put a stand-in for it that has no modules. */
function hasWebAssembly(): boolean {
  const found: unknown = Reflect.get(globalThis, 'WebAssembly');
  return typeof found === 'object' && found !== null && 'Module' in found;
}

/** Loading undici is slow, and impossible without WebAssembly, which `--jitless` forbids (`MemoryDenyWriteExecute=`). */
const openUndici = async (options: SenderOptions): Promise<Transport> =>
  (await import('./undici.ts')).openUndici(options);

/** Node's own client, which is slower. */
export function openNode({ sockets }: SenderOptions): Promise<Transport> {
  const options = { keepAlive: true, maxSockets: sockets, timeout: 4_000 };
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };
  return Promise.resolve({
    begin({ url, method, headers, body }, signal) {
      const isPlain = url.startsWith('http:');
      let connected = false;
      const response = new Promise<IncomingMessage>((resolve, reject) => {
        const request = (isPlain ? http : https).request(url, {
          method,
          agent: isPlain ? agents['http:'] : agents['https:'],
          headers: { 'accept-encoding': 'identity', ...headers },
          signal,
        });
        request.on('socket', (socket) => {
          if (!socket.connecting && request.reusedSocket) connected = true;
          else socket.once(isPlain ? 'connect' : 'secureConnect', () => (connected = true));
        });
        request.on('error', reject);
        request.on('response', resolve);
        request.end(body);
      });
      return {
        response: response.then((body) => ({ status: body.statusCode ?? 0, headers: body.headers, body })),
        isBeforeSending: () => !connected,
      };
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  });
}
