import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import type { MonitorOptions } from '../../web/dashboard/monitor.ts';
import { parseHostName, parseListenAddress } from '../../web/server.ts';
import { toggle } from '../command.ts';

const group = 'Showing the flock';

/** The flags that say where a running flock is shown, and to whom. */
export const monitorFlags = {
  listen: z.string().optional().meta({
    description:
      'show the flock at 127.0.0.1:PORT, unix:PATH or systemd: a page, /healthz, /readyz and /metrics',
    placeholder: 'ADDRESS',
    group,
  }),
  host: z.array(z.string()).default([]).meta({
    description: 'what a reverse proxy before it is called; may be repeated',
    placeholder: 'NAME',
    group,
  }),
  'allow-control': toggle('let whoever sees the page pause, resume and post').meta({ group }),
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
