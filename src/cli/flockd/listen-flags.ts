import type { Options } from 'yargs';
import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import type { MonitorOptions } from '../../web/dashboard/monitor.ts';
import { parseHostName, parseListenAddress } from '../../web/server.ts';

const group = 'Showing the flock';

/** The flags that say where a running flock is shown, and to whom. */
export const monitorFlags = {
  listen: {
    type: 'string',
    describe:
      'show the flock at 127.0.0.1:PORT, unix:PATH or systemd: a page, /healthz, /readyz and /metrics',
    group,
  },
  host: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'what a reverse proxy before it is called; may be repeated',
    group,
  },
  'allow-control': {
    type: 'boolean',
    describe: 'let whoever sees the page pause, resume and post',
    group,
  },
} satisfies Record<string, Options>;

/** What {@link monitorFlags} may be. */
export const monitorSchema = {
  listen: z.string('should be given once, with an address').optional(),
  host: z.array(z.string()).default([]),
  'allow-control': z.boolean('should be given once').default(false),
};

/** @throws {FlockError} `usage` for an address or a name that is none, and for flags that mean nothing without `--listen` */
export function monitorOptions(args: {
  listen?: string | undefined;
  host: string[];
  'allow-control': boolean;
}): MonitorOptions {
  const { listen, host, 'allow-control': allowControl } = args;
  if (listen === undefined && (host.length > 0 || allowControl)) {
    throw new FlockError(
      'usage',
      `${allowControl ? '--allow-control' : '--host'} means nothing without --listen`,
      {
        hint: 'add --listen 127.0.0.1:8787',
      },
    );
  }
  return {
    listen: listen === undefined ? undefined : parseListenAddress(listen),
    names: host.map(parseHostName),
    allowControl,
  };
}
