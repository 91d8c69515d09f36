/** Takes accounts as a flockd does, says which of them it has not got, and keeps the others until it is told to end. */
import { Presence } from '../../src/daemon/claims.ts';

const [, , root = '', state = '', marks = ''] = process.argv;
const presence = await Presence.announce({ root, state });
const held = await presence.take(marks.split(' '));
console.log(JSON.stringify([...held.keys()]));
process.stdin.resume().once('end', () => void presence[Symbol.asyncDispose]());
