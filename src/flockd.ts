#!/usr/bin/env node
import { flockd } from './cli/flockd.ts';
import { runProgram } from './cli/program.ts';

await runProgram(flockd, process.argv.slice(2));
