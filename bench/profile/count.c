// SPDX-License-Identifier: GPL-2.0-only
/*
 * count: a plugin for QEMU that counts executed instructions by address.
 *
 * A guest says from when to when by a no-op with a word in it (see mark.c), so
 * that nothing runs in the guest that is not to be measured. Every translated
 * block has a counter. An end mark writes them to a file of the directory given,
 * the first to 1, the next to 2, a line for each block:
 *
 *	ADDRESS INSTRUCTIONS TIMES
 *
 * The interface of QEMU's plugins, version 1, is declared here because
 * distributions do not package its header.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t qemu_info_t;
typedef void (*tb_callback)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_callback)(unsigned int vcpu, void *userdata);

enum { QEMU_PLUGIN_INLINE_ADD_U64 };
enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_callback cb);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *counter, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    exec_callback cb, int flags,
					    void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
			char **argv);

#define BUCKETS 65536

/* Never freed: translated code points to it. */
struct block {
	struct block *next;
	uint64_t address;
	uint64_t insns;
	uint64_t times;
};

static struct block *blocks[BUCKETS];
static char *directory;
static unsigned int ends;

static struct block *block_of(uint64_t address, uint64_t insns)
{
	struct block **bucket = &blocks[(address ^ address >> 16) % BUCKETS];
	struct block *block;

	for (block = *bucket; block; block = block->next)
		if (block->address == address && block->insns == insns)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->insns = insns;
	block->next = *bucket;
	*bucket = block;
	return block;
}

static void begin(unsigned int vcpu, void *userdata)
{
	(void)vcpu;
	(void)userdata;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *block = blocks[i]; block; block = block->next)
			block->times = 0;
}

static void end(unsigned int vcpu, void *userdata)
{
	char path[PATH_MAX];
	FILE *file;

	(void)vcpu;
	(void)userdata;
	snprintf(path, sizeof(path), "%s/%u", directory, ++ends);
	file = fopen(path, "w");
	if (!file)
		abort();
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *block = blocks[i]; block; block = block->next)
			if (block->times)
				fprintf(file, "%016" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
					block->address, block->insns, block->times);
	fclose(file);
}

static bool is_mark(const struct qemu_plugin_insn *insn, uint32_t word)
{
	uint8_t code[] = { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 };

	memcpy(code + 3, &word, sizeof(word));
	return qemu_plugin_insn_size(insn) == sizeof(code) &&
	       !memcmp(qemu_plugin_insn_data(insn), code, sizeof(code));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64,
			&block_of(qemu_plugin_tb_vaddr(tb), count)->times, 1);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (is_mark(insn, MARK_BEGIN))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin,
					QEMU_PLUGIN_CB_NO_REGS, NULL);
		else if (is_mark(insn, MARK_END))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
					QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
			char **argv)
{
	static const char key[] = "directory=";

	(void)info;
	if (argc != 1 || strncmp(argv[0], key, strlen(key)))
		return -1;
	directory = strdup(argv[0] + strlen(key));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return directory ? 0 : -1;
}
