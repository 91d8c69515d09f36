import { readFileSync } from 'node:fs';
import { ownFile } from '../../fs.ts';
import { complete, type Completion } from '../complete.ts';
import type { Manual } from '../manual.ts';
import { botNames } from './bot-names.ts';
import { typedWords } from './typed-words.ts';

/**
 * Prints what could stand at the cursor of a shell's line: what of the disk could (`none`, `files` or `folders`), then a line
 * for each candidate, a tab between it and what it means. Whatever goes wrong, nothing is printed: somebody is typing.
 *
 * @param argv - `bash LINE`, or `zsh WORD…` and `fish WORD…` without the program's name and quotes; `--` after the shell
 */
export function answerShell(program: string, [shell, , ...rest]: readonly string[]): void {
  process.stdout.on('error', () => undefined);
  try {
    const words = shell === 'bash' ? wordsOfBash(rest[0] ?? '') : rest;
    process.stdout.write(shown(complete(readManual(program), words, botNames)));
  } catch {
    // No completion is better than an error in the middle of a line.
  }
}

/** Variables that are set for the call stand before the program's name. */
function wordsOfBash(line: string): string[] {
  const words = typedWords(line);
  return words.slice(words.findIndex((word) => !/^\w+=/.test(word)) + 1);
}

/** The build wrote it from this very program's tables, and to parse it would take as long as all the rest. */
const readManual = (program: string): Manual =>
  JSON.parse(readFileSync(ownFile(`dist/man/${program}.json`), 'utf8')) as Manual;

const shown = ({ paths, candidates }: Completion): string =>
  [paths, ...candidates.map(({ word, about }) => (about === '' ? word : `${word}\t${about}`)), ''].join('\n');
