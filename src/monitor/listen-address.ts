import { FlockError } from '../errors.ts';

/** Where the monitor listens: a port of this machine alone, a socket in the file system, or one that systemd opened. */
export type ListenAddress =
  { kind: 'port'; host: string; port: number } | { kind: 'socket'; path: string } | { kind: 'inherited' };

/** The longest path a socket can have. Bytes. @see unix(7) */
const longestPath = 107;

/**
 * Reads `127.0.0.1:8787`, `[::1]:8787`, `localhost:8787`, `8787`, `unix:/run/flockd/flockd.sock` or `systemd`.
 *
 * @throws {FlockError} `usage` for anything else, other machines' addresses among it
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text === 'systemd') return { kind: 'inherited' };
  if (text.startsWith('unix:')) return socketAt(text.slice('unix:'.length));
  const [, name = '127.0.0.1', digits = ''] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535) {
    throw new FlockError('usage', `--listen: ${JSON.stringify(text)} is not an address`, {
      hint: 'give one such as 127.0.0.1:8787, unix:/run/flockd/flockd.sock or systemd',
    });
  }
  const host = loopbackNamed(name);
  if (host === undefined) {
    throw new FlockError(
      'usage',
      `--listen: ${name === '' ? 'every address' : name} is not this machine alone`,
      {
        hint: `put a reverse proxy before 127.0.0.1:${port}, with TLS and a login, and name it with --host`,
      },
    );
  }
  return { kind: 'port', host, port };
}

/** The address of this machine that a name stands for, or undefined where others can reach it. */
function loopbackNamed(name: string): string | undefined {
  const host = name.toLowerCase();
  if (host === 'localhost') return '127.0.0.1';
  if (host === '[::1]') return '::1';
  return isLoopback(host) && host !== '::1' ? host : undefined;
}

/** Whether only this machine reaches an IP address. */
export const isLoopback = (address: string): boolean =>
  address === '::1' || /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(address);

function socketAt(path: string): ListenAddress {
  const refuse = (why: string): never => {
    throw new FlockError('usage', `--listen: the socket's path ${why}`, {
      hint: 'give one such as unix:/run/flockd/flockd.sock',
    });
  };
  if (!path.startsWith('/')) refuse('should begin with a slash');
  if (path.includes('\0')) refuse('has a NUL');
  if (path.endsWith('/')) refuse('is that of a folder');
  if (Buffer.byteLength(path) > longestPath) refuse(`is longer than ${longestPath} bytes`);
  return { kind: 'socket', path };
}
