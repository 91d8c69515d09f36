import { chmod, lstat, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type ListenOptions } from 'node:net';
import path from 'node:path';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';
import { isLoopback, type ListenAddress } from './listen-address.ts';

/** Where a server has come to listen. */
export interface Listening {
  /** As a person reads it: `http://127.0.0.1:8787`, `unix:/run/flockd/flockd.sock`. */
  shown: string;
  /** Undefined for a socket in the file system. */
  port: number | undefined;
}

/** Its owner and its group may use it. */
const socketMode = 0o660;

/**
 * Lets a server listen.
 *
 * @param inherited - the descriptor of the socket that systemd hands over, where it does
 * @throws {FlockError} `unavailable` where the address cannot be had, `config` where systemd hands over none that is for
 * this machine alone
 */
export async function openListener(
  server: Server,
  address: ListenAddress,
  inherited: number | undefined,
): Promise<Listening> {
  switch (address.kind) {
    case 'port':
      await listen(server, { host: address.host, port: address.port }, `port ${address.port}`);
      return shownPort(server);
    case 'socket':
      await prepare(address.path);
      await listen(server, { path: address.path }, address.path);
      await chmod(address.path, socketMode);
      return { shown: `unix:${address.path}`, port: undefined };
    case 'inherited':
      return takeInherited(server, inherited);
  }
}

async function takeInherited(server: Server, fd: number | undefined): Promise<Listening> {
  const hint = 'the socket unit needs FileDescriptorName=http, and ListenStream=127.0.0.1:8787 or a path';
  if (fd === undefined)
    throw new FlockError('config', '--listen systemd: systemd hands over no socket called http', { hint });
  await listen(server, { fd }, 'the socket of systemd');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return { shown: 'the socket of systemd', port: undefined };
  if (isLoopback(bound.address)) return shownPort(server);
  throw new FlockError('config', `--listen systemd: ${bound.address} is not this machine alone`, { hint });
}

function shownPort(server: Server): Listening {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('it does not listen on a port');
  const { address, family, port } = bound;
  return { shown: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, port };
}

function listen(server: Server, where: ListenOptions | { fd: number }, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      const inUse = systemCode(cause) === 'EADDRINUSE';
      const message = inUse ? `${name} is in use` : `${name} cannot be had: ${reasonOf(cause)}`;
      reject(
        new FlockError('unavailable', `--listen: ${message}`, { hint: 'choose another address', cause }),
      );
    };
    server.once('error', failed);
    server.listen(where, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/**
 * Takes away the socket that a flockd left which was killed. What anybody answers at, and what is no socket, stays.
 *
 * @throws {FlockError} `unavailable` where no socket can be: the system's own words for it lead astray
 */
async function prepare(file: string): Promise<void> {
  const folder = path.dirname(file);
  const home = await stat(folder).catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') throw noSocket(`there is no folder ${folder}`);
  });
  if (home?.isDirectory() === false) throw noSocket(`${folder} is not a folder`);
  const found = await lstat(file).catch(() => undefined);
  if (found && !found.isSocket())
    throw noSocket(`${found.isDirectory() ? 'a folder' : 'a file'} is in the place of ${file}`);
  const isOurs = found?.uid === process.getuid?.();
  if (found && isOurs && !(await isAnswered(file))) await rm(file, { force: true });
}

const noSocket = (why: string): FlockError =>
  new FlockError('unavailable', `--listen: ${why}`, { hint: 'choose another address' });

function isAnswered(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(file);
    const say = (answered: boolean) => () => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', say(true)).once('error', say(false));
  });
}
