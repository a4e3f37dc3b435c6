/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pieces: what a layer of a backup holds, in parts that are copied, hashed and
 * proved one by one. A layer's list lies beside its image as a text file:
 *
 *	# blksnap hashes 1 xxh3-128
 *	OFFSET LENGTH HASH|zero
 *
 * in bytes, ascending, ending in a newline.
 */
#ifndef PIECES_H
#define PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libblksnap.h"

#define PIECE_BYTES_MAX (4u << 20)
/* 32 hexadecimal digits and a zero. */
#define HASH_TEXT_SIZE 33

/**
 * enum piece_kind - what is known of its content.
 * @PIECE_UNKNOWN: nothing yet.
 * @PIECE_ZERO: zeros; only such a piece can be longer than PIECE_BYTES_MAX.
 * @PIECE_DATA: its hash.
 * @PIECE_PART: the hash of a longer piece that this is a part of; another part is
 *	covered by a layer above.
 */
enum piece_kind { PIECE_UNKNOWN, PIECE_ZERO, PIECE_DATA, PIECE_PART };

/**
 * struct piece - a part of a device.
 * @hash: if DATA or PART.
 * @whole_offset: if PART, of the piece that @hash is of.
 * @whole_length: likewise.
 * @layer: the layer that it is from, if the list's maker has set it.
 */
struct piece {
	uint64_t offset;
	uint64_t length;
	uint8_t hash[16];
	enum piece_kind kind;
	uint32_t layer;
	uint64_t whole_offset;
	uint64_t whole_length;
};

/* In ascending order, without overlap. Zeros are an empty list. */
struct pieces {
	struct piece *items;
	size_t count;
	size_t room;
};

/* All return 0 or -ENOMEM if nothing else is said. */
int pieces_add(struct pieces *pieces, const struct piece *piece);
void pieces_free(struct pieces *pieces);

/* Cuts extents at multiples of PIECE_BYTES_MAX; kind UNKNOWN. */
int pieces_cut(struct pieces *pieces, const struct blksnap_extents *extents);

/**
 * struct piece_cursor - how far extents have been cut; zeros are the start.
 * @extent: the one to go on with.
 * @done: bytes of it that were cut.
 */
struct piece_cursor {
	size_t extent;
	uint64_t done;
};

/**
 * pieces_cut_some - the same in portions: a device has more pieces than memory
 *	should hold.
 * @most: pieces to add at most. If none was added, everything has been cut.
 */
int pieces_cut_some(struct pieces *pieces, const struct blksnap_extents *extents,
		    struct piece_cursor *cursor, size_t most);

/**
 * pieces_overlay - what is known of an image when a layer lies over others.
 * @under: the layers beneath, replaced by the result.
 * @over: the layer.
 *
 * Of a piece that is covered in part, the rest becomes PART, unless ZERO.
 */
int pieces_overlay(struct pieces *under, const struct pieces *over);

/**
 * pieces_cover - true if all of @extents lies in pieces.
 * @unit: pieces reach up to the next multiple of it, on both sides.
 * @where: on return the first byte that does not.
 */
bool pieces_cover(const struct pieces *pieces,
		  const struct blksnap_extents *extents, uint64_t unit,
		  uint64_t *where);

/* Hashes a block of memory, and writes a hash as text. */
void hash_memory(const void *data, size_t length, uint8_t hash[16]);
void hash_to_text(const uint8_t hash[16], char text[HASH_TEXT_SIZE]);

/* True if it is zeros only. */
int memory_is_zero(const void *data, size_t length);

/**
 * pieces_write - writes the list to a file; joins neighbouring zeros.
 * @hash: on return the hash of the file's content.
 *
 * Returns 0 or -errno. The file is not synced.
 */
int pieces_write(const struct pieces *pieces, int fd, char hash[HASH_TEXT_SIZE]);

/**
 * struct pieces_writer - a list being written in portions.
 *
 * The file is whole when pieces_writer_close() has returned 0, which is to be
 * called also after an error. Both put and close return 0 or -errno.
 */
struct pieces_writer;
int pieces_writer_open(struct pieces_writer **writer, int fd);
int pieces_writer_put(struct pieces_writer *writer, const struct pieces *pieces);
int pieces_writer_close(struct pieces_writer *writer, char hash[HASH_TEXT_SIZE]);

/* Reads a list. -EBADMSG: it is not one, or its pieces are in disorder. */
int pieces_read(struct pieces *pieces, int fd, char hash[HASH_TEXT_SIZE]);

#endif /* PIECES_H */
