import * as z from 'zod';

/** The events of the log that are alarms: a person should hear of them without looking. */
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

/** What a hook is told. What is not known is null. */
export interface Alarm {
  /** An alarm's name, or `test`. */
  event: string;
  bot: string | null;
  /** ISO 8601. */
  at: string;
  why: string;
  /** The repair. */
  hint: string | null;
  /** The line of the poem, counted from 1. */
  line: number | null;
  /** All of it in one line, for people. */
  text: string;
}

/** The part of a line of the log that makes an alarm. */
const loggedAlarm = z.object({
  event: z.enum(alarmNames),
  bot: z.string().optional(),
  why: z.string().optional(),
  hint: z.string().optional(),
  line: z.number().optional(),
});

/** As in the log, nothing is longer than a page. Characters. */
const longest = 2000;
const short = (text: string): string => text.slice(0, longest);

/**
 * The alarm that a line of the log is, or undefined where it is none.
 *
 * @param now - milliseconds since 1970
 */
export function alarmOf(fields: unknown, message: unknown, now: number): Alarm | undefined {
  const { data } = loggedAlarm.safeParse(fields);
  if (!data) return undefined;
  const { event, bot = null, line = null } = data;
  const said = typeof message === 'string' ? message : event;
  return {
    event,
    bot,
    at: new Date(now).toISOString(),
    why: short(data.why ?? said),
    hint: data.hint === undefined ? null : short(data.hint),
    line,
    text: short(bot === null ? said : `${bot} ${said}`),
  };
}

/** What a hook is tried with. */
export const sampleAlarm = (now: number): Alarm => ({
  event: 'test',
  bot: 'test',
  at: new Date(now).toISOString(),
  why: 'a person tries the hooks',
  hint: 'nothing is wrong',
  line: 1,
  text: 'a person tries the hooks; nothing is wrong',
});

/** What a hook gets to read: one line of JSON. @param flock - its folder */
export const bodyOf = (alarm: Alarm, flock: string): string => JSON.stringify({ ...alarm, flock });
