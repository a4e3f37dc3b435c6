// SPDX-License-Identifier: GPL-2.0-only
/*
 * twins: a pair of databases, on two disks, that must never disagree.
 *
 *	twins write A B LOG	writes rows until SIGTERM comes
 *	twins rows LOG		prints how many rows A had at least by now
 *	twins check A B		prints what there is; fails if they disagree
 *
 * A row is committed to A, on disk (synchronous=FULL), before its twin goes to
 * B; so there is no moment at which B has a row that A has not, or a newer
 * revision of one. A backup in which it is so did not show both disks as they
 * were at one moment.
 *
 * LOG gets a line five times a second: milliseconds of CLOCK_MONOTONIC, rows
 * so far, and the longest that one commit took since the line before.
 */
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_EVERY_MS	200
#define NAP_MS		10
/* Every so many rows, an old one gets a new revision. */
#define REVISE_EVERY	4
#define PAYLOAD_MAX	1024

static volatile sig_atomic_t must_end;

static void end(int signal_number)
{
	(void)signal_number;
	must_end = 1;
}

__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("twins: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = NAP_MS * 1000000 }, NULL);
}

/* What a row holds follows from its number. */
static size_t make_payload(int64_t id, char payload[PAYLOAD_MAX])
{
	uint64_t x = (uint64_t)id * 0x9e3779b97f4a7c15ull + 1;
	size_t length = 200 + (size_t)(id * 37 % (PAYLOAD_MAX - 200));

	for (size_t i = 0; i < length; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		payload[i] = (char)('a' + x % 26);
	}
	return length;
}

/* --- one database --- */

struct database {
	const char *path;
	sqlite3 *db;
	sqlite3_stmt *insert;
	sqlite3_stmt *revise;
};

static void run(struct database *database, const char *sql)
{
	if (sqlite3_exec(database->db, sql, NULL, NULL, NULL))
		die("%s: %s: %s", database->path, sql,
		    sqlite3_errmsg(database->db));
}

static sqlite3_stmt *prepare(struct database *database, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL))
		die("%s: %s: %s", database->path, sql,
		    sqlite3_errmsg(database->db));
	return statement;
}

static void open_database(struct database *database, const char *path, int flags)
{
	database->path = path;
	if (sqlite3_open_v2(path, &database->db, flags, NULL))
		die("%s: %s", path, sqlite3_errmsg(database->db));
	run(database, "PRAGMA synchronous=FULL");
}

static void make_database(struct database *database, const char *path)
{
	open_database(database, path,
		      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	run(database, "PRAGMA journal_mode=WAL");
	run(database, "CREATE TABLE IF NOT EXISTS twin"
		      "(id INTEGER PRIMARY KEY, revision INTEGER, payload BLOB)");
	database->insert = prepare(database,
				   "INSERT INTO twin VALUES (?1, 0, ?2)");
	database->revise = prepare(database,
		"UPDATE twin SET revision = revision + 1 WHERE id = ?1");
}

static void close_database(struct database *database)
{
	sqlite3_finalize(database->insert);
	sqlite3_finalize(database->revise);
	sqlite3_close(database->db);
}

/* Returns when the statement, a transaction of its own, is on disk. */
static void commit(struct database *database, sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE)
		die("%s: %s", database->path, sqlite3_errmsg(database->db));
	sqlite3_reset(statement);
}

/* --- writing --- */

struct rows_log {
	FILE *file;
	uint64_t written_ms;
	uint64_t longest_ms;
};

static void log_rows(struct rows_log *log, int64_t rows, uint64_t took_ms)
{
	uint64_t now = now_ms();

	if (took_ms > log->longest_ms)
		log->longest_ms = took_ms;
	if (now - log->written_ms < LOG_EVERY_MS)
		return;
	fprintf(log->file, "%" PRIu64 " %" PRId64 " %" PRIu64 "\n", now, rows,
		log->longest_ms);
	fflush(log->file);
	log->written_ms = now;
	log->longest_ms = 0;
}

static void write_row(struct database *database, int64_t id)
{
	char payload[PAYLOAD_MAX];
	size_t length = make_payload(id, payload);

	sqlite3_bind_int64(database->insert, 1, id);
	sqlite3_bind_blob(database->insert, 2, payload, (int)length,
			  SQLITE_TRANSIENT);
	commit(database, database->insert);
}

static void revise_row(struct database *database, int64_t id)
{
	sqlite3_bind_int64(database->revise, 1, id);
	commit(database, database->revise);
}

