import type { Bot } from '../flock/load.ts';
import type { Datable } from './agenda.ts';

/** A bot in the daemon's hands. A large flock has many: what is true of few of them is kept elsewhere. */
export interface Runner extends Datable {
  bot: Bot;
  /**
   * `resting` between its steps, `busy` in one; `changed` if something about it changed during the step, `leaving` if it has
   * no good bundle any more. Then it is `gone`, even where it still stands in the row. What is done aside for it counts as a
   * step.
   */
  state: 'resting' | 'busy' | 'changed' | 'leaving' | 'gone';
}

/** With all that it may ever hold: a property that comes later takes three times the memory. */
export const runnerOf = (bot: Bot): Runner => ({ bot, state: 'resting', instant: undefined });
