import * as z from 'zod';
import { callHook, ping, sampleAlarm, shownHook, type Trouble } from '../../alarms/call.ts';
import { type AlarmSettings, readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import { command, jsonFlag, placeFlags } from '../command.ts';

/** The outcome of a trial. */
interface Tried {
  /** Its path in flock.json. */
  name: string;
  ok: boolean;
  why: string | undefined;
  hint: string | undefined;
}

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
      throw new FlockError('config', `there are no hooks and no ping in ${flockFile}`, {
        hint: 'for example: "hooks": [{ "on": ["parked", "silent"], "run": ["/usr/local/bin/tell"] }]',
      });
    }
    const tried: Tried[] = [];
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

interface Trial {
  name: string;
  /** For people. */
  shown: string;
  call: () => Promise<Trouble | undefined>;
}

/** The hooks and the ping, in their order. */
function trialsOf({ hooks, ping: address }: AlarmSettings, { clock, send, paths }: Context): Trial[] {
  const { signal } = new AbortController();
  const options = { clock, send, signal, root: paths.root, output: 'stderr' } as const;
  const trials = hooks.map((hook, index): Trial => {
    const name = `hooks.${index}`;
    const call = () => callHook(hook, sampleAlarm(clock.now()), options);
    return { name, shown: `${name} (${shownHook(hook)})`, call };
  });
  if (!address) return trials;
  return [...trials, { name: 'ping', shown: 'ping', call: () => ping(address, { clock, send }) }];
}
