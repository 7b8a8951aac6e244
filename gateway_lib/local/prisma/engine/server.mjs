/**
 * The HTTP protocol of Prisma's query engine, as far as prisma-client-py uses it.
 */
import { createServer } from 'node:http';
import { CodedError } from './errors.mjs';

const TRANSACTION_PATH = /^\/transaction\/([^/]+)\/(commit|rollback)$/;
/** Statuses of the native engine for errors of the transaction API. */
const TRANSACTION_STATUSES = [
  [/unable to start a transaction in the given time/i, 504],
  [/transaction not found/i, 404],
  [/transaction already closed/i, 422],
];

/**
 * @typedef {{status: number, body: any}} Answer
 */

/** Answers the requests. */
export class Server {
  /**
   * @param {import('./requests.mjs').Requests} requests
   * @param {import('./wasm.mjs').WasmEngine} engine
   * @param {import('./metrics.mjs').Metrics} metrics
   */
  constructor(requests, engine, metrics) {
    this.requests = requests;
    this.engine = engine;
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
      answer = { status: 200, body: { data: null, errors: [known.toJSON()] } };
    }
    const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
    const type = typeof answer.body === 'string' ? 'text/plain' : 'application/json';
    response.writeHead(answer.status, { 'content-type': `${type}; charset=utf-8` }).end(text);
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @returns {Promise<Answer>}
   */
  async #answer(request) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://engine');
    if (request.method === 'GET' && pathname === '/status') return { status: 200, body: { status: 'ok' } };
    if (request.method === 'GET' && pathname === '/metrics') return this.#metrics(searchParams, await text(request));
    if (request.method !== 'POST') return { status: 405, body: 'method not allowed' };
    if (pathname === '/') return this.#query(request);
    if (pathname === '/transaction/start') {
      return transactionAnswer(await this.engine.startTransaction(JSON.parse(await text(request))));
    }
    const [, id, end] = TRANSACTION_PATH.exec(pathname) ?? [];
    if (id === undefined) return { status: 404, body: 'not found' };
    return transactionAnswer(await (end === 'commit' ? this.engine.commit(id) : this.engine.rollback(id)));
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
    const body = parameters.get('format') === 'prometheus' ? this.metrics.text(global) : this.metrics.json(global);
    return { status: 200, body };
  }
}

/** @param {any} body */
function transactionAnswer(body) {
  if (!body.error_code) return { status: 200, body };
  const [, status] = TRANSACTION_STATUSES.find(([pattern]) => pattern.test(body.message)) ?? [undefined, 500];
  return { status, body };
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
