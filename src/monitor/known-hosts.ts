import { FlockError } from '../errors.ts';
import type { ListenAddress } from './listen-address.ts';

/** Tells the names under which the monitor is asked from those that a page elsewhere made up (DNS rebinding). */
export type KnownHosts = (host: string | undefined) => boolean;

const hostname = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/**
 * A name that a reverse proxy goes by.
 *
 * @throws {FlockError} `usage` where it is none
 */
export function parseHostName(text: string): string {
  const name = text.toLowerCase();
  if (hostname.test(name)) return name;
  throw new FlockError('usage', `--host: ${JSON.stringify(text)} is not the name of a host`, {
    hint: 'give a name such as flock.example, without a port',
  });
}

/**
 * @param address - where the monitor listens, and the port it has there
 * @param names - what reverse proxies before it are called; they may have any port
 */
export function knownHosts(
  address: ListenAddress,
  port: number | undefined,
  names: readonly string[],
): KnownHosts {
  const own = namesOf(address, port);
  const proxies = new Set(names);
  return (host) => {
    const asked = host?.toLowerCase() ?? '';
    return own.includes(asked) || proxies.has(asked.replace(/:\d{1,5}$/, ''));
  };
}

function namesOf(address: ListenAddress, port: number | undefined): string[] {
  // What speaks HTTP to a socket in the file system has to call it something.
  if (port === undefined) return ['localhost'];
  const names = ['localhost', '127.0.0.1', '[::1]', ...(address.kind === 'port' ? [address.host] : [])];
  // Browsers leave out the usual port.
  return names.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
}
