import * as z from 'zod';
import { trialsOf } from '../../alarms/call.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { command, jsonFlag, placeFlags } from '../command.ts';

export const testHooks = command({
  summary: 'Send a sample alarm to every hook and to the ping of flock.json',
  schema: z.object({ json: jsonFlag, ...placeFlags }),
  exits: { partly: 'a hook or the ping failed' },
  examples: [['flockd test-hooks', 'try them all before you need them']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { clock, send, paths } = context;
    const { flockFile, root } = paths;
    const { signal } = new AbortController();
    const options = { clock, send, root, signal, output: 'stderr' } as const;
    const trials = trialsOf((await readFlockFile(flockFile)).alarms, options);
    if (trials.length === 0) {
      const hint =
        'for example: "hooks": [{ "on": ["parked", "silent"], "to": "ntfy", "url": "https://ntfy.sh/TOPIC" }]';
      throw new FlockError('config', `there are no hooks and no ping in ${flockFile}`, { hint });
    }
    const tried = [];
    for (const { name, kind, call } of trials) {
      const shown = name === kind ? name : `${name} (${kind})`;
      const trouble = await call();
      tried.push({ name, ok: !trouble, why: trouble?.why, hint: trouble?.hint });
      if (args.json) continue;
      if (trouble) terminal.warn(`${shown}: ${trouble.why}`, trouble.hint);
      else terminal.say(`${shown}: told`);
    }
    if (args.json) terminal.print(`${JSON.stringify({ hooks: tried }, null, 2)}\n`);
    return tried.every(({ ok }) => ok) ? 'done' : 'partly';
  },
});
