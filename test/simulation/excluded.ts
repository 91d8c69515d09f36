import { parseExport } from '../../src/posting/ledger-export.ts';
import type { Ledger } from '../../src/posting/ledger.ts';
import { prints } from '../../src/posting/place.ts';
import type { Scenario } from './scenario.ts';

/** By how much a look at the timeline begins earlier than where it should. */
const skew = 300_000;

/**
 * What random histories leave out because a restored bot is known to break the promise there. Nothing of it is beyond
 * what a bot could know, and each is in found.ts as a history with a limit: both go when the bug does.
 */
export class Excluded {
  readonly #scenario: Scenario;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /**
   * A line that was posted after the export, and changed before the look, stands on the timeline as it no longer reads in
   * the poem. A refrain that was joined is not known again where the poem is changed during the look.
   */
  isEditInTheWay(bot: string, elapsed: number, ledger: Ledger | undefined): boolean {
    const { happenings, hasKnownBugs } = this.#scenario;
    if (hasKnownBugs === true) return false;
    const isExported = happenings.some(({ what, at }) => what === 'export' && at <= elapsed);
    const isRestoreComing = happenings.some(({ what, at }) => what === 'restore' && at >= elapsed);
    const state = ledger?.state(bot);
    const isLooking = state?.restored === true || state?.open?.look === true;
    // Without a ledger the restore may be under way.
    return isExported && (isRestoreComing || !ledger || isLooking);
  }

  /**
   * A post that was in doubt when it was exported, and was never accepted, is taken for a later one with its words; and
   * where X refused the last lines of a pass, those of the next pass are not looked for. A bot that has no post yet looks
   * from its last slot on, though it may have been settled by a clock that was ahead.
   */
  isExportInTheWay(text: string, trueNow: number): boolean {
    const { bots, duplicateWindow, hasKnownBugs } = this.#scenario;
    if (hasKnownBugs === true) return false;
    const { states } = parseExport(text, 'export.json');
    return bots.some(({ name, settings: { refrain, atEnd } }) => {
      const { open, place, last, served = 0 } = states.get(name) ?? {};
      const readsAlike = prints(place?.poem ?? '').filter((print) => print === open?.print).length;
      const mayComeAgain =
        open && open.look !== true && (readsAlike > 1 || open.lines > 1 || atEnd === 'loop');
      const isAhead = !last && served > trueNow + skew;
      return (
        isAhead || mayComeAgain === true || (atEnd === 'loop' && refrain === 'skip' && duplicateWindow > 0)
      );
    });
  }
}
