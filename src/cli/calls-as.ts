import path from 'node:path';
import { FlockError } from '../errors.ts';
import { shellWord } from '../text.ts';

/** Where a person said that the flock is. */
export interface GivenPlaces {
  root?: string | undefined;
  keys?: string | undefined;
}

/** A call that works where a command was called: it names the same places. @returns `keymaker reauth howl --keys DIR` */
export const callsAs =
  ({ root, keys }: GivenPlaces, program = 'keymaker') =>
  (call: string): string =>
    [
      `${program} ${root === undefined ? call : call.replace('./poems', shellWord(path.join(root, 'poems')))}`,
      ...(root === undefined ? [] : [`--root ${shellWord(root)}`]),
      ...(keys === undefined ? [] : [`--keys ${shellWord(keys)}`]),
    ].join(' ');

/** The calls that hints of those who know no places end with, or have in their midst. */
const calls = /\bkeymaker ((?:make-keys|encrypt --identity)(?: (?:[-.]\S*|[A-Z]+))*)/g;

/** A hint whose calls work where a command was called. */
export const hintAs = (places: GivenPlaces, hint: string): string =>
  hint.includes('--keys') ? hint : hint.replaceAll(calls, (_, call: string) => callsAs(places)(call));

/** Throws an error again, with a hint whose calls work where a command was called. */
export const retold =
  (places: GivenPlaces) =>
  (error: unknown): never => {
    if (!(error instanceof FlockError) || error.hint === undefined) throw error;
    throw new FlockError(error.exit, error.message, { hint: hintAs(places, error.hint), cause: error });
  };
