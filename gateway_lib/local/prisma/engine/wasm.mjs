/**
 * Prisma's WASM query engine, the official build from `@prisma/client`, with JSON in and JSON out.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { CodedError } from './errors.mjs';

const require = createRequire(import.meta.url);
const { bindAdapter } = require('@prisma/driver-adapter-utils');

const RUNTIME = '@prisma/client/runtime/query_engine_bg.postgresql';
/** Error in external connector: the adapter threw, and the error itself waits in the registry. */
const EXTERNAL = 'P2036';
/** No trace is kept; the engine wants the field all the same. */
const NO_TRACE = JSON.stringify({});

async function load() {
  const bindings = require(`${RUNTIME}.js`);
  const module = await WebAssembly.compile(await readFile(require.resolve(`${RUNTIME}.wasm`)));
  const instance = await WebAssembly.instantiate(module, { './query_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start?.();
  return bindings.QueryEngine;
}

/** One engine for one schema on one adapter. */
export class WasmEngine {
  #engine;
  #registry;

  /**
   * @param {any} engine
   * @param {any} registry errors the adapter threw, by the id the engine passes around instead
   */
  constructor(engine, registry) {
    this.#engine = engine;
    this.#registry = registry;
  }

  /**
   * @param {string} datamodel text of the schema
   * @param {import('./adapter.mjs').Adapter} adapter
   * @returns {Promise<WasmEngine>}
   */
  static async start(datamodel, adapter) {
    const QueryEngine = await load();
    const bound = bindAdapter(adapter);
    const settings = { datamodel, logLevel: 'error', logQueries: false, enableMetrics: false, engineProtocol: 'json' };
    const environment = { datasourceOverrides: {}, env: {}, configDir: '.', ignoreEnvVarErrors: true };
    const engine = new QueryEngine({ ...settings, ...environment }, () => undefined, bound);
    await engine.connect(NO_TRACE);
    return new WasmEngine(engine, bound.errorRegistry);
  }

  /**
   * @param {object} request an operation, or `{batch, transaction}`
   * @param {string} [transaction] id of the interactive transaction to run in
   * @returns {Promise<any>}
   */
  async query(request, transaction) {
    return this.parsed(await this.queryText(request, transaction));
  }

  /**
   * @param {object} request
   * @param {string} [transaction]
   * @returns {Promise<string>} the engine's response as it is
   */
  queryText(request, transaction) {
    return this.#engine.query(JSON.stringify(request), NO_TRACE, transaction);
  }

  /**
   * @param {string} response
   * @returns {any}
   */
  parsed(response) {
    return this.#withCauses(JSON.parse(response));
  }

  /**
   * @param {object} options `timeout`, `max_wait` and `isolation_level`
   * @returns {Promise<any>}
   */
  async startTransaction(options) {
    return this.parsed(await this.#engine.startTransaction(JSON.stringify(options), NO_TRACE));
  }

  /**
   * @param {string} id
   * @returns {Promise<any>}
   */
  async commit(id) {
    return this.parsed(await this.#engine.commitTransaction(id, NO_TRACE));
  }

  /**
   * @param {string} id
   * @returns {Promise<any>}
   */
  async rollback(id) {
    return this.parsed(await this.#engine.rollbackTransaction(id, NO_TRACE));
  }

  /**
   * Puts the adapter's own errors where the engine only says that there was one.
   *
   * @param {any} response
   */
  #withCauses(response) {
    if (response.error_code === EXTERNAL) return this.#cause(response).toJSON().user_facing_error;
    const expand = (/** @type {any} */ each) =>
      each.user_facing_error?.error_code === EXTERNAL ? this.#cause(each.user_facing_error).toJSON() : each;
    if (response.errors) return { ...response, errors: response.errors.map(expand) };
    if (response.batchResult) return { ...response, batchResult: response.batchResult.map(this.#withCauses, this) };
    return response;
  }

  /** @param {{message: string, meta?: {id?: number}}} external */
  #cause({ message, meta }) {
    const id = Number(meta?.id ?? /id (\d+)/.exec(message)?.[1]);
    const cause = this.#registry.consumeError(id)?.error;
    delete this.#registry.registeredErrors[id];
    return cause instanceof CodedError ? cause : new CodedError(EXTERNAL, String(cause?.message ?? message));
  }
}
