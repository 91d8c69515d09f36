import type { Bot } from '../../src/config/flock-file.ts';
import type { Plant } from './plant.ts';
import type { Scenario } from './scenario.ts';

/** A bot in one process, and when its next step is due. */
export interface Runner {
  bot: Bot;
  next: number;
  busy: boolean;
  /** Steps it took in the epilogue. */
  extra: number;
}

export const runnersOf = ({ bots }: Scenario, plant: Plant | undefined): Runner[] =>
  bots.map((bot) => ({
    bot: plant?.settings ? { ...bot, settings: { ...bot.settings, ...plant.settings } } : bot,
    next: 0,
    busy: false,
    extra: 0,
  }));
