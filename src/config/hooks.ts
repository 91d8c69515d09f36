import * as z from 'zod';
import { isSafeAddress } from '../http/exchange.ts';
import { nearest, parseDuration, quoted, Secret } from '../text.ts';

/*
 * `hooks` and `ping` of `flock.json`: whom flockd notifies of alarms.
 */

export const someText = z.string('should be text').min(1, 'is empty');

/** A duration. @param examples - for the message */
export const durationLike = (examples: string) => {
  const message = `should be a duration such as ${examples}`;
  return z
    .string(message)
    .refine((value) => parseDuration(value) !== undefined, message)
    .transform((value) => parseDuration(value) ?? 0);
};

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

/** How an alarm reaches a person without a command. `post` of flock.json is a webhook, too. */
export type Service =
  | { to: 'webhook' | 'ntfy' | 'slack' | 'discord'; url: Address }
  | { to: 'telegram'; url: Address; chat: string }
  | { to: 'email'; address: string; from: string; smtp: Address | undefined };

/** A command or a service that receives alarms. The timeout is in milliseconds. */
export type Hook = { on: AlarmName[]; timeout: number } & ({ run: string[] } | Service);

/** The settings for alarms in flock.json. */
export interface AlarmSettings {
  hooks: readonly Hook[];
  /** The address that is called after each round without trouble. */
  ping: Address | undefined;
}

/** The messages do not quote the address, which is a secret. */
const secretAddress = z
  .string('should be an address')
  .refine(isSafeAddress, 'should be an https address without a password, or http to this machine itself')
  .transform((value) => new Address(value));

export const pingSetting = secretAddress.meta({
  description: "A dead man's switch such as healthchecks.io: it is called after each round that went well",
});

const knownAlarms = `the alarms are ${alarmNames.join(', ')}`;

const alarmName = z
  .string(knownAlarms)
  .meta({ enum: [...alarmNames] })
  .superRefine((name, context) => {
    if (alarmNames.some((alarm) => alarm === name)) return;
    const meant = nearest(name, alarmNames);
    const help = meant === undefined ? knownAlarms : `did you mean "${meant}"?`;
    context.addIssue({ code: 'custom', message: `${quoted(name)} is no alarm; ${help}` });
  })
  .pipe(z.enum(alarmNames));

const second = 1000;
const defaultTimeout = 10 * second;
/** By kind of hook: every request, also to a webhook, ends after 10 s. */
const maxTimeouts = { web: 10 * second, run: 600 * second };

const timeout = durationLike('"10s"')
  .refine((time) => time >= second, 'should be a second at least')
  .refine((time) => time <= maxTimeouts.run, 'should be 10 minutes at most')
  .meta({ description: 'How long it may take: a duration such as "10s", which is the default' });

const mailAddress = z.email('should be an e-mail address');
const argument = someText.refine((value) => !value.includes('\0'), 'has a NUL');

const hook = z.strictObject(
  {
    on: z
      .array(alarmName, 'should be a list of alarms, such as ["parked", "silent"]')
      .min(1, 'names no alarm')
      .meta({ description: 'What it is told of' }),
    run: z
      .array(argument, 'should be a list: the command, and each of its arguments')
      .min(1, 'names no command')
      .meta({
        description: 'A command and its arguments, run without a shell; JSON comes on its standard input',
      })
      .optional(),
    post: secretAddress.meta({ description: 'A webhook, to which JSON is posted' }).optional(),
    to: z
      .enum(['ntfy', 'slack', 'discord', 'telegram', 'email', 'webhook'])
      .meta({ description: 'A service that notifies people' })
      .optional(),
    url: secretAddress.meta({ description: 'Of ntfy, Slack, Discord or a webhook: the address' }).optional(),
    token: z
      .string('should be the token of a bot')
      .regex(/^\d+:[\w-]+$/, 'should be the token of a bot, as BotFather gives it')
      .meta({ description: 'Of Telegram: the token of your bot there' })
      .optional(),
    chat: z
      .union([z.int(), z.string().regex(/^(-?\d+|@\w+)$/)], 'should be the id of a chat, or @channel')
      .transform(String)
      .meta({ description: 'Of Telegram: the id of the chat, or @channel' })
      .optional(),
    address: mailAddress.meta({ description: 'Of e-mail: to whom' }).optional(),
    from: mailAddress.meta({ description: 'Of e-mail: from whom; by default the same' }).optional(),
    smtp: z
      .string('should be an address')
      .refine(isSmtp, 'should be an address such as smtps://user:password@mail.example')
      .transform((value) => new Address(value))
      .meta({ description: 'Of e-mail: the server; without it, sendmail of this machine' })
      .optional(),
    timeout: timeout.optional(),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'should be an object with "on" and "to", "run" or "post"' : undefined,
  },
);

