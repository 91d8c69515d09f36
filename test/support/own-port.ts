let count = 0;

/**
 * A port of this machine on which nobody listens, and which nobody else is given meanwhile: it is below those that the system
 * hands out.
 */
export const ownPort = (): number => 10_000 + ((process.pid * 64 + count++) % 20_000);
