/**
 * Interactive transactions by their ids.
 *
 * The WASM engine panics when it is asked for a transaction it does not know or has forgotten, and a client that
 * outlived an engine asks for just those; so it is asked only for open ones.
 */
import { TransactionClosed, TransactionNotStarted, TransactionUnknown } from './errors.mjs';

/** Ended transactions that are remembered for the sake of a better message. */
const REMEMBERED = 1000;

/** @typedef {'committed' | 'rolled back' | 'expired'} End */

/** The transactions of one engine. */
export class Transactions {
  /** @type {Map<string, NodeJS.Timeout>} */
  #open = new Map();
  /** @type {Map<string, End>} */
  #ended = new Map();

  /** @param {import('./wasm.mjs').WasmEngine} engine */
  constructor(engine) {
    this.engine = engine;
  }

  /**
   * @param {{timeout: number, max_wait: number, isolation_level?: string}} options times in milliseconds
   * @returns {Promise<any>} its id, or an error
   */
  async start(options) {
    const answer = await this.#inTime(this.engine.startTransaction(options), options.max_wait);
    if (answer.id !== undefined) {
      const expiry = setTimeout(() => this.#end(answer.id, 'expired'), options.timeout);
      this.#open.set(answer.id, expiry.unref());
    }
    return answer;
  }

  /**
   * @param {string} id
   * @returns {Promise<any>}
   */
  async commit(id) {
    this.require(id);
    this.#end(id, 'committed');
    return this.engine.commit(id);
  }

  /**
   * @param {string} id
   * @returns {Promise<any>}
   */
  async rollback(id) {
    this.require(id);
    this.#end(id, 'rolled back');
    return this.engine.rollback(id);
  }

  /**
   * @param {string} id
   * @throws {TransactionClosed | TransactionUnknown} unless it is open
   */
  require(id) {
    if (this.#open.has(id)) return;
    const end = this.#ended.get(id);
    throw end === undefined ? new TransactionUnknown() : new TransactionClosed(end);
  }

  /**
   * The engine itself waits as long as the pool does. A transaction that starts too late is rolled back at once.
   *
   * @param {Promise<any>} start
   * @param {number} limit milliseconds
   */
  async #inTime(start, limit) {
    const { promise, cancel } = deadline(limit);
    const first = await Promise.race([start, promise]);
    cancel();
    if (first !== undefined) return first;
    start.then(({ id }) => id && this.engine.rollback(id)).catch(() => undefined);
    throw new TransactionNotStarted();
  }

  /**
   * @param {string} id
   * @param {End} end
   */
  #end(id, end) {
    clearTimeout(this.#open.get(id));
    this.#open.delete(id);
    this.#ended.set(id, end);
    if (this.#ended.size > REMEMBERED) this.#ended.delete(this.#ended.keys().next().value);
  }
}

/** @param {number} limit milliseconds */
function deadline(limit) {
  /** @type {NodeJS.Timeout} */
  let timer;
  const promise = new Promise((resolve) => {
    timer = setTimeout(resolve, limit);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
