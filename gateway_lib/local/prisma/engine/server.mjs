/**
 * The HTTP protocol of Prisma's query engine, as far as prisma-client-py uses it.
 */
import { createServer } from 'node:http';
import { CodedError, TransactionError } from './errors.mjs';

const PLAIN = 'text/plain';
const TRANSACTION_PATH = /^\/transaction\/([^/]+)\/(commit|rollback)$/;
/** @typedef {{status: number, body: string, type?: string}} Answer JSON, unless the type says otherwise */

/** Answers the requests. */
export class Server {
  /**
   * @param {import('./requests.mjs').Requests} requests
   * @param {import('./transactions.mjs').Transactions} transactions
   * @param {import('./metrics.mjs').Metrics} metrics
   */
  constructor(requests, transactions, metrics) {
    this.requests = requests;
    this.transactions = transactions;
    this.metrics = metrics;
  }

  /**
   * @param {number} port
   * @param {string} host
   * @returns {Promise<import('node:http').Server>}
   */
  listen(port, host) {
    const server = createServer((request, response) => this.#serve(request, response));
    // a client that keeps its connections must not meet one that was just closed
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => resolve(server));
    });
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #serve(request, response) {
    let answer;
    try {
      answer = await this.#answer(request);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) crash(error);
      const known = error instanceof CodedError ? error : new CodedError('P2036', String(error?.message ?? error));
      answer = json(200, { data: null, errors: [known.toJSON()] });
    }
    const { status, body, type = 'application/json' } = answer;
    response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(body);
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @returns {Promise<Answer>}
   */
  async #answer(request) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://engine');
    if (request.method === 'GET' && pathname === '/status') return json(200, { status: 'ok' });
    if (request.method === 'GET' && pathname === '/metrics') return this.#metrics(searchParams, await text(request));
    if (request.method !== 'POST') return { status: 405, body: 'method not allowed', type: PLAIN };
    if (pathname === '/') return this.#query(request);
    return this.#transaction(pathname, request);
  }

  /**
   * @param {string} pathname
   * @param {import('node:http').IncomingMessage} request
   * @returns {Promise<Answer>}
   */
  async #transaction(pathname, request) {
    const [, id, end] = TRANSACTION_PATH.exec(pathname) ?? [];
    try {
      if (pathname === '/transaction/start') {
        return transactionAnswer(await this.transactions.start(JSON.parse(await text(request))));
      }
      if (id === undefined) return { status: 404, body: 'not found', type: PLAIN };
      const ended = end === 'commit' ? this.transactions.commit(id) : this.transactions.rollback(id);
      return transactionAnswer(await ended);
    } catch (error) {
      if (error instanceof TransactionError) return json(error.status, error.toJSON().user_facing_error);
      throw error;
    }
  }

  /** @param {import('node:http').IncomingMessage} request */
  async #query(request) {
    const transaction = request.headers['x-transaction-id']?.toString();
    const body = JSON.parse(await text(request));
    return { status: 200, body: await this.metrics.timed(() => this.requests.run(body, transaction)) };
  }

  /**
   * @param {URLSearchParams} parameters
   * @param {string} labels JSON, or nothing
   */
  #metrics(parameters, labels) {
    const global = labels ? JSON.parse(labels) : {};
    if (parameters.get('format') !== 'prometheus') return json(200, this.metrics.json(global));
    return { status: 200, body: this.metrics.text(global), type: PLAIN };
  }
}

/**
 * @param {number} status
 * @param {object} body
 * @returns {Answer}
 */
function json(status, body) {
  return { status, body: JSON.stringify(body) };
}

/** @param {any} body */
function transactionAnswer(body) {
  return json(body.error_code ? 500 : 200, body);
}

/** @param {import('node:http').IncomingMessage} request */
async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * After a trap the WASM instance cannot be used any more; whoever started this process starts another.
 *
 * @param {Error} error
 * @returns {never}
 */
function crash(error) {
  process.stderr.write(`query-engine: the WASM engine failed: ${error.stack}\n`);
  process.exit(101);
}
