// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define COLUMNS_MAX 32

/**
 * struct table - being filled.
 * @columns: all that there are.
 * @shown: indexes of those that are printed, in order.
 * @shown_count: how many.
 * @text: the table, unless JSON.
 * @rows: the JSON array, unless text.
 */
struct table {
	const struct column *columns;
	unsigned int shown[COLUMNS_MAX];
	unsigned int shown_count;
	bool is_in_bytes;
	struct libscols_table *text;
	struct json_object *rows;
};

bool table_take_option(struct table_options *options, int option,
		       const char *argument)
{
	switch (option) {
	case 'J':
		options->is_json = true;
		return true;
	case 'o':
		options->columns = argument;
		return true;
	case 'n':
		options->has_no_headings = true;
		return true;
	case 'b':
		options->is_in_bytes = true;
		return true;
	}
	return false;
}

static bool show_named(struct table *table, const char *name, size_t length)
{
	for (unsigned int i = 0; table->columns[i].name; i++) {
		if (strlen(table->columns[i].name) != length ||
		    strncasecmp(table->columns[i].name, name, length))
			continue;
		if (table->shown_count < COLUMNS_MAX)
			table->shown[table->shown_count++] = i;
		return true;
	}
	return false;
}

static bool choose_columns(struct table *table,
			   const struct table_options *options)
{
	const char *name = options->columns;

	if (!name) {
		for (unsigned int i = 0; table->columns[i].name; i++)
			if (options->is_json || !table->columns[i].is_hidden)
				table->shown[table->shown_count++] = i;
		return true;
	}
	while (*name) {
		size_t length = strcspn(name, ",");

		if (!show_named(table, name, length)) {
			say_error("there is no column '%.*s'", (int)length, name);
			return false;
		}
		name += length + (name[length] == ',');
	}
	return true;
}

static void make_text(struct table *table, const struct table_options *options)
{
	table->text = scols_new_table();
	if (!table->text)
		return;
	scols_table_enable_noheadings(table->text, options->has_no_headings);
	for (unsigned int i = 0; i < table->shown_count; i++) {
		const struct column *column = &table->columns[table->shown[i]];
		int is_right = column->kind == COLUMN_NUMBER ||
			       column->kind == COLUMN_SIZE;

		scols_table_new_column(table->text, column->name, 0,
				       is_right ? SCOLS_FL_RIGHT : 0);
	}
}

struct table *table_new(const struct column *columns,
			const struct table_options *options)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->is_in_bytes = options->is_in_bytes;
	if (!choose_columns(table, options)) {
		free(table);
		return NULL;
	}
	if (options->is_json)
		table->rows = json_object_new_array();
	else
		make_text(table, options);
	return table;
}

static struct json_object *json_of(const struct column *column, union cell cell)
{
	if (column->kind == COLUMN_TEXT)
		return cell.text ? json_object_new_string(cell.text) : NULL;
	if (cell.number == UINT64_MAX)
		return NULL;
	if (column->kind == COLUMN_BOOL)
		return json_object_new_boolean(cell.number != 0);
	return json_object_new_uint64(cell.number);
}

static const char *text_of(const struct table *table,
			   const struct column *column, union cell cell,
			   char text[32])
{
	if (column->kind == COLUMN_TEXT)
		return cell.text ? cell.text : "";
	if (cell.number == UINT64_MAX)
		return "";
	if (column->kind == COLUMN_BOOL)
		return cell.number ? "yes" : "no";
	if (column->kind == COLUMN_SIZE && !table->is_in_bytes)
		return format_size(cell.number, text);
	snprintf(text, 32, "%" PRIu64, cell.number);
	return text;
}

void table_add(struct table *table, const union cell *cells)
{
	struct json_object *row = table->rows ? json_object_new_object() : NULL;
	struct libscols_line *line = table->text ?
				     scols_table_new_line(table->text, NULL) :
				     NULL;

	for (unsigned int i = 0; i < table->shown_count; i++) {
		unsigned int c = table->shown[i];
		const struct column *column = &table->columns[c];
		char text[32];

		if (row)
			json_object_object_add(row, column->key,
					       json_of(column, cells[c]));
		else if (line)
			scols_line_set_data(line, i,
					    text_of(table, column, cells[c],
						    text));
	}
	if (row)
		json_object_array_add(table->rows, row);
}

struct json_object *table_end(struct table *table)
{
	struct json_object *rows = table->rows;

	if (table->text) {
		scols_print_table(table->text);
		scols_unref_table(table->text);
	}
	free(table);
	return rows;
}

struct json_object *document_new(const char *schema)
{
	struct json_object *document = json_object_new_object();

	json_object_object_add(document, "schema",
			       json_object_new_string(schema));
	json_object_object_add(document, "schema_version",
			       json_object_new_int(1));
	return document;
}

void document_print(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document,
					    JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
}
