import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { asNoAnswer, flatten, type HttpAnswer, type HttpRequest, readBody } from './exchange.ts';
import type { Sender, SenderOptions } from './send.ts';

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
    noteConnection(request, isPlain, reached);
    request.on('error', reject);
    request.on('response', (response) => {
      readAnswer(response).then(resolve, reject);
    });
    request.end(body);
  });
}

/** Notes when the connection stands: before that, no byte of the request can have reached the server. */
function noteConnection(request: ClientRequest, isPlain: boolean, reached: { connected: boolean }): void {
  request.on('socket', (socket) => {
    if (!socket.connecting && request.reusedSocket) reached.connected = true;
    else socket.once(isPlain ? 'connect' : 'secureConnect', () => (reached.connected = true));
  });
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const body = await readBody(response);
  return { status: response.statusCode ?? 0, headers: flatten(response.headers), body };
}
