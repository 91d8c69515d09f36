/** Says how many of many files were read ahead. Arguments: a file, which is all of them, and what a thread runs. */
import { readAhead } from '../../src/keys/read-ahead.ts';

const [file = '', program] = process.argv.slice(2);
const things = Array.from({ length: 5003 }, () => ({ file }));
let read = 0;
for await (const [, text] of readAhead(things, { largest: 1000 }, program)) if (text !== undefined) read++;
console.log(`${read} of ${things.length} were read`);
