// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "tool.h"

#define BAR_EVERY_MS	200
#define LINE_EVERY_MS	5000

static bool bar_is_on_screen;

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int parse_mode(const char *text, enum progress_mode *mode)
{
	static const char *const names[] = {
		[PROGRESS_AUTO] = "auto", [PROGRESS_BAR] = "bar",
		[PROGRESS_LINES] = "lines", [PROGRESS_JSON] = "json",
		[PROGRESS_NONE] = "none",
	};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(text, names[i])) {
			*mode = (enum progress_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool progress_take_option(enum progress_mode *mode, int option,
			  const char *argument, int *error)
{
	*error = 0;
	switch (option) {
	case OPT_PROGRESS:
		*error = parse_mode(argument, mode);
		return true;
	case 'q':
		say_be_quiet(true);
		*mode = PROGRESS_NONE;
		return true;
	}
	return false;
}

static void clear_bar(void)
{
	if (!bar_is_on_screen)
		return;
	fputs("\r\033[K", stderr);
	bar_is_on_screen = false;
}

void progress_start(struct progress *progress, enum progress_mode mode,
		    const char *label, uint64_t total)
{
	if (mode == PROGRESS_AUTO)
		mode = isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_LINES;
	progress->mode = mode;
	progress->label = label;
	progress->total = total;
	atomic_init(&progress->done, 0);
	progress->started_ms = now_ms();
	progress->shown_ms = progress->started_ms;
	say_set_interrupt(clear_bar);
}

void progress_add(struct progress *progress, uint64_t bytes)
{
	atomic_fetch_add(&progress->done, bytes);
}

struct figures {
	uint64_t done;
	uint64_t total;
	uint64_t rate;
	uint64_t seconds_left;
	unsigned int percent;
};

static struct figures figures_of(struct progress *progress)
{
	uint64_t elapsed_ms = now_ms() - progress->started_ms;
	struct figures figures = {
		.done = atomic_load(&progress->done),
		.total = progress->total,
	};

	if (figures.done > figures.total)
		figures.done = figures.total;
	figures.rate = elapsed_ms ? figures.done * 1000 / elapsed_ms : 0;
	figures.percent = figures.total ?
		(unsigned int)(figures.done * 100.0 / figures.total) : 100;
	if (figures.rate)
		figures.seconds_left = (figures.total - figures.done) /
				       figures.rate;
	return figures;
}

static unsigned int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

static const char *format_left(const struct figures *figures, char text[24])
{
	uint64_t left = figures->seconds_left;

	if (!figures->rate && figures->done < figures->total)
		return "--:--";
	if (left >= 3600)
		snprintf(text, 24, "%" PRIu64 ":%02u:%02u", left / 3600,
			 (unsigned int)(left / 60 % 60),
			 (unsigned int)(left % 60));
	else
		snprintf(text, 24, "%u:%02u", (unsigned int)(left / 60),
			 (unsigned int)(left % 60));
	return text;
}

static void show_bar(const struct progress *progress,
		     const struct figures *figures)
{
	static const char full[] = "##################################################";
	static const char empty[] = "..................................................";
	char done[16], total[16], rate[16], left[24], text[128];
	int used, width, filled;

	used = snprintf(text, sizeof(text), " %3u%%  %s of %s  %s/s  %s left",
			figures->percent, format_size(figures->done, done),
			format_size(figures->total, total),
			format_size(figures->rate, rate),
			format_left(figures, left));
	width = (int)terminal_width() - used - (int)strlen(progress->label) - 4;
	if (width > 50)
		width = 50;
	if (width < 0)
		width = 0;
	filled = width * (int)figures->percent / 100;
	fprintf(stderr, "\r%s [%.*s%.*s]%s\033[K", progress->label,
		filled, full, width - filled, empty, text);
	fflush(stderr);
	bar_is_on_screen = true;
}

static void show_line(const struct progress *progress,
		      const struct figures *figures)
{
	char done[16], total[16], rate[16], left[24];

	fprintf(stderr, "%s: %u%%, %s of %s, %s/s, %s left\n", progress->label,
		figures->percent, format_size(figures->done, done),
		format_size(figures->total, total),
		format_size(figures->rate, rate),
		format_left(figures, left));
}

static void show_json(const struct progress *progress,
		      const struct figures *figures)
{
	fprintf(stderr,
		"{\"schema\":\"blksnap-progress\",\"schema_version\":1,"
		"\"job\":\"%s\",\"bytes_done\":%" PRIu64
		",\"bytes_total\":%" PRIu64 ",\"bytes_per_second\":%" PRIu64
		",\"seconds_left\":%" PRIu64 "}\n", progress->label,
		figures->done, figures->total, figures->rate,
		figures->seconds_left);
}

static void show_now(struct progress *progress)
{
	struct figures figures = figures_of(progress);

	progress->shown_ms = now_ms();
	if (progress->mode == PROGRESS_BAR)
		show_bar(progress, &figures);
	else if (progress->mode == PROGRESS_LINES)
		show_line(progress, &figures);
	else if (progress->mode == PROGRESS_JSON)
		show_json(progress, &figures);
}

void progress_show(struct progress *progress)
{
	uint64_t every_ms = progress->mode == PROGRESS_BAR ? BAR_EVERY_MS :
							     LINE_EVERY_MS;

	if (progress->label && now_ms() - progress->shown_ms >= every_ms)
		show_now(progress);
}

void progress_end(struct progress *progress)
{
	if (!progress->label)
		return;
	show_now(progress);
	if (bar_is_on_screen)
		fputc('\n', stderr);
	bar_is_on_screen = false;
	progress->label = NULL;
	say_set_interrupt(NULL);
}