/** The names of a hook's fields. */
export const hookFields = Object.keys(hook.shape);

const maxHooks = 20;

export const hookSettings = z
  .array(hook.transform(hookOf), 'should be a list of hooks')
  .max(maxHooks, `should be ${maxHooks} hooks at most`)
  .meta({ description: 'Who is told of alarms: services, commands and webhooks' });

type Fields = z.infer<typeof hook>;

/** The fields that a service needs, and those that it can have. */
const fieldsOf: Record<
  NonNullable<Fields['to']>,
  { needs: readonly (keyof Fields)[]; has?: readonly (keyof Fields)[] }
> = {
  ntfy: { needs: ['url'] },
  slack: { needs: ['url'] },
  discord: { needs: ['url'] },
  webhook: { needs: ['url'] },
  telegram: { needs: ['token', 'chat'], has: ['url'] },
  email: { needs: ['address'], has: ['from', 'smtp'] },
};

function hookOf(fields: Fields, context: z.core.$RefinementCtx): Hook {
  const { on, run, post, to, timeout = defaultTimeout } = fields;
  const wrong = (message: string, ...path: string[]): never => {
    context.issues.push({ code: 'custom', message, path, input: undefined });
    return z.NEVER;
  };
  const ways = (['run', 'post', 'to'] as const).filter((way) => fields[way] !== undefined);
  if (ways.length > 1) return wrong(`has both "${ways[0]}" and "${ways[1]}": make two hooks of it`);
  if (run) return { on, run, timeout };
  if (timeout > maxTimeouts.web)
    return wrong('should be 10 seconds at most for a webhook or a service', 'timeout');
  if (post) return { on, timeout, to: 'webhook', url: post };
  if (!to) return wrong('should have "to", "run" or "post"');
  const { needs, has = [] } = fieldsOf[to];
  const missing = needs.find((field) => fields[field] === undefined);
  if (missing) return wrong(`"${to}" needs "${missing}"`);
  const known = new Set<string>(['on', 'to', 'timeout', ...needs, ...has]);
  const other = Object.keys(fields).find((field) => !known.has(field));
  if (other !== undefined) return wrong(`is not for "${to}"`, other);
  const { url = telegramServer, token = '', chat = '', address = '', from = address, smtp } = fields;
  if (to === 'ntfy' && new URL(url.reveal()).pathname === '/') return wrong('should end with a topic', 'url');
  switch (to) {
    case 'telegram':
      return {
        on,
        timeout,
        to,
        chat,
        url: new Address(`${url.reveal().replace(/\/$/, '')}/bot${token}/sendMessage`),
      };
    case 'email':
      return { on, timeout, to, address, from, smtp };
    case 'webhook':
    case 'ntfy':
    case 'slack':
    case 'discord':
      return { on, timeout, to, url };
  }
}

const telegramServer = new Address('https://api.telegram.org');

function isSmtp(text: string): boolean {
  return URL.canParse(text) && ['smtp:', 'smtps:'].includes(new URL(text).protocol);
}
