CREATE TYPE "Mood" AS ENUM ('calm', 'wild');
CREATE TABLE "Value" (
    id serial PRIMARY KEY,
    a_text text, a_char char(5), an_int integer, a_small smallint, a_big bigint, a_real real,
    a_float double precision, a_decimal numeric(65, 30), a_boolean boolean, a_moment timestamp(3),
    a_zoned timestamptz(3), a_day date, a_json jsonb, a_document json, some_bytes bytea, a_uuid uuid,
    a_mood "Mood",
    many_texts text[], many_ints integer[], many_bigs bigint[], many_floats double precision[],
    many_bools boolean[], many_moments timestamp(3)[], many_zoned timestamptz(3)[], many_jsons jsonb[],
    many_moods "Mood"[], many_uuids uuid[]
);
CREATE TABLE "Author" (id integer PRIMARY KEY, name text NOT NULL UNIQUE, data jsonb, meta text, set jsonb);
CREATE TABLE "Book" (
    id integer PRIMARY KEY, title text NOT NULL, data text, meta jsonb NOT NULL DEFAULT '{}', "where" jsonb,
    author_id integer NOT NULL REFERENCES "Author" (id),
    UNIQUE (author_id, title)
);
CREATE TABLE "Card" (
    id integer PRIMARY KEY, data jsonb NOT NULL,
    author_id integer NOT NULL UNIQUE REFERENCES "Author" (id)
);
