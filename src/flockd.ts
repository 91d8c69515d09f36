#!/usr/bin/env node
import { flockd } from './cli/flockd.ts';
import { start } from './cli/program.ts';

await start(flockd, process.argv.slice(2));
