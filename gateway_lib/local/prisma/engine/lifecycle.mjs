/**
 * When this process ends: on a signal, or when the process that started it is gone.
 */

const INTERVAL = 300; // milliseconds

/**
 * A parent ended by SIGKILL can tell nobody. Its children get another parent, which this notices. The standard input
 * says nothing: it is the parent's own, shared with it.
 *
 * @param {number} parent process id of whoever started the engine, taken before Node had started
 */
export function endWithParent(parent) {
  const check = () => {
    if (process.ppid !== parent) process.exit(0);
  };
  check();
  setInterval(check, INTERVAL).unref();
}

/** Transactions still open roll back when their connections close. */
export function endOnSignal() {
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
}
