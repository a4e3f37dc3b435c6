// SPDX-License-Identifier: GPL-2.0-only
/* mark begin|end: tells the plugin (count.c) from when to when it counts. */
#include <string.h>

#include "mark.h"

/* nopl WORD(%rax), whose long form the assembler must not shorten. */
#define MARK(word) asm volatile(".byte 0x0f, 0x1f, 0x80\n\t.long %c0" : : "i"(word))

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "begin"))
		MARK(MARK_BEGIN);
	else if (argc == 2 && !strcmp(argv[1], "end"))
		MARK(MARK_END);
	else
		return 2;
	return 0;
}
