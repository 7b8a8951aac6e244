/**
 * The bodies prisma-client-py posts: one query, or a batch of them.
 */
import { BadQuery } from './errors.mjs';
import { untagged } from './literals.mjs';

/** Runs GraphQL bodies on the WASM engine. */
export class Requests {
  /**
   * @param {import('./graphql.mjs').Translator} translator
   * @param {import('./wasm.mjs').WasmEngine} engine
   */
  constructor(translator, engine) {
    this.translator = translator;
    this.engine = engine;
  }

  /**
   * @param {any} body
   * @param {string} [transaction]
   * @returns {Promise<any>}
   */
  async run(body, transaction) {
    return Array.isArray(body.batch) ? this.#batch(body, transaction) : this.#single(body.query, transaction);
  }

  /**
   * @param {string} text
   * @param {string | undefined} transaction
   */
  async #single(text, transaction) {
    const data = {};
    for (const operation of this.translator.operations(text)) {
      const response = await this.engine.query(operation.request, transaction);
      if (response.errors) return response;
      data[operation.key] = result(operation, response);
    }
    return { data };
  }

  /**
   * The engine runs a batch itself: in one transaction when told to, and all of it fails when one query does.
   *
   * @param {{batch: {query: string}[], transaction?: boolean, isolationLevel?: string}} body
   * @param {string | undefined} transaction
   */
  async #batch({ batch, transaction: together, isolationLevel }, transaction) {
    const operations = batch.map(({ query }) => {
      const [operation, ...others] = this.translator.operations(query);
      if (others.length > 0) throw new BadQuery('a query of a batch has to hold one operation');
      return operation;
    });
    if (operations.length === 0) return { batchResult: [] };
    const response = await this.engine.query(
      { batch: operations.map((operation) => operation.request), ...(together && { transaction: { isolationLevel } }) },
      transaction,
    );
    if (response.errors) return response;
    return {
      batchResult: response.batchResult.map((each, index) =>
        each.errors ? each : { data: { [operations[index].key]: result(operations[index], each) } },
      ),
    };
  }
}

/**
 * @param {import('./graphql.mjs').Operation} operation
 * @param {{data: Record<string, any>}} response
 */
function result(operation, { data }) {
  const [value] = Object.values(data);
  return operation.request.action === 'queryRaw' ? value : untagged(value);
}
