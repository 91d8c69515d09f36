import * as z from 'zod';
import { isSafeAddress } from '../http/exchange.ts';
import { parseDuration } from '../text.ts';

/*
 * Values that several settings of `flock.json` have.
 */

export const address = z
  .string('should be an address')
  .refine(isSafeAddress, 'should be an https address, or http to this machine itself')
  .meta({ description: 'An https address' });

export const someText = z.string('should be text').min(1, 'is empty');

/** Milliseconds. @param examples - for the message */
export const durationLike = (examples: string) => {
  const message = `should be a duration such as ${examples}`;
  return z
    .string(message)
    .refine((value) => parseDuration(value) !== undefined, message)
    .transform((value) => parseDuration(value) ?? 0);
};
