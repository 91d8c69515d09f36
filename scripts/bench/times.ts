/** The cron expression, with seconds first, that matches one instant of the year. */
export function cronAt(instant: number): string {
  const date = new Date(instant);
  const { 0: second, 1: minute, 2: hour } = [date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours()];
  return `${second} ${minute} ${hour} ${date.getUTCDate()} ${date.getUTCMonth() + 1} *`;
}

/** Half a year from now, at nine o'clock. */
export const farAway = (): string => `0 9 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`;

/** The first whole second after a time from now. Milliseconds since 1970. */
export const secondAfter = (wait: number): number => Math.ceil((Date.now() + wait) / 1000) * 1000;
