import type { BuildOptions } from 'esbuild';

/** How anything of this project is joined with what it imports. */
export declare const joining: BuildOptions;
/** Joins scripts with what they import. @returns the files of node_modules that are in them */
export declare function bundle(files: string[], folder: string): Promise<string[]>;
