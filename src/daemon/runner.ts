import type { Bot } from '../flock/load-flock.ts';
import type { Datable } from './agenda.ts';

/** A bot in the daemon's hands. */
export interface Runner extends Datable {
  bot: Bot;
  busy: boolean;
  /** Something about it changed while it was busy. */
  changed: boolean;
  /** It has no good bundle any more. */
  gone: boolean;
  /** X let it wait, and has taken no post of it quickly since. */
  isSlow: boolean;
  /** What a person told it, to be carried out between its steps. */
  orders?: (() => Promise<void>)[] | undefined;
}

/** With all that it may ever hold: a property that comes later takes three times the memory. */
export const runnerOf = (bot: Bot): Runner => ({
  bot,
  busy: false,
  changed: false,
  gone: false,
  isSlow: false,
  orders: undefined,
  entry: undefined,
});

/** What a person told a bot since it was asked last. */
export function ordersOf(runner: Runner): (() => Promise<void>)[] {
  const { orders = [] } = runner;
  runner.orders = undefined;
  return orders;
}
