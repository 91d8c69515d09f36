import type { FlockPlan } from './flock-plan.ts';
import { beginningOfCalendar, endOfCalendar, formatEntry } from './ics.ts';

/** A plan for calendar programs, post by post. @param made - when it is made, in milliseconds since 1970 */
export function* planAsIcs(plan: FlockPlan, made: number): Generator<string> {
  const files = new Map(plan.chosen.map(({ name, file }) => [name, file]));
  yield beginningOfCalendar;
  for (const { bot, slot, at, text, line, lines } of plan.posts()) {
    const shown = lines === 1 ? `line ${line + 1}` : `lines ${line + 1} to ${line + lines}`;
    yield formatEntry({ bot, slot, at, text, note: `${shown} of ${files.get(bot) ?? ''}` }, made);
  }
  yield endOfCalendar;
}
