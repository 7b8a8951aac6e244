/**
 * The bodies prisma-client-py posts: one query, or a batch of them.
 */
import { BadQuery } from './errors.mjs';
import { untagged } from './literals.mjs';

const ROWS = /^\{"data":\{"queryRaw":(.*)\}\}$/s;

/** Runs GraphQL bodies on the WASM engine. */
export class Requests {
  /**
   * @param {import('./graphql.mjs').Translator} translator
   * @param {import('./wasm.mjs').WasmEngine} engine
   * @param {import('./transactions.mjs').Transactions} transactions
   */
  constructor(translator, engine, transactions) {
    this.translator = translator;
    this.engine = engine;
    this.transactions = transactions;
  }

  /**
   * @param {any} body
   * @param {string} [transaction]
   * @returns {Promise<string>} the answer, as JSON
   */
  async run(body, transaction) {
    if (transaction !== undefined) this.transactions.require(transaction);
    if (!Array.isArray(body.batch)) return this.#single(body.query, transaction);
    return JSON.stringify(await this.#batch(body, transaction));
  }

  /**
   * @param {string} text
   * @param {string | undefined} transaction
   */
  async #single(text, transaction) {
    const members = [];
    for (const operation of this.translator.operations(text)) {
      const response = await this.engine.queryText(operation.request, transaction);
      // rows stay text: numbers of JSON columns would lose digits and fractions if they were read here
      const rows = operation.request.action === 'queryRaw' ? ROWS.exec(response)?.[1] : undefined;
      const value = rows ?? this.#value(response);
      if (typeof value !== 'string') return JSON.stringify(value);
      members.push(`${JSON.stringify(operation.key)}:${value}`);
    }
    return `{"data":{${members.join(',')}}}`;
  }

  /**
   * @param {string} response
   * @returns {string | {errors: unknown[]}} the value, as JSON
   */
  #value(response) {
    const parsed = this.engine.parsed(response);
    return parsed.errors ? parsed : JSON.stringify(result(parsed));
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
        each.errors ? each : { data: { [operations[index].key]: result(each) } },
      ),
    };
  }
}

/** @param {{data: Record<string, any>}} response */
function result({ data }) {
  return untagged(Object.values(data)[0]);
}
