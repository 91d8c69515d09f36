import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import type { MonitorOptions } from '../../web/dashboard/monitor.ts';
import { parseHostName, parseListenAddress } from '../../web/server.ts';
import { toggle } from '../command.ts';

const group = 'Web page';

/** The flags of the page of a running flock. */
export const monitorFlags = {
  listen: z.string().optional().meta({
    description: 'serve a page, /healthz, /readyz and /metrics at 127.0.0.1:PORT, unix:PATH or systemd',
    placeholder: 'ADDRESS',
    group,
  }),
  host: z.array(z.string()).default([]).meta({
    description: 'a host name of a reverse proxy in front of it; may be repeated',
    placeholder: 'NAME',
    group,
  }),
  'allow-control': toggle('allow visitors of the page to pause, resume and post').meta({ group }),
};

/** @throws {FlockError} `usage` for an invalid address or name, and for flags without `--listen` */
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
