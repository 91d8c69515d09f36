import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { asNoAnswer, flatten, type HttpAnswer, type HttpRequest, readBody, type Send } from './exchange.ts';

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

/**
 * The transport to the network: keep-alive, a total deadline on every request, no redirects, no retries, and no compression
 * (a truncated gzip body is found out too late).
 */
export function openSender({ deadline, sockets }: SenderOptions): Sender {
  let opened: ReturnType<typeof openClient> | undefined;
  const client = (): ReturnType<typeof openClient> => (opened ??= openClient({ deadline, sockets }));
  return {
    load: async () => {
      await client();
    },
    async send(request) {
      const { exchange, isBeforeSending } = await client();
      try {
        return await exchange(request);
      } catch (error) {
        throw asNoAnswer(error, { url: request.url, deadline, beforeSending: isBeforeSending(error) });
      }
    },
    [Symbol.asyncDispose]: async () => (await opened)?.destroy(),
  };
}

/** Loads undici on first use: loading it is slow, and impossible without WebAssembly. */
async function openClient(options: SenderOptions) {
  const { openUndici } = await import('./undici.ts');
  return openUndici(options);
}

/** How long an idle socket stays open: shorter than a server keeps it. Milliseconds. */
const idleTimeout = 4_000;

/**
 * The transport for a Node without WebAssembly (`--jitless`, which `MemoryDenyWriteExecute=` requires). It uses Node's own
 * client: slower than {@link openSender}, with the same guarantees.
 */
export function openNodeSender({ deadline, sockets }: SenderOptions): Sender {
  const options = { keepAlive: true, maxSockets: sockets, timeout: idleTimeout };
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) };
  return {
    load: () => Promise.resolve(),
    async send(request) {
      const reached = { connected: false };
      try {
        return await exchange(request, agents, deadline, reached);
      } catch (error) {
        throw asNoAnswer(error, { url: request.url, deadline, beforeSending: !reached.connected });
      }
    },
    [Symbol.asyncDispose]() {
      for (const agent of Object.values(agents)) agent.destroy();
      return Promise.resolve();
    },
  };
}

function exchange(
  { url, method, headers, body }: HttpRequest,
  agents: { 'http:': http.Agent; 'https:': https.Agent },
  deadline: number,
  reached: { connected: boolean },
): Promise<HttpAnswer> {
  const isPlain = url.startsWith('http:');
  return new Promise((resolve, reject) => {
    const request = (isPlain ? http : https).request(url, {
      method,
      agent: isPlain ? agents['http:'] : agents['https:'],
      headers: { 'accept-encoding': 'identity', ...headers },
      signal: AbortSignal.timeout(deadline),
    });
    noteConnection(request, isPlain ? 'connect' : 'secureConnect', reached);
    request.on('error', reject);
    request.on('response', (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.end(body);
  });
}

/** Notes when the connection stands: before that, no byte of the request can have reached the server. */
function noteConnection(
  request: ClientRequest,
  connected: 'connect' | 'secureConnect',
  reached: { connected: boolean },
): void {
  request.on('socket', (socket) => {
    if (!socket.connecting && request.reusedSocket) reached.connected = true;
    else socket.once(connected, () => (reached.connected = true));
  });
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const body = await readBody(response);
  return { status: response.statusCode ?? 0, headers: flatten(response.headers), body };
}
