import { createServer } from 'node:net';

let count = 0;

/**
 * A port of this machine on which nobody listens. It is below those that the system hands out, and other test files begin at
 * others.
 */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + ((process.pid * 64 + count++) % 20_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
