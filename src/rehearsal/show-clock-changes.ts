import type { ClockChange, Outcome } from './clock-changes.ts';
import { count, listed, times } from './words.ts';

/** What became of the slots in the hours that clocks skipped or showed twice, as a person reads it. */
export function showClockChanges(changes: readonly ClockChange[]): string[] {
  if (changes.length === 0) return [];
  const felt = changes.filter(({ bots }) => bots.length > 0);
  const others = changes.length - felt.length;
  const rest =
    felt.length === 0 ? 'no slot falls into any of them' : `no slot falls into ${count(others)} of them`;
  return [
    `${count(changes.length, 'clock change')} in the zones of the flock${others > 0 ? `; ${rest}` : ''}`,
    ...felt.flatMap(showChange),
  ];
}

function showChange({ at, timezone, from, to, by, bots }: ClockChange): string[] {
  const groups = new Map<string, string[]>();
  for (const bot of bots) {
    const said = describe(bot, by > 0);
    groups.set(said, [...(groups.get(said) ?? []), bot.bot]);
  }
  return [
    `${at.slice(0, 10)} ${timezone} ${from} → ${to}`,
    ...Array.from(groups, ([said, names]) => `  ${listed(names)}: ${said}`),
  ];
}

function describe({ times: due, everyHour, posted }: Outcome, isForward: boolean): string {
  const made = posted.length === 0 ? 'not posted' : `posted ${times(posted.length)}`;
  if (everyHour)
    return isForward ? 'posts every hour, and goes on' : `posts every hour; ${made} in these two`;
  const [first = ''] = due;
  const what = due.length === 1 ? first : `${first} and ${count(due.length - 1)} more`;
  const comes = due.length === 1 ? 'comes' : 'come';
  if (!isForward) return `${what} ${comes} twice; ${made}`;
  const where = posted.length === 0 ? 'not posted' : 'posted once, right after the gap';
  return `${what} ${due.length === 1 ? 'does' : 'do'} not come; ${where}`;
}
