/**
 * Measures the source by its syntax trees and reports missed goals:
 *   npm run house [-- FOLDER]    default: src; ends with 1 if a goal is missed, and with 64 if there is no such folder
 */
import { statSync } from 'node:fs';
import { measure } from './figures.ts';
import { missedGoals, tableOf } from './goals.ts';

function run(folder: string): number {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    console.error(`there is no folder ${folder}`);
    return 64;
  }
  const figures = measure(folder);
  console.log(tableOf(figures));
  const missed = missedGoals(figures);
  for (const line of missed) console.error(line);
  return missed.length > 0 ? 1 : 0;
}

process.exitCode = run(process.argv[2] ?? 'src');
