/**
 * Prints, as JSON, the request with which the Prisma CLI would have a generator write its client for a schema.
 *
 * `node generator.mjs SCHEMA`; prisma-client-py's generator reads it as one line of JSON-RPC. The full Prisma CLI
 * would have to be installed for nothing but this.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const require = createRequire(import.meta.url);
const { get_config: getConfig, get_dmmf: getDmmf } = require('@prisma/prisma-schema-wasm');

const schemaPath = resolve(process.argv[2]);
const datamodel = readFileSync(schemaPath, 'utf8');
const files = { prismaSchema: [[schemaPath, datamodel]] };
const { config, errors } = JSON.parse(
  getConfig(JSON.stringify({ ...files, datasourceOverrides: {}, env: {}, ignoreEnvVarErrors: true })),
);
if (errors.length > 0) throw new Error(errors.map((error) => error.message).join('; '));
const [generator, ...otherGenerators] = config.generators;
process.stdout.write(
  JSON.stringify({
    // the engine is named by PRISMA_QUERY_ENGINE_BINARY, whatever the schema's binary targets are
    generator: { ...generator, binaryTargets: [] },
    otherGenerators,
    schemaPath,
    datamodel,
    datasources: config.datasources,
    dmmf: JSON.parse(getDmmf(JSON.stringify(files))),
    binaryPaths: {},
  }),
);
