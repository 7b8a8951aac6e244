/**
 * Errors, in the shape in which Prisma's native engine answers them and prisma-client-py reads them.
 */

/**
 * @typedef {{is_panic: boolean, message: string, meta: Record<string, unknown>, error_code?: string}} UserFacing
 * @typedef {{error: string, user_facing_error: UserFacing}} EngineError
 */

/** An error with one of the codes of https://www.prisma.io/docs/orm/reference/error-reference. */
export class CodedError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {Record<string, unknown>} [meta]
   * @param {string} [error] the engine's own words, which prisma-client-py reads for some codes
   */
  constructor(code, message, meta = {}, error = message) {
    super(message);
    this.code = code;
    this.meta = meta;
    this.error = error;
  }

  /** @returns {EngineError} */
  toJSON() {
    return {
      error: this.error,
      user_facing_error: { is_panic: false, message: this.message, meta: this.meta, error_code: this.code },
    };
  }
}

/** The query is not one this engine can read; P2009 is Prisma's code for a query that does not validate. */
export class BadQuery extends CodedError {
  /** @param {string} message */
  constructor(message) {
    super('P2009', `Failed to validate the query: ${message}`, { kind: 'BadQuery', query_validation_error: message });
  }
}

/** The query can be read, but holds a value that no field can have; P2007 is Prisma's code for invalid data. */
export class BadValue extends CodedError {
  /** @param {string} message */
  constructor(message) {
    super('P2007', `Data validation error: ${message}`, { database_error: message });
  }
}

/** The server could not be reached at all: refused, not found, no answer in time, or still starting up. */
export class ServerUnreachable extends CodedError {
  /**
   * @param {string} address
   * @param {string} reason
   */
  constructor(address, reason) {
    super('P1001', `Can't reach database server at \`${address}\` (${reason})`, { database_location: address });
  }
}

/** SQLSTATEs with which PostgreSQL refuses a connection -> Prisma's code and words. */
const REFUSALS = new Map([
  ['28P01', ['P1000', 'Authentication failed against database server']],
  ['28000', ['P1000', 'Authentication failed against database server']],
  ['3D000', ['P1003', 'Database does not exist']],
  ['53300', ['P2037', 'Too many database connections opened']],
]);

/** The server was reached and does not let this client in. */
export class ConnectionRefused extends CodedError {
  /** @param {{code?: string, message: string}} refusal */
  constructor({ code, message }) {
    const [prismaCode, words] = REFUSALS.get(code ?? '') ?? ['P1011', 'Error opening a connection'];
    super(prismaCode, `${words}: ${message}`, { code, message });
  }
}

/** The connection was lost while it was used. */
export class ConnectionLost extends CodedError {
  /**
   * @param {string} address
   * @param {string} reason
   */
  constructor(address, reason) {
    super('P1017', `Server has closed the connection: connection closed by \`${address}\` (${reason})`);
  }
}

/** Every connection of the pool was in use for the whole of `pool_timeout`. */
export class PoolExhausted extends CodedError {
  /**
   * @param {number} limit
   * @param {number} seconds
   */
  constructor(limit, seconds) {
    super(
      'P2024',
      'Timed out fetching a new connection from the connection pool. ' +
        `(Current connection pool timeout: ${seconds}, connection limit: ${limit})`,
      { connection_limit: limit, timeout: seconds },
    );
  }
}

/** An error of the transaction API; answered with a status of its own where it ends a transaction. */
export class TransactionError extends CodedError {
  /**
   * @param {number} status
   * @param {string} error
   */
  constructor(status, error) {
    super('P2028', `Transaction API error: ${error}`, { error }, error);
    this.status = status;
  }
}

/** The transaction was ended before. */
export class TransactionClosed extends TransactionError {
  /** @param {string} end how */
  constructor(end) {
    super(422, `Transaction already closed: it is ${end} and cannot be used any more.`);
  }
}

/** There is no such transaction; perhaps it was one of an engine before this one. */
export class TransactionUnknown extends TransactionError {
  constructor() {
    super(404, 'Transaction not found. Its id is wrong, or it was started before the engine was.');
  }
}

/** No connection became free for the transaction within its `max_wait`. */
export class TransactionNotStarted extends TransactionError {
  constructor() {
    super(504, 'Unable to start a transaction in the given time.');
  }
}