static int write_twins(char **args)
{
	struct rows_log log = { .file = fopen(args[2], "a") };
	struct database a, b;

	if (!log.file)
		die("%s cannot be written", args[2]);
	make_database(&a, args[0]);
	make_database(&b, args[1]);
	signal(SIGTERM, end);
	for (int64_t id = 1; !must_end; id++) {
		uint64_t from = now_ms();

		write_row(&a, id);
		write_row(&b, id);
		if (id % REVISE_EVERY == 0) {
			int64_t old = id * 7919 % id + id / 3 + 1;

			old = old > id ? id : old;
			revise_row(&a, old);
			revise_row(&b, old);
		}
		log_rows(&log, id, now_ms() - from);
		nap();
	}
	close_database(&a);
	close_database(&b);
	return fclose(log.file) ? 1 : 0;
}

/* --- checking --- */

static int64_t number(struct database *database, const char *sql)
{
	sqlite3_stmt *statement = prepare(database, sql);
	int64_t value;

	if (sqlite3_step(statement) != SQLITE_ROW)
		die("%s: %s: %s", database->path, sql,
		    sqlite3_errmsg(database->db));
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static bool is_intact(struct database *database, const char *sql)
{
	sqlite3_stmt *statement = prepare(database, sql);
	bool is_ok = false;

	while (sqlite3_step(statement) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(statement, 0);

		is_ok = !strcmp(text, "ok");
		if (!is_ok)
			fprintf(stderr, "%s: %s\n", database->path, text);
	}
	sqlite3_finalize(statement);
	return is_ok;
}

/* Rows that do not hold what they must, or are missing in the count. */
static int64_t wrong_rows(struct database *database, const char *sql)
{
	sqlite3_stmt *statement = prepare(database, sql);
	int64_t wrong = 0, expected = 1;

	while (sqlite3_step(statement) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(statement, 0);
		size_t length = (size_t)sqlite3_column_bytes(statement, 1);
		char payload[PAYLOAD_MAX];

		if (id != expected || length != make_payload(id, payload) ||
		    memcmp(sqlite3_column_blob(statement, 1), payload, length))
			wrong++;
		expected = id + 1;
	}
	sqlite3_finalize(statement);
	return wrong;
}

static bool is_nothing(const char *name, int64_t count)
{
	printf("%s %" PRId64 "\n", name, count);
	return !count;
}

static int check_twins(char **args)
{
	struct database a = { .insert = NULL };
	bool is_right = true;
	char *attach;
	int64_t rows_a, rows_b;

	open_database(&a, args[0], SQLITE_OPEN_READWRITE);
	attach = sqlite3_mprintf("ATTACH %Q AS b", args[1]);
	run(&a, attach);
	sqlite3_free(attach);

	rows_a = number(&a, "SELECT count(*) FROM main.twin");
	rows_b = number(&a, "SELECT count(*) FROM b.twin");
	printf("rows_a %" PRId64 "\nrows_b %" PRId64 "\n", rows_a, rows_b);
	is_right &= is_nothing("damaged_databases",
		!is_intact(&a, "PRAGMA main.integrity_check") +
		!is_intact(&a, "PRAGMA b.integrity_check"));
	is_right &= is_nothing("wrong_rows",
		wrong_rows(&a, "SELECT id, payload FROM main.twin ORDER BY id") +
		wrong_rows(&a, "SELECT id, payload FROM b.twin ORDER BY id"));
	is_right &= is_nothing("twins_without_first",
		number(&a, "SELECT count(*) FROM b.twin WHERE id NOT IN"
			   " (SELECT id FROM main.twin)"));
	is_right &= is_nothing("twins_newer_than_first",
		number(&a, "SELECT count(*) FROM b.twin t JOIN main.twin f"
			   " USING (id) WHERE t.revision > f.revision"));
	/* The writer never was more than one row ahead, either. */
	is_right &= is_nothing("rows_lost_in_b",
		rows_a - rows_b > 1 ? rows_a - rows_b : 0);
	sqlite3_close(a.db);
	return is_right ? 0 : 1;
}

static int print_rows(char **args)
{
	FILE *log = fopen(args[0], "r");
	int64_t rows = 0;
	char line[100];

	while (log && fgets(line, sizeof(line), log))
		sscanf(line, "%*u %" SCNd64, &rows);
	printf("%" PRId64 "\n", rows);
	return log ? fclose(log) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "write"))
		return write_twins(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "rows"))
		return print_rows(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "check"))
		return check_twins(argv + 2);
	fprintf(stderr, "twins: see the head of twins.c\n");
	return 2;
}
