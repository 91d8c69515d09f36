import * as z from 'zod';
import { FlockError } from '../../errors.ts';
import { askReady } from '../../web/dashboard/health.ts';
import { command, jsonFlag } from '../command.ts';

export const healthcheck = command({
  summary: 'Check that a running flockd is ready, for containers',
  schema: z.object({
    listen: z.string().default('127.0.0.1:8787').meta({
      description: 'the address of flockd run --listen',
      placeholder: 'ADDRESS',
    }),
    json: jsonFlag,
  }),
  exits: { unavailable: 'flockd does not run, or is not ready' },
  examples: [
    ['flockd healthcheck', 'in a container: HEALTHCHECK CMD ["flockd", "healthcheck"]'],
    ['flockd healthcheck --listen unix:/run/flockd/flockd.sock', 'through a socket'],
  ],
  async run({ listen, json }, terminal) {
    const said = await askReady(listen);
    if (json) terminal.print(`${JSON.stringify(said, null, 2)}\n`);
    const faults = said.checks.filter(({ ok }) => !ok).map(({ check, why }) => why ?? check);
    if (!said.ready) throw new FlockError('unavailable', `flockd is not ready: ${faults.join('; ')}`);
    if (!json) terminal.say('flockd is ready.');
    return 'done';
  },
});
