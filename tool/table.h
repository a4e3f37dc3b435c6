/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables for people (libsmartcols) and the same rows as JSON for programs.
 * The options are lsblk's: -J JSON, -o COLUMNS, -n no headings, -b bytes.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "tool.h"

struct json_object;

enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_SIZE, COLUMN_BOOL };

/**
 * struct column - one of a table's columns.
 * @name: heading, in capitals.
 * @key: in JSON.
 * @kind: a SIZE is in bytes, and shown with a unit unless -b.
 * @is_hidden: shown only if -o names it, or in JSON.
 */
struct column {
	const char *name;
	const char *key;
	enum column_kind kind;
	bool is_hidden;
};

/**
 * union cell - a value; text NULL, or a number of UINT64_MAX: unknown.
 */
union cell {
	const char *text;
	uint64_t number;
};

/**
 * struct table_options - how to print.
 * @is_json: rows become objects.
 * @columns: comma-separated names, NULL for the default.
 * @has_no_headings: -n.
 * @is_in_bytes: -b.
 */
struct table_options {
	bool is_json;
	const char *columns;
	bool has_no_headings;
	bool is_in_bytes;
};

#define TABLE_LONG_OPTIONS \
	{ "json", no_argument, NULL, 'J' }, \
	{ "output", required_argument, NULL, 'o' }, \
	{ "noheadings", no_argument, NULL, 'n' }, \
	{ "bytes", no_argument, NULL, 'b' }
#define TABLE_SHORT_OPTIONS "Jo:nb"
#define TABLE_USAGE \
	"  -J, --json             print JSON\n" \
	"  -o, --output COLUMNS   print these columns only, comma-separated\n" \
	"  -n, --noheadings       print no headings\n" \
	"  -b, --bytes            print sizes in bytes\n"

/* True if it took the option that getopt_long() returned. */
bool table_take_option(struct table_options *options, int option,
		       const char *argument);

struct table;

/* @columns end with a NULL name. NULL after WRONG_USAGE was said, or no memory. */
struct table *table_new(const struct column *columns,
			const struct table_options *options);
/* Adds a row; @cells has one for each column. Texts are copied. */
void table_add(struct table *table, const union cell *cells);
/* Prints text, or returns the rows for the caller's JSON document; frees it. */
struct json_object *table_end(struct table *table);

/* A JSON document with its schema and version, and how it is printed. */
struct json_object *document_new(const char *schema);
void document_print(struct json_object *document);

#endif /* TABLE_H */
