import type { Checkup, Known } from './checkup.ts';
import { examineBundles } from './bundles.ts';
import type { Finding } from './finding.ts';
import { examineAppKeys, examineFlockFile, examineKeysFolder } from './flock-files.ts';
import { examinePoems } from './poems.ts';
import { shownPath } from './shown-path.ts';

/** The half that costs nothing and asks nobody: what the flock's files say. */
export async function examineOffline(checkup: Checkup): Promise<{ findings: Finding[]; known: Known }> {
  const flock = await examineFlockFile(checkup);
  const folder = await examineKeysFolder(checkup);
  const keys = await examineAppKeys(checkup, folder.entries.length > 0);
  const bundles = await examineBundles(checkup, folder.entries, flock.flockFile, keys.appKeys);
  const held = new Set(bundles.held.map(({ bot }) => bot));
  const bad = new Set(folder.entries.map(({ bot }) => bot).filter((bot) => !held.has(bot)));
  const poems = await examinePoems(checkup, flock.flockFile, bad);
  const findings = [flock, folder, keys, bundles, poems].flatMap((part) => part.findings);
  return {
    findings: findings.map((finding) => withShownPaths(finding, checkup)),
    known: { flockFile: flock.flockFile, appKeys: keys.appKeys, held: bundles.held },
  };
}

/** What other parts of the program say names files in full. */
function withShownPaths(finding: Finding, { paths }: Checkup): Finding {
  const short = (text: string): string =>
    [paths.keys, paths.root].reduce((said, folder) => {
      const shown = shownPath(`${folder}/x`).slice(0, -1);
      return said.replaceAll(`${folder}/`, shown);
    }, text);
  return { ...finding, message: short(finding.message), hint: finding.hint && short(finding.hint) };
}
