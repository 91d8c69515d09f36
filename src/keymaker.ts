#!/usr/bin/env node
import { keymaker } from './cli/keymaker.ts';
import { start } from './cli/program.ts';

await start(keymaker, process.argv.slice(2));
