/** Measures of a process. */
export interface ProcessState {
  /** Live objects on the heap, and buffers outside it. Megabytes. */
  heap: number;
  /** Resident memory. Megabytes. */
  rss: number;
  /** Open file descriptors. */
  files: number;
  /** Listeners of the process, plus the maximum of listeners of one handle: a socket, a server, a pipe. */
  listeners: number;
  /** Node's warnings so far, for example about too many listeners. */
  warnings: number;
  /** Timers, sockets and requests that keep the process alive. */
  active: number;
}

/** Collects the garbage, then measures this process. Needs --expose-gc. */
export declare function processState(): ProcessState;
