/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the modules say in the kernel log while a call runs: there they give
 * reasons that an errno cannot.
 */
#ifndef KLOG_H
#define KLOG_H

/* Remembers the end of the log. Returns a descriptor, or -1 without one. */
int klog_mark(void);

/* Prints what the modules said since then as hints, and closes it. */
void klog_tell(int fd);

/* Closes it without a word. */
void klog_close(int fd);

#endif /* KLOG_H */
