let count = 0;

/**
 * A port of this machine on which nobody listens. It is below those that the system hands out, and those of other test files
 * are others, but for one in hundreds.
 */
export const ownPort = (): number => 10_000 + ((process.pid * 64 + count++) % 20_000);
