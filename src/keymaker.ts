#!/usr/bin/env node
import { keymaker, start } from './cli/program.ts';

await start(keymaker, process.argv.slice(2));
