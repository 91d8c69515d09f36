/** What a process holds. */
export interface ProcessState {
  /** What is alive on the heap, and in buffers beside it. Megabytes. */
  heap: number;
  /** What the process has in memory. Megabytes. */
  rss: number;
  /** Open file descriptors. */
  files: number;
  /** Listeners of the process, and the most that anything has that keeps it alive: a socket, a server, a pipe. */
  listeners: number;
  /** Node's own of the process so far: of too many listeners of one thing, for one. */
  warnings: number;
  /** Timers, sockets and requests that keep it alive. */
  active: number;
}

/** What this process holds once its garbage is collected. Needs --expose-gc. */
export declare function processState(): ProcessState;
