import http from 'node:http';
import { text } from 'node:stream/consumers';

/** Requests everything that a running flock serves: the page, health, metrics and the page's events. */
export async function visit(socketPath: string): Promise<void> {
  const page = await read(socketPath, '/');
  await read(socketPath, '/healthz');
  await read(socketPath, '/readyz');
  await read(socketPath, '/metrics');
  const edition = /data-edition="(\w+)"/.exec(page)?.[1];
  if (edition === undefined) throw new Error('the page does not say its edition');
  const events = await ask(socketPath, `/events?edition=${edition}`);
  await new Promise((resolve) => events.once('data', resolve));
  events.destroy();
}

async function read(socketPath: string, way: string): Promise<string> {
  const answer = await ask(socketPath, way);
  const said = await text(answer);
  // /readyz answers 503 if flockd is not ready.
  if (answer.statusCode !== 200 && answer.statusCode !== 503)
    throw new Error(`${way}: ${String(answer.statusCode)} ${said}`);
  return said;
}

const ask = (socketPath: string, way: string): Promise<http.IncomingMessage> =>
  new Promise((resolve, reject) => {
    const options = { socketPath, path: way, headers: { host: 'localhost' }, agent: false };
    http.get(options, resolve).once('error', reject);
  });
