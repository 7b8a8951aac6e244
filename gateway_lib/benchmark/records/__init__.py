"""One row per request: the columns, the table, the story of the run, and where tables are kept."""
