/*
 * Lets pages be served by a Node without WebAssembly (`--jitless`, which `MemoryDenyWriteExecute=` requires). hono uses Node's
 * own Request and Response. These load Node's fetch, which compiles WebAssembly at once and would end the process. Here the
 * compilation never ends, and nothing on these pages uses fetch. This module is imported before hono.
 */
if (!('WebAssembly' in globalThis))
  Object.assign(globalThis, { WebAssembly: { compile: () => new Promise(() => undefined) } });
