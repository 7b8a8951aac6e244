/**
 * Stands in for Prisma's native `query-engine` binary: the same options, environment and HTTP protocol.
 *
 * Environment: PRISMA_DML_PATH, OVERWRITE_DATASOURCES and whatever variable the schema's datasource names, as
 * prisma-client-py sets them; GATEWAY_ENGINE_PARENT, from the `query-engine` script.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Adapter } from './adapter.mjs';
import { connection } from './connection.mjs';
import { Datamodel } from './datamodel.mjs';
import { databaseUrl } from './datasource.mjs';
import { Translator } from './graphql.mjs';
import { endOnSignal, endWithParent } from './lifecycle.mjs';
import { Metrics } from './metrics.mjs';
import { Requests } from './requests.mjs';
import { Server } from './server.mjs';
import { Transactions } from './transactions.mjs';
import { WasmEngine } from './wasm.mjs';

const LOOPBACK = '127.0.0.1';

async function main() {
  // LiteLLM finds orphaned engines by this name
  process.title = 'query-engine';
  endOnSignal();
  endWithParent(Number(process.env.GATEWAY_ENGINE_PARENT ?? process.ppid));
  const { values } = parseArgs({ options: { port: { type: 'string', short: 'p' } }, strict: false });
  const schema = readFileSync(process.env.PRISMA_DML_PATH ?? 'schema.prisma', 'utf8');
  const adapter = new Adapter(connection(databaseUrl(schema, process.env)));
  const engine = await WasmEngine.start(schema, adapter);
  const transactions = new Transactions(engine);
  const requests = new Requests(new Translator(Datamodel.parse(schema)), engine, transactions);
  await new Server(requests, transactions, new Metrics(adapter.pool)).listen(Number(values.port), LOOPBACK);
}

main().catch((error) => {
  process.stderr.write(`query-engine: ${error?.message ?? error}\n`);
  process.exit(1);
});
