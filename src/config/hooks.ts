import * as z from 'zod';
import { isSafeAddress } from '../http/exchange.ts';
import { nearest, parseDuration, quoted, Secret } from '../text.ts';

/*
 * `hooks` and `ping` in flock.json: whom flockd notifies of alarms, and what an alarm says.
 */

/** The address of a webhook or a ping. Anyone who knows it can use it, so it is a secret. */
export class Address extends Secret<string> {}

/** The events of the daemon that are alarms: a person must be notified of them. */
export const alarmNames = [
  'parked',
  'unfit',
  'in-doubt-long',
  'silent',
  'budget-reached',
  'app-refused',
  'clock-wrong',
  'herd',
  'finished',
] as const;

export type AlarmName = (typeof alarmNames)[number];

/** A command or a webhook that receives alarms. The timeout is in milliseconds. */
export type Hook = { on: AlarmName[]; timeout: number } & ({ run: string[] } | { post: Address });

/** The settings for alarms in flock.json. */
export interface AlarmSettings {
  hooks: readonly Hook[];
  /** The address that is called after each round without trouble. */
  ping: Address | undefined;
}

/** The messages do not quote the address, which is a secret. */
const address = z
  .string('should be an address')
  .refine(isSafeAddress, 'should be an https address without a password, or http to this machine itself')
  .transform((text) => new Address(text));

/** `ping` in flock.json. */
export const pingSetting = address.meta({
  description: "A dead man's switch such as healthchecks.io: it is called after each round that went well",
});

const known = `the alarms are ${alarmNames.join(', ')}`;

const alarmName = z
  .string(known)
  .meta({ enum: [...alarmNames] })
  .superRefine((name, context) => {
    if (alarmNames.some((alarm) => alarm === name)) return;
    const meant = nearest(name, alarmNames);
    const help = meant === undefined ? known : `did you mean "${meant}"?`;
    context.addIssue({ code: 'custom', message: `${quoted(name)} is no alarm; ${help}` });
  })
  .pipe(z.enum(alarmNames));

const second = 1000;
const defaultTimeout = 10 * second;
/** By kind of hook: every request, also to a webhook, ends after 10 s. */
const maxTimeouts = { post: 10 * second, run: 600 * second };

const timeout = z
  .string('should be a duration such as "10s"')
  .meta({ description: 'How long it may take: a duration such as "10s", which is the default' })
  .refine((text) => parseDuration(text) !== undefined, 'should be a duration such as "10s"')
  .transform((text) => parseDuration(text) ?? defaultTimeout)
  .refine((time) => time >= second, 'should be a second at least')
  .refine((time) => time <= maxTimeouts.run, 'should be 10 minutes at most');

const word = z
  .string('should be text')
  .min(1, 'is empty')
  .refine((text) => !text.includes('\0'), 'has a NUL');

const fields = z.strictObject(
  {
    on: z
      .array(alarmName, 'should be a list of alarms, such as ["parked", "silent"]')
      .min(1, 'names no alarm')
      .meta({ description: 'What it is told of' }),
    run: z
      .array(word, 'should be a list: the command, and each of its arguments')
      .min(1, 'names no command')
      .meta({
        description: 'A command and its arguments, run without a shell; JSON comes on its standard input',
      })
      .optional(),
    post: address.meta({ description: 'A webhook, to which JSON is posted' }).optional(),
    timeout: timeout.optional(),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'should be an object with "on" and "run" or "post"' : undefined,
  },
);

const maxHooks = 20;

/** `hooks` in flock.json. */
export const hookSettings = z
  .array(fields.transform(hookOf), 'should be a list of hooks')
  .max(maxHooks, `should be ${maxHooks} hooks at most`)
  .meta({ description: 'Who is told of alarms: commands and webhooks' });

/** The names of a hook's fields. */
export const hookFields = Object.keys(fields.shape);

function hookOf(
  { on, run, post, timeout = defaultTimeout }: z.infer<typeof fields>,
  context: z.core.$RefinementCtx,
): Hook {
  const wrong = (message: string, ...path: string[]): never => {
    context.issues.push({ code: 'custom', message, path, input: undefined });
    return z.NEVER;
  };
  if (run && post) return wrong('has both "run" and "post": make two hooks of it');
  if (run) return { on, run, timeout };
  if (!post) return wrong('should have "run" or "post"');
  if (timeout > maxTimeouts.post) return wrong('should be 10 seconds at most for a webhook', 'timeout');
  return { on, post, timeout };
}
