// SPDX-License-Identifier: GPL-2.0-only
/* Lists of pieces: made from extents, laid over one another, kept as text. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "pieces.h"

static const char first_line[] = "# blksnap hashes 1 xxh3-128\n";

int pieces_add(struct pieces *pieces, const struct piece *piece)
{
	if (pieces->count == pieces->room) {
		size_t room = pieces->room ? pieces->room * 2 : 64;
		struct piece *items = reallocarray(pieces->items, room,
						   sizeof(*items));

		if (!items)
			return -ENOMEM;
		pieces->items = items;
		pieces->room = room;
	}
	pieces->items[pieces->count++] = *piece;
	return 0;
}

void pieces_free(struct pieces *pieces)
{
	free(pieces->items);
	memset(pieces, 0, sizeof(*pieces));
}

/* The next piece of the extent at the cursor, up to where it must be cut. */
static struct piece next_cut(const struct blksnap_extent *extent,
			     const struct piece_cursor *cursor)
{
	struct piece piece = { .offset = extent->offset + cursor->done };
	uint64_t left = extent->length - cursor->done;

	piece.length = PIECE_BYTES_MAX - piece.offset % PIECE_BYTES_MAX;
	if (piece.length > left)
		piece.length = left;
	return piece;
}

int pieces_cut_some(struct pieces *pieces, const struct blksnap_extents *extents,
		    struct piece_cursor *cursor, size_t most)
{
	while (most && cursor->extent < extents->count) {
		const struct blksnap_extent *extent =
			&extents->items[cursor->extent];
		struct piece piece = next_cut(extent, cursor);
		int ret = pieces_add(pieces, &piece);

		if (ret)
			return ret;
		most--;
		cursor->done += piece.length;
		if (cursor->done == extent->length) {
			cursor->extent++;
			cursor->done = 0;
		}
	}
	return 0;
}

int pieces_cut(struct pieces *pieces, const struct blksnap_extents *extents)
{
	struct piece_cursor cursor = { .extent = 0 };

	return pieces_cut_some(pieces, extents, &cursor, SIZE_MAX);
}

static uint64_t end_of(const struct piece *piece)
{
	return piece->offset + piece->length;
}

static uint64_t round_up(uint64_t offset, uint64_t unit)
{
	return (offset + unit - 1) / unit * unit;
}

/* Adds what is left of @piece between @from and @to. */
static int add_part(struct pieces *pieces, const struct piece *piece,
		    uint64_t from, uint64_t to)
{
	struct piece part = *piece;

	if (from >= to)
		return 0;
	part.offset = from;
	part.length = to - from;
	if (part.length != piece->length && part.kind == PIECE_DATA) {
		part.kind = PIECE_PART;
		part.whole_offset = piece->offset;
		part.whole_length = piece->length;
	}
	return pieces_add(pieces, &part);
}

int pieces_overlay(struct pieces *under, const struct pieces *over)
{
	struct pieces result = { .items = NULL };
	size_t u = 0, o = 0;
	uint64_t from = under->count ? under->items[0].offset : 0;
	int ret = 0;

	while (!ret && (u < under->count || o < over->count)) {
		const struct piece *lower = u < under->count ?
					    &under->items[u] : NULL;
		const struct piece *upper = o < over->count ?
					    &over->items[o] : NULL;

		if (lower && from < lower->offset)
			from = lower->offset;
		if (lower && from >= end_of(lower)) {
			u++;
		} else if (!upper || (lower && end_of(lower) <= upper->offset)) {
			ret = add_part(&result, lower, from, end_of(lower));
			u++;
		} else {
			/* Up to the upper piece, the lower; then the upper. */
			if (lower)
				ret = add_part(&result, lower, from,
					       upper->offset);
			if (!ret)
				ret = pieces_add(&result, upper);
			if (from < end_of(upper))
				from = end_of(upper);
			o++;
		}
	}
	if (ret) {
		pieces_free(&result);
		return ret;
	}
	pieces_free(under);
	*under = result;
	return 0;
}

bool pieces_cover(const struct pieces *pieces,
		  const struct blksnap_extents *extents, uint64_t unit,
		  uint64_t *where)
{
	const struct piece *piece = pieces->items;
	const struct piece *last = piece + pieces->count;

	for (size_t i = 0; i < extents->count; i++) {
		const struct blksnap_extent *extent = &extents->items[i];
		uint64_t at = extent->offset;

		while (at < extent->offset + extent->length) {
			while (piece < last &&
			       round_up(end_of(piece), unit) <= at)
				piece++;
			*where = at;
			if (piece == last || piece->offset / unit * unit > at)
				return false;
			at = round_up(end_of(piece), unit);
		}
	}
	return true;
}

void hash_memory(const void *data, size_t length, uint8_t hash[16])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, length));
	memcpy(hash, canonical.digest, 16);
}

