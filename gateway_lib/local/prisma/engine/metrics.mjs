/**
 * The engine's counters and gauges, under the names Prisma gives them.
 */

/** @typedef {{key: string, value: number, labels: Record<string, string>, description: string}} Metric */

/** Counts queries, and reads the pool. */
export class Metrics {
  #total = 0;
  #active = 0;

  /** @param {import('pg').Pool} pool */
  constructor(pool) {
    this.pool = pool;
  }

  /**
   * @template T
   * @param {() => Promise<T>} query
   * @returns {Promise<T>}
   */
  async timed(query) {
    this.#total += 1;
    this.#active += 1;
    try {
      return await query();
    } finally {
      this.#active -= 1;
    }
  }

  /**
   * @param {Record<string, string>} labels put on every metric
   * @returns {{counters: Metric[], gauges: Metric[], histograms: Metric[]}}
   */
  json(labels) {
    const { totalCount, idleCount, waitingCount } = this.pool;
    return {
      counters: [
        { key: 'prisma_client_queries_total', value: this.#total, labels, description: 'Prisma Client queries executed' },
      ],
      gauges: [
        { key: 'prisma_client_queries_active', value: this.#active, labels, description: 'Prisma Client queries running' },
        { key: 'prisma_client_queries_wait', value: waitingCount, labels, description: 'Queries waiting for a connection' },
        { key: 'prisma_pool_connections_open', value: totalCount, labels, description: 'Pool connections open' },
        { key: 'prisma_pool_connections_idle', value: idleCount, labels, description: 'Pool connections not in use' },
        {
          key: 'prisma_pool_connections_busy',
          value: totalCount - idleCount,
          labels,
          description: 'Pool connections in use',
        },
      ],
      histograms: [],
    };
  }

  /**
   * @param {Record<string, string>} labels
   * @returns {string} in Prometheus' text format
   */
  text(labels) {
    const { counters, gauges } = this.json(labels);
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
    const suffix = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
    const lines = (/** @type {Metric[]} */ metrics, /** @type {string} */ type) =>
      metrics.map(
        ({ key, value, description }) => `# HELP ${key} ${description}\n# TYPE ${key} ${type}\n${key}${suffix} ${value}\n`,
      );
    return [...lines(counters, 'counter'), ...lines(gauges, 'gauge')].join('\n');
  }
}
