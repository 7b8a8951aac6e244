/**
 * A Prisma connection URL, with the parameters Prisma documents, as settings for node-postgres.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

/**
 * @typedef {object} Connection
 * @property {string} address host and port, for messages
 * @property {string | undefined} schema
 * @property {number} poolTimeout seconds to wait for a free connection; 0 waits for ever
 * @property {number} limit connections at most
 * @property {import('pg').PoolConfig} pool
 * @property {number} connectTimeout seconds for one connection to be made
 */

const MILLISECONDS = 1000;

/**
 * @param {string} url `postgresql://user:password@host:port/database?connection_limit=5&pool_timeout=10`
 * @returns {Connection}
 */
export function connection(url) {
  const { hostname, port, username, password, pathname, searchParams: parameters } = new URL(url);
  const host = parameters.get('host') ?? decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1');
  const limit = positive(parameters, 'connection_limit', parallelism() * 2 + 1);
  return {
    address: `${host}:${port || '5432'}`,
    schema: parameters.get('schema') ?? undefined,
    poolTimeout: count(parameters, 'pool_timeout', 10),
    connectTimeout: count(parameters, 'connect_timeout', 5),
    limit,
    pool: {
      host: host || 'localhost',
      port: Number(port || '5432'),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      database: decodeURIComponent(pathname.slice(1)),
      max: limit,
      idleTimeoutMillis: count(parameters, 'max_idle_connection_lifetime', 300) * MILLISECONDS,
      maxLifetimeSeconds: count(parameters, 'max_connection_lifetime', 0),
      query_timeout: count(parameters, 'socket_timeout', 0) * MILLISECONDS,
      keepAlive: true,
      application_name: parameters.get('application_name') ?? undefined,
      options: parameters.get('options') ?? undefined,
      ssl: encryption(parameters),
    },
  };
}

/**
 * `prefer`, Prisma's default, means no encryption here: the engine serves a stack on one machine.
 *
 * @param {URLSearchParams} parameters
 */
function encryption(parameters) {
  const mode = parameters.get('sslmode') ?? 'prefer';
  if (mode === 'disable' || mode === 'prefer') return false;
  if (parameters.has('sslidentity')) throw new Error('sslidentity is not supported; use sslmode with sslcert');
  const certificate = parameters.get('sslcert');
  return {
    rejectUnauthorized: parameters.get('sslaccept') === 'strict',
    ...(certificate && { ca: readFileSync(certificate, 'utf8') }),
  };
}

/**
 * @param {URLSearchParams} parameters
 * @param {string} name
 * @param {number} standard
 */
function count(parameters, name, standard) {
  const text = parameters.get(name);
  if (text === null) return standard;
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw new Error(`${name}=${text} is not a whole number`);
  return number;
}

/**
 * @param {URLSearchParams} parameters
 * @param {string} name
 * @param {number} standard
 */
function positive(parameters, name, standard) {
  const number = count(parameters, name, standard);
  if (number === 0) throw new Error(`${name} has to be at least 1`);
  return number;
}

function parallelism() {
  return availableParallelism?.() ?? cpus().length;
}
