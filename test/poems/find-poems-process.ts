/** Says how many poems are below a folder. */
import { findPoems } from '../../src/poems/find.ts';

console.log((await findPoems(process.argv[2] ?? '')).poems.length);
