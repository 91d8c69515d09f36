import type { BuildOptions } from 'esbuild';

/** esbuild's options for every bundle of this project. */
export declare const joining: BuildOptions;
/** Bundles scripts with their imports. @returns the files of node_modules in the bundles */
export declare function bundle(files: string[], folder: string): Promise<string[]>;
