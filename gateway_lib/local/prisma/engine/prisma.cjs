/**
 * Stands where prisma-client-py looks for the Prisma CLI, which it would otherwise fetch with npm.
 *
 * LiteLLM calls it once at its start, to compare the schema with the database, and goes on when it fails.
 */
process.stderr.write(
  `prisma ${process.argv[2] ?? ''}: not needed and not installed; ` +
    'the client is generated and the migrations are applied by gateway_lib.local.prisma\n',
);
process.exit(1);