void hash_to_text(const uint8_t hash[16], char text[HASH_TEXT_SIZE])
{
	for (unsigned int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

int memory_is_zero(const void *data, size_t length)
{
	const char *bytes = data;

	/* Equal to itself one byte on: all bytes are like the first. */
	return !length || (!bytes[0] && !memcmp(bytes, bytes + 1, length - 1));
}

struct hashed_stream {
	FILE *file;
	XXH3_state_t *state;
};

static int stream_open(struct hashed_stream *stream, int fd, const char *mode)
{
	int copy = dup(fd);

	if (copy < 0)
		return -errno;
	stream->state = XXH3_createState();
	stream->file = fdopen(copy, mode);
	if (!stream->file) {
		close(copy);
		XXH3_freeState(stream->state);
		return -ENOMEM;
	}
	if (!stream->state) {
		fclose(stream->file);
		return -ENOMEM;
	}
	XXH3_128bits_reset(stream->state);
	return 0;
}

static int stream_close(struct hashed_stream *stream, char hash[HASH_TEXT_SIZE])
{
	XXH128_canonical_t canonical;
	bool has_failed = ferror(stream->file);

	XXH128_canonicalFromHash(&canonical,
				 XXH3_128bits_digest(stream->state));
	XXH3_freeState(stream->state);
	hash_to_text(canonical.digest, hash);
	/* The error of a full disk shows when the last buffer is written. */
	return fclose(stream->file) || has_failed ? -(errno ? errno : EIO) : 0;
}

static void stream_put(struct hashed_stream *stream, const char *text)
{
	XXH3_128bits_update(stream->state, text, strlen(text));
	fputs(text, stream->file);
}

/* @zeros: the last piece, held back while it may grow; empty if there is none. */
struct pieces_writer {
	struct hashed_stream stream;
	struct piece zeros;
};

static void put_line(struct pieces_writer *writer, const struct piece *piece)
{
	char content[HASH_TEXT_SIZE] = "zero", line[96];

	if (!piece->length)
		return;
	if (piece->kind == PIECE_DATA)
		hash_to_text(piece->hash, content);
	snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " %s\n",
		 piece->offset, piece->length, content);
	stream_put(&writer->stream, line);
}

int pieces_writer_open(struct pieces_writer **writer, int fd)
{
	struct pieces_writer *made = calloc(1, sizeof(*made));
	int ret = made ? stream_open(&made->stream, fd, "w") : -ENOMEM;

	if (ret) {
		free(made);
		return ret;
	}
	stream_put(&made->stream, first_line);
	*writer = made;
	return 0;
}

int pieces_writer_put(struct pieces_writer *writer, const struct pieces *pieces)
{
	struct piece *zeros = &writer->zeros;

	for (size_t i = 0; i < pieces->count; i++) {
		const struct piece *piece = &pieces->items[i];

		if (piece->kind == PIECE_ZERO && zeros->length &&
		    piece->offset == end_of(zeros)) {
			zeros->length += piece->length;
			continue;
		}
		put_line(writer, zeros);
		zeros->length = 0;
		if (piece->kind == PIECE_ZERO)
			*zeros = *piece;
		else
			put_line(writer, piece);
	}
	return ferror(writer->stream.file) ? -(errno ? errno : EIO) : 0;
}

int pieces_writer_close(struct pieces_writer *writer, char hash[HASH_TEXT_SIZE])
{
	int ret;

	put_line(writer, &writer->zeros);
	ret = stream_close(&writer->stream, hash);
	free(writer);
	return ret;
}

int pieces_write(const struct pieces *pieces, int fd, char hash[HASH_TEXT_SIZE])
{
	struct pieces_writer *writer;
	int ret = pieces_writer_open(&writer, fd), close_ret;

	if (ret)
		return ret;
	ret = pieces_writer_put(writer, pieces);
	close_ret = pieces_writer_close(writer, hash);
	return ret ? ret : close_ret;
}

static bool parse_hash(const char *text, uint8_t hash[16])
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		hash[i] = (uint8_t)byte;
	}
	return true;
}

static int parse_line(const char *line, uint64_t after, struct piece *piece)
{
	char content[HASH_TEXT_SIZE];

	memset(piece, 0, sizeof(*piece));
	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %32[0-9a-z]\n",
		   &piece->offset, &piece->length, content) != 3)
		return -EBADMSG;
	if (!strcmp(content, "zero"))
		piece->kind = PIECE_ZERO;
	else if (strlen(content) == 32 && parse_hash(content, piece->hash))
		piece->kind = PIECE_DATA;
	else
		return -EBADMSG;
	if (piece->offset < after || !piece->length ||
	    piece->length > UINT64_MAX - piece->offset ||
	    (piece->kind == PIECE_DATA && piece->length > PIECE_BYTES_MAX))
		return -EBADMSG;
	return 0;
}

int pieces_read(struct pieces *pieces, int fd, char hash[HASH_TEXT_SIZE])
{
	struct hashed_stream stream;
	bool is_first = true;
	uint64_t after = 0;
	char line[128];
	int ret = stream_open(&stream, fd, "r");

	if (ret)
		return ret;
	while (!ret && fgets(line, sizeof(line), stream.file)) {
		struct piece piece;

		XXH3_128bits_update(stream.state, line, strlen(line));
		if (is_first) {
			ret = strcmp(line, first_line) ? -EBADMSG : 0;
			is_first = false;
			continue;
		}
		ret = parse_line(line, after, &piece);
		if (!ret)
			ret = pieces_add(pieces, &piece);
		after = end_of(&piece);
	}
	if (!ret && is_first)
		ret = -EBADMSG;
	errno = 0;
	if (stream_close(&stream, hash) && !ret)
		ret = -EIO;
	if (ret)
		pieces_free(pieces);
	return ret;
}
