# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Reading a kernel log for signs that the kernel is unwell. Sourced on both
# sides: by the host for the log of a whole guest, in the guest for the part
# of it that one case wrote.

# What a healthy kernel never says, whatever is done to it by a test. An I/O
# error is not here: tests provoke those.
kernel_log_patterns() {
	grep -v '^#' <<-'PATTERNS'
	# the kernel gave up, or nearly
	Kernel panic
	Oops
	BUG[: ]
	kernel BUG at
	WARNING:
	general protection fault
	unable to handle (kernel|page fault)
	# memory
	KASAN:
	KFENCE:
	KMSAN:
	UBSAN:
	kmemleak: [0-9]+ new suspected
	refcount_t:
	ODEBUG:
	(list_add|list_del) corruption
	(Object|Redzone|Poison|Padding) .*overwritten
	Objects remaining in
	stack-protector:
	# locks and time
	KCSAN:
	DEBUG_LOCKS_WARN_ON
	possible (circular locking|recursive locking|irq lock inversion|deadlock)
	possible irq lock inversion
	inconsistent lock state
	suspicious RCU usage
	bad unlock balance
	lock held (when returning|at task exit)
	held lock freed
	sleeping function called from invalid context
	scheduling while atomic
	blocked for more than
	soft lockup
	hard LOCKUP
	rcu.*(detected|self-detected) (expedited )?stall
	PATTERNS
}

# Prints the lines of a kernel log, given as FILE or on stdin, that tell of
# trouble; true if there are any.
kernel_log_trouble() {
	grep -aE "$(kernel_log_patterns | paste -sd'|')" "$@"
}
