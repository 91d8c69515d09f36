import * as z from 'zod';
import { callHook, ping, sampleAlarm, shownHook } from '../../alarms/call.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import type { AlarmSettings } from '../../config/hooks.ts';
import { type Context, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { command, jsonFlag, placeFlags } from '../command.ts';

export const testHooks = command({
  summary: 'Send a sample alarm to every hook and to the ping of flock.json',
  schema: z.object({ json: jsonFlag, ...placeFlags }),
  exits: { partly: 'a hook or the ping failed' },
  examples: [['flockd test-hooks', 'try them all before you need them']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { flockFile } = context.paths;
    const trials = trialsOf((await readFlockFile(flockFile)).alarms, context);
    if (trials.length === 0) {
      const hint =
        'for example: "hooks": [{ "on": ["parked", "silent"], "to": "ntfy", "url": "https://ntfy.sh/TOPIC" }]';
      throw new FlockError('config', `there are no hooks and no ping in ${flockFile}`, { hint });
    }
    const tried = [];
    for (const { name, shown, call } of trials) {
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

/** The hooks and the ping, in their order: the path in flock.json, the name for people, and the trial. */
function trialsOf({ hooks, ping: address }: AlarmSettings, { clock, send, paths }: Context) {
  const { signal } = new AbortController();
  const options = { clock, send, signal, root: paths.root, output: 'stderr' } as const;
  const trials = hooks.map((hook, index) => {
    const name = `hooks.${index}`;
    const call = () => callHook(hook, sampleAlarm(clock.now()), options);
    return { name, shown: `${name} (${shownHook(hook)})`, call };
  });
  if (!address) return trials;
  return [...trials, { name: 'ping', shown: 'ping', call: () => ping(address, { clock, send }) }];
}
