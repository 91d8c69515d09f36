import { fileURLToPath } from 'node:url';

/**
 * The path of a file of this package, from the source and from what is built alike: both are one folder below its root.
 *
 * @param name - such as `dist/flockd.js`; the root itself where it is empty
 */
export const ownFile = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
