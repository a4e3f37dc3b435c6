// SPDX-License-Identifier: GPL-2.0-only
/*
 * files: giving a file as storage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "calls.h"
#include "facts.h"
#include "groups.h"
#include "memory.h"

#define FILE_BYTES	(1024 * 1024)

/* A file without a name of so many bytes, allocated. */
static int new_file(const char *place, off_t bytes)
{
	int fd = open(place, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

	need(fd >= 0 && (!bytes || !fallocate(fd, 0, 0, bytes)), "a file in %s", place);
	return fd;
}

static void reserved(struct abi_uuid id, int fd)
{
	struct abi_append_file arg;
	unsigned int bit, word;

	for (bit = 0; bit < 32; bit += 31) {
		arg = (struct abi_append_file){ .id = id, .fd = fd, .flags = 1u << bit };
		answers(call(ABI_APPEND_FILE, &arg), -EINVAL, "flag %u", bit);
	}
	for (word = 0; word < 4; word++) {
		arg = (struct abi_append_file){ .id = id, .fd = fd };
		arg.reserved[word] = word & 1 ? 1ull << 63 : 1;
		answers(call(ABI_APPEND_FILE, &arg), -EINVAL, "reserved word %u", word);
	}
	answers(storage_of(id), 0, "nothing is given by all these");
}

static void not_a_file(struct abi_uuid id)
{
	char path[256];
	int fd, pipes[2];

	answers(append_file(id, -1, NULL), -EBADF, "descriptor -1");
	answers(append_file(id, 1000000, NULL), -EBADF, "a descriptor that is not open");
	answers(append_file(id, INT32_MIN, NULL), -EBADF, "descriptor -2^31");
	fd = open(on.ext4, O_PATH | O_CLOEXEC);
	answers(append_file(id, fd, NULL), -EBADF, "a descriptor that is only a path");
	close(fd);
	fd = open(on.ext4, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	answers(append_file(id, fd, NULL), -EBADF, "a directory");
	close(fd);
	snprintf(path, sizeof(path), "%s/swap", on.ext4);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	answers(append_file(id, fd, NULL), -EBADF, "a file open for reading only");
	close(fd);
	fd = open(on.storage.path, O_RDWR | O_CLOEXEC);
	answers(append_file(id, fd, NULL), -EINVAL, "a device");
	close(fd);
	need(!pipe2(pipes, O_CLOEXEC), "a pipe");
	answers(append_file(id, pipes[1], NULL), -EINVAL, "a pipe");
	close(pipes[0]);
	close(pipes[1]);
	fd = new_file(on.memory, FILE_BYTES);
	answers(append_file(id, fd, NULL), -EOPNOTSUPP, "a file on another file system");
	close(fd);
}

static void bad_blocks(struct abi_uuid id)
{
	char bytes[100] = "a few bytes";
	int fd, other;

	fd = new_file(on.ext4, 0);
	answers(append_file(id, fd, NULL), -EINVAL, "an empty file");
	need(!ftruncate(fd, FILE_BYTES), "a hole");
	answers(append_file(id, fd, NULL), -EINVAL, "a file that is a hole");
	close(fd);
	fd = new_file(on.ext4, 3000);
	answers(append_file(id, fd, NULL), -EINVAL, "less than a unit");
	close(fd);
	fd = new_file(on.ext4, 0);
	need(write(fd, bytes, 100) == 100 && !ftruncate(fd, 4096), "inline data");
	answers(append_file(id, fd, NULL), -EINVAL, "a file of a few bytes");
	close(fd);
	fd = new_file(on.xfs, FILE_BYTES);
	other = new_file(on.xfs, 0);
	need(pwrite(fd, bytes, 100, 70000) == 100 && !fsync(fd) &&
	     !ioctl(other, FICLONE, fd), "shared blocks");
	answers(append_file(id, fd, NULL), -EINVAL, "a file that shares blocks");
	close(other);
	close(fd);
	answers(storage_of(id), 0, "nothing is given by all these");
}

static void in_use(struct abi_uuid id)
{
	char path[256];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "%s/swap", on.ext4);
	fd = open(path, O_RDWR | O_CLOEXEC);
	need(fd >= 0 && !swapon(path, 0), "to swap to %s", path);
	answers(append_file(id, fd, NULL), -EBUSY, "a file that is swapped to");
	need(!swapoff(path), "to swap no more");
	close(fd);
	fd = new_file(on.ext4, FILE_BYTES);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(map != MAP_FAILED, "a mapping");
	answers(append_file(id, fd, NULL), -EBUSY, "a file that is mapped for writing");
	munmap(map, 4096);
	answers(storage_of(id), 0, "nothing is given by these");
	answers(pwrite(fd, "x", 1, 0), 1, "what was refused can be written");
	close(fd);
}

static void above(struct abi_uuid id)
{
	char path[] = "/mnt/interface.XXXXXX";
	int fd;

	need(mkdtemp(path), "a directory");
	run("mkfs.ext4 -q -F %s && mount -t ext4 %s %s", on.above.path, on.above.path, path);
	fd = new_file(path, FILE_BYTES);
	answers(append_file(id, fd, NULL), -EINVAL, "a file above a device of the snapshot");
	close(fd);
	run("umount %s && rmdir %s", path, path);
}

static void good(struct abi_uuid id)
{
	struct abi_append_file arg, refused;
	int fd = new_file(on.ext4, FILE_BYTES), other;

	refused = (struct abi_append_file){ .id = id, .fd = fd };
	answers(call(ABI_APPEND_FILE, read_only(&refused, sizeof(refused))), -EFAULT,
		"a good argument that cannot be written is refused");
	answers(storage_of(id), 0, "and nothing is given by it");
	answers(append_file(id, fd, &arg), 0, "a file on ext4");
	fact(arg.sectors && arg.sectors <= FILE_BYTES / 512 && !(arg.sectors % 8),
	     "tells how many sectors it gave, whole units");
	answers(storage_of(id), arg.sectors, "and has given them");
	fact(same_id(&arg.id, &id) && arg.fd == fd && !arg.flags &&
	     is_zero(arg.reserved, sizeof(arg.reserved)), "the rest of the argument stays");
	answers(append_file(id, fd, NULL), -EBUSY, "that file again");
	fact(pwrite(fd, "x", 1, 0) < 0 && ftruncate(fd, 0) < 0,
	     "it can be neither written nor truncated");
	other = new_file(on.xfs, FILE_BYTES);
	answers(append_file(id, other, NULL), 0, "a file on XFS");
	close(other);
	need(!destroy(id), "the end of a snapshot");
	answers(pwrite(fd, "x", 1, 0), 1, "after the snapshot it can be written");
	answers(append_file(id, fd, NULL), -ESRCH, "a file for a snapshot that is no more");
	close(fd);
}

void facts_of_files(void)
{
	struct abi_uuid id = new_snapshot(&on.b);
	int fd = new_file(on.ext4, FILE_BYTES);

	about("SNAPSHOT_APPEND_FILE");
	answers(append_file(NO_SNAPSHOT, fd, NULL), -ESRCH, "no snapshot");
	reserved(id, fd);
	close(fd);
	not_a_file(id);
	bad_blocks(id);
	in_use(id);
	above(id);
	good(id);
	need(!tracker_remove(on.b.dev), "the end of tracking");
}
