import type { Bot } from '../flock/load-flock.ts';
import type { Datable } from './agenda.ts';

/** A bot in the daemon's hands. A large flock has many: what is true of few of them is kept elsewhere. */
export interface Runner extends Datable {
  bot: Bot;
  /**
   * `resting` between its steps; `busy` in one, `changed` where something about it has changed since that began, and
   * `leaving` where it has no good bundle any more; `gone` afterwards.
   */
  state: 'resting' | 'busy' | 'changed' | 'leaving' | 'gone';
}

/** With all that it may ever hold: a property that comes later takes three times the memory. */
export const runnerOf = (bot: Bot): Runner => ({ bot, state: 'resting', instant: undefined });
