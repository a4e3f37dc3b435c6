// SPDX-License-Identifier: GPL-2.0-only
/*
 * scribble: overwrites, makes and removes files without end.
 *
 *	scribble write DIR...	until SIGTERM comes
 *	scribble check DIR...	prints how much there is; fails if a block of a
 *				file is neither empty nor written in one piece
 *
 * A block of 4 KiB tells which file and block it is, and how often blocks were
 * written before; its other words follow from these.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK		4096
#define WORDS		(BLOCK / sizeof(uint64_t))
#define FILES		24
#define BLOCKS		256	/* of a file */
#define AT_ONCE_MAX	16	/* blocks */
#define NAP_MS		20

static volatile sig_atomic_t must_end;

static void end(int signal_number)
{
	(void)signal_number;
	must_end = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "scribble: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_block(uint64_t *words, uint64_t file, uint64_t block,
		       uint64_t number)
{
	words[0] = file;
	words[1] = block;
	words[2] = number;
	for (size_t i = 3; i < WORDS; i++)
		words[i] = (words[i - 1] ^ file) * 0x9e3779b97f4a7c15ull + block;
}

static void write_some(int dir, unsigned int file, uint64_t number)
{
	static uint64_t words[AT_ONCE_MAX * WORDS];
	unsigned int count = 1 + (unsigned int)random() % AT_ONCE_MAX;
	unsigned int from = (unsigned int)random() % (BLOCKS - count + 1);
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%u", file);
	if (random() % 64 == 0)
		unlinkat(dir, name, 0);
	fd = openat(dir, name, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		die(name);
	for (unsigned int i = 0; i < count; i++)
		make_block(words + i * WORDS, file, from + i, number);
	if (pwrite(fd, words, (size_t)count * BLOCK, (off_t)from * BLOCK) !=
	    (ssize_t)count * BLOCK)
		die(name);
	if (random() % 16 == 0 && fdatasync(fd))
		die(name);
	close(fd);
}

static int write_files(char **dirs, unsigned int dir_count)
{
	int fds[16];

	for (unsigned int i = 0; i < dir_count; i++) {
		fds[i] = open(dirs[i], O_RDONLY | O_DIRECTORY);
		if (fds[i] < 0)
			die(dirs[i]);
	}
	signal(SIGTERM, end);
	srandom(1);
	for (uint64_t number = 1; !must_end; number++) {
		for (unsigned int i = 0; i < dir_count; i++)
			write_some(fds[i], (unsigned int)random() % FILES,
				   number);
		nanosleep(&(struct timespec){ .tv_nsec = NAP_MS * 1000000 },
			  NULL);
	}
	return 0;
}

/* Counts the blocks that are written, and those that are wrong. */
static void check_file(const char *path, uint64_t file, uint64_t *written,
		       uint64_t *wrong)
{
	static const uint64_t empty[WORDS];
	uint64_t words[WORDS], right[WORDS];
	FILE *stream = fopen(path, "r");
	uint64_t block;

	if (!stream)
		die(path);
	for (block = 0; fread(words, BLOCK, 1, stream) == 1; block++) {
		if (!memcmp(words, empty, BLOCK))
			continue;
		++*written;
		make_block(right, file, block, words[2]);
		if (!memcmp(words, right, BLOCK))
			continue;
		++*wrong;
		fprintf(stderr, "%s: block %" PRIu64 " is wrong\n", path, block);
	}
	fclose(stream);
}

static int check_files(char **dirs)
{
	uint64_t written = 0, wrong = 0, files = 0;

	for (; *dirs; dirs++) {
		DIR *dir = opendir(*dirs);
		struct dirent *entry;

		if (!dir)
			die(*dirs);
		while ((entry = readdir(dir))) {
			char path[4096];

			if (*entry->d_name == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", *dirs,
				 entry->d_name);
			check_file(path, strtoull(entry->d_name, NULL, 10),
				   &written, &wrong);
			files++;
		}
		closedir(dir);
	}
	printf("files %" PRIu64 "\nbytes %" PRIu64 "\nwrong_blocks %" PRIu64 "\n",
	       files, written * BLOCK, wrong);
	return wrong || !written ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && argc < 18 && !strcmp(argv[1], "write"))
		return write_files(argv + 2, (unsigned int)argc - 2);
	if (argc > 2 && !strcmp(argv[1], "check"))
		return check_files(argv + 2);
	fprintf(stderr, "scribble: see the head of scribble.c\n");
	return 2;
}
