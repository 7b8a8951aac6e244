/**
 * The driver adapter between Prisma's WASM engine and node-postgres.
 *
 * `@prisma/adapter-pg` 5.22 is not used: it lets the error event of a connection lost inside a transaction end the
 * process, puts broken connections back into the pool, assumes UTC sessions, and cannot read `name`, `void` or lists
 * of timestamps with time zone.
 */
import { createRequire } from 'node:module';
import { column } from './columns.mjs';
import { ConnectionLost, ConnectionRefused, PoolExhausted, ServerUnreachable } from './errors.mjs';

const require = createRequire(import.meta.url);
const pg = require('pg');
const { err, ok } = require('@prisma/driver-adapter-utils');

/**
 * @typedef {{sql: string, args: unknown[]}} Query
 * @typedef {import('./connection.mjs').Connection} Connection
 * @typedef {import('pg').PoolClient} Client
 */

const ADAPTER = { provider: 'postgres', adapterName: 'gateway-workbench-pg' };
const MILLISECONDS = 1000;
const POOL_TIMED_OUT = 'timeout exceeded when trying to connect';
/** connection exceptions, admin_shutdown, crash_shutdown */
const LOST = /^08|^57P0[12]$/;
/** the same, or cannot_connect_now: the server is starting up or shutting down */
const UNREACHABLE = /^08|^57P0[123]$/;

const FORM = {
  rowMode: 'array',
  // one statement at a time, with or without parameters
  queryMode: 'extended',
  // text of a column as it is; columns.mjs reads it once its type is known
  types: { getTypeParser: () => (/** @type {string} */ text) => text },
};

/**
 * Runs one statement on a connection.
 *
 * @param {Connection} connection
 * @param {Client} client
 * @param {Query} query
 */
async function run(connection, client, { sql, args }) {
  try {
    return ok(await client.query({ text: sql, values: args.map(parameter), ...FORM }));
  } catch (error) {
    if (error instanceof pg.DatabaseError && !LOST.test(error.code)) return refused(error);
    // without an SQLSTATE it comes from the socket, unless node-postgres itself could not encode a value
    throw error instanceof TypeError ? error : new ConnectionLost(connection.address, error.message);
  }
}

/** @param {import('pg').DatabaseError} error */
function refused({ code, severity, message, detail, column, hint }) {
  return err({ kind: 'Postgres', code, severity, message, detail, column, hint });
}

/** @param {unknown} value */
function parameter(value) {
  if (Array.isArray(value)) return value.map(parameter);
  return ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

/** @param {{fields: {name: string, dataTypeID: number}[], rows: (string | null)[][]}} result */
function resultSet({ fields, rows }) {
  const columns = [];
  for (const { dataTypeID: oid } of fields) {
    const known = column(oid);
    if (known === undefined) return err({ kind: 'UnsupportedNativeDataType', type: typeName(oid) });
    columns.push(known);
  }
  return ok({
    columnNames: fields.map((field) => field.name),
    columnTypes: columns.map((each) => each.type),
    rows: rows.map((row) => row.map((text, index) => (text === null ? null : columns[index].read(text)))),
  });
}

/** @param {number} oid */
function typeName(oid) {
  const known = Object.entries(pg.types.builtins).find(([, value]) => value === oid);
  return known ? known[0].toLowerCase() : `with oid ${oid}`;
}

/** A transaction: one connection, its statements one after the other, given back when it ends. */
class Transaction {
  provider = ADAPTER.provider;
  adapterName = ADAPTER.adapterName;
  /** The engine itself sends BEGIN, COMMIT and ROLLBACK. */
  options = { usePhantomQuery: false };
  /** @type {Error | undefined} */
  #broken;
  #released = false;
  #last = Promise.resolve();

  /**
   * @param {Connection} connection
   * @param {Client} client
   */
  constructor(connection, client) {
    this.connection = connection;
    this.client = client;
    this.onError = (/** @type {Error} */ error) => (this.#broken = error);
    client.on('error', this.onError);
  }

  startTransaction() {
    return ok(this);
  }

  /** @param {Query} query */
  async queryRaw(query) {
    return (await this.#run(query)).flatMap(resultSet);
  }

  /** @param {Query} query */
  async executeRaw(query) {
    return (await this.#run(query)).map((result) => result.rowCount ?? 0);
  }

  async commit() {
    return this.#release();
  }

  async rollback() {
    return this.#release();
  }

  /** @param {Query} query */
  async #run(query) {
    const turn = this.#last.then(() => run(this.connection, this.client, query));
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } catch (error) {
      this.#broken = error;
      throw error;
    }
  }

  #release() {
    if (!this.#released) {
      this.#released = true;
      this.client.release(this.#broken);
      this.client.off('error', this.onError);
    }
    return ok(undefined);
  }
}

/** Statements outside transactions, each on a connection of its own, and the start of transactions. */
export class Adapter {
  provider = ADAPTER.provider;
  adapterName = ADAPTER.adapterName;

  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
    const { schema, connectTimeout, poolTimeout } = connection;
    const session = ["SET TIME ZONE 'UTC'"];
    if (schema !== undefined) session.push(`SET search_path TO ${pg.escapeIdentifier(schema)}`);
    // the pool's one timeout is for a free connection; a connection being made has its own
    class Client extends pg.Client {
      /** @param {import('pg').ClientConfig} config */
      constructor(config) {
        const { password } = connection.pool; // which the pool's own options hide
        super({ ...config, password, connectionTimeoutMillis: connectTimeout * MILLISECONDS });
      }
    }
    this.pool = new pg.Pool({
      ...connection.pool,
      Client,
      connectionTimeoutMillis: poolTimeout * MILLISECONDS,
      onConnect: (/** @type {Client} */ client) => client.query(session.join('; ')),
    });
    // an idle connection died; the pool has already dropped it and the next query makes a new one
    this.pool.on('error', () => undefined);
  }

  getConnectionInfo() {
    return ok({ schemaName: this.connection.schema });
  }

  /** @param {Query} query */
  async queryRaw(query) {
    return this.#once((transaction) => transaction.queryRaw(query));
  }

  /** @param {Query} query */
  async executeRaw(query) {
    return this.#once((transaction) => transaction.executeRaw(query));
  }

  async transactionContext() {
    try {
      return ok(new Transaction(this.connection, await this.pool.connect()));
    } catch (error) {
      const { address, limit, poolTimeout } = this.connection;
      if (error.message === POOL_TIMED_OUT) throw new PoolExhausted(limit, poolTimeout);
      if (error instanceof pg.DatabaseError && !UNREACHABLE.test(error.code)) throw new ConnectionRefused(error);
      throw new ServerUnreachable(address, error.message || error.code);
    }
  }

  /** @param {(transaction: Transaction) => Promise<any>} use */
  async #once(use) {
    const { value: transaction } = await this.transactionContext();
    try {
      return await use(transaction);
    } finally {
      await transaction.commit();
    }
  }
}
