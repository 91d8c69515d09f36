#!/usr/bin/env node
import { keymaker } from './cli/keymaker.ts';
import { runProgram } from './cli/program.ts';

await runProgram(keymaker, process.argv.slice(2));
