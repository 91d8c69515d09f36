import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { askReady } from '../../web/dashboard/health.ts';
import { parseListenAddress } from '../../web/server.ts';
import { command } from '../command.ts';

export const healthcheck = command({
  flags: {
    listen: {
      type: 'string',
      default: '127.0.0.1:8787',
      describe: 'where flockd run --listen was told to listen',
    },
    json: { type: 'boolean', describe: 'as JSON, on standard output' },
  },
  examples: [
    ['flockd healthcheck', 'in a container: HEALTHCHECK CMD ["flockd", "healthcheck"]'],
    ['flockd healthcheck --listen unix:/run/flockd/flockd.sock', 'through a socket'],
  ],
  schema: z.object({
    listen: z.string('should be given once, with an address'),
    json: z.boolean().default(false),
  }),
  async run({ listen, json }, terminal) {
    const said = await askReady(parseListenAddress(listen), listen);
    if (json) terminal.print(`${JSON.stringify(said, null, 2)}\n`);
    const faults = said.checks.filter(({ ok }) => !ok).map(({ check, why }) => why ?? check);
    if (!said.ready) throw new FlockError('unavailable', `flockd is not ready: ${faults.join('; ')}`);
    if (!json) terminal.say('flockd is ready.');
    return 'done';
  },
});
