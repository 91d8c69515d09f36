import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import { hasManyHosts, listen, readBody } from '../web/server.ts';
import { json, type SandboxAnswer, type SandboxRequest } from './answer.ts';
import { deliver } from './deliver.ts';
import { streamEvents } from './event-stream.ts';
import { isKnownHost } from './hosts.ts';
import { Sandbox, type SandboxOptions } from './sandbox.ts';
import { readState, StateKeeper } from './state-file.ts';

export interface OpenSandboxOptions extends Omit<SandboxOptions, 'state'> {
  /** 0 takes any free port. */
  port: number;
  /** Where accounts, tokens and posts outlive a restart; nowhere by default. */
  stateFile?: string;
}

export interface OpenSandbox {
  /** `http://127.0.0.1:PORT`, without a slash at its end. */
  url: string;
  sandbox: Sandbox;
  /** Breaks off what is under way, stores the state and frees the port. */
  close(): Promise<void>;
}

/** The longest body that is read. Bytes. */
const longestBody = 1024 * 1024;

/** Opens a sandbox to programs on this machine. */
export async function openSandbox({ port, stateFile, ...options }: OpenSandboxOptions): Promise<OpenSandbox> {
  const { clock } = options;
  const stored = stateFile === undefined ? {} : { state: await readState(stateFile) };
  const sandbox = new Sandbox({ ...options, ...stored });
  const server = createServer((request, response) => {
    void serve(sandbox, clock, request, response);
  });
  const keeper =
    stateFile === undefined ? undefined : new StateKeeper(stateFile, clock, () => sandbox.world.snapshot());
  const stopWatching = sandbox.world.watch(() => keeper?.touch());
  const url = await listen(server, port);
  return {
    url,
    sandbox,
    async close() {
      await closeServer(server);
      stopWatching();
      await keeper?.close();
    },
  };
}

async function serve(
  sandbox: Sandbox,
  clock: Clock,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body: string | undefined;
  try {
    body = await readBody(request, longestBody);
  } catch {
    // The client broke off while it sent: nobody is left to be answered.
    response.destroy();
    return;
  }
  const { method = 'GET', url = '/' } = request;
  const host = request.headers.host ?? '';
  if (hasManyHosts(request)) deliver(json(400, { detail: 'A request has one Host' }), response, clock);
  else if (body === undefined) deliver(json(413, { detail: 'Payload too large' }), response, clock);
  else if (method === 'GET' && url === '/sandbox/events' && isKnownHost(host))
    streamEvents(sandbox.world, response);
  else deliver(answerTo(sandbox, { method, url, host, headers: flatten(request), body }), response, clock);
}

/** A mistake of the sandbox itself is told as a 500, not as one more broken connection. */
function answerTo(sandbox: Sandbox, request: SandboxRequest): SandboxAnswer {
  try {
    return sandbox.handle(request);
  } catch (error) {
    return json(500, { title: 'The sandbox itself failed', status: 500, detail: messageOf(error) });
  }
}

function flatten({ headers }: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
