#!/usr/bin/env node
import { flockd, start } from './cli/program.ts';

await start(flockd, process.argv.slice(2));
