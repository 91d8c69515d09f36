import type { Account } from '../../src/networks/network.ts';
import type { Clock } from '../../src/clock.ts';
import type { BotSettings } from '../../src/config/flock-file.ts';
import type { StateFolder } from '../../src/ledger/folder.ts';
import type { Journal, Ledger } from '../../src/ledger/journal.ts';
import type { Memory, RunnerOptions } from '../../src/posting/bot-runner.ts';
import type { Scenario } from './scenario.ts';

/** A wrong variant of the protocol, made by putting something between the real code and what it stands on. */
export interface Plant {
  name: string;
  folder?: (folder: StateFolder) => StateFolder;
  ledger?: (ledger: Journal) => Ledger;
  x?: (x: Account) => Account;
  clock?: (clock: Clock) => Clock;
  settings?: Partial<BotSettings>;
  deadline?: number;
  /** Puts something else in the place of what a runner remembers. */
  memory?: (options: RunnerOptions) => Partial<Memory>;
  /** Makes histories in which it shows soon, where it shows in few. */
  adapt?: (scenario: Scenario) => Scenario;
}
