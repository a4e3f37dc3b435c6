# SPDX-License-Identifier: GPL-2.0
#
# blksnap: kernel modules, library, tool, and the tests that boot kernels.
# `make help` lists the targets.

SHELL   := /bin/bash
O       ?= $(CURDIR)/build
KERNELS ?= 6.1 6.12
ALL_KERNELS ?= 6.1 6.12 7.3 tree-6.1 tree-7.3
DEBUG_KERNELS ?= debug-6.1 tree-6.1-debug
KDIR    ?= /lib/modules/$(shell uname -r)/build

export O

help:
	@echo 'make demo            the main job, with real data, in a virtual machine'
	@echo 'make check           all tests that fit twenty minutes; ends with N passed, N failed'
	@echo
	@echo 'make all             library, tool, and the modules for the running kernel'
	@echo 'make lib | tool      one of these'
	@echo 'make modules         the modules for the running kernel (KDIR=headers of another)'
	@echo 'make test-modules    the modules for the kernels of the tests (KERNELS="$(KERNELS)")'
	@echo 'make series          patches for a kernel with filter and driver in it (KERNEL=its source)'
	@echo 'make install         all of it (DESTDIR=, PREFIX=/usr/local)'
	@echo 'make uninstall       the reverse'
	@echo
	@echo 'make check-unit      the pure rooms in user space, under sanitizers'
	@echo 'make check-tool      library and tool without a kernel'
	@echo 'make check-interface each fact of the interface, by 64- and 32-bit programs'
	@echo 'make check-vm        the cases of tests/vm on each of KERNELS'
	@echo 'make check-series    each patch of the series applies, builds, and is clean (KERNEL=source)'
	@echo 'make check-races     the data path again, with delays injected into the modules'
	@echo 'make check-kernels   the cases and the facts on each of ALL_KERNELS ($(ALL_KERNELS));'
	@echo '                     tree-…, with filter and driver in it, is built first'
	@echo 'make check-debug     all cases and facts on kernels that look for mistakes, built first'
	@echo '                     (DEBUG_KERNELS="$(DEBUG_KERNELS)")'
	@echo 'make coverage        which lines of the modules the cases reach (CASES="...")'
	@echo 'make check-static    layers, licences, scripts, sparse'
	@echo
	@echo 'make bench           what a snapshot costs, beside dm-snapshot and the raw device'
	@echo '                     (BENCH_ROWS="...", BENCH_MODE=latency|realtime|profile; bench/README.md)'
	@echo
	@echo 'make clean           removes $(O)'

all: lib tool modules

deps-%:
	@scripts/deps.sh $*

lib: deps-build
	@$(MAKE) -C lib O=$(O)

tool: lib
	@$(MAKE) -C tool O=$(O)

modules: deps-build
	@test -d '$(KDIR)' || { echo 'The headers of the running kernel are missing. Install them: apt-get install linux-headers-$(shell uname -r)' >&2; exit 1; }
	@scripts/build-modules.sh '$(KDIR)' '$(O)/modules/$(notdir $(patsubst %/build,%,$(KDIR)))'

test-modules: deps-check
	@set -e; for kernel in $(KERNELS); do \
		dir=$$(scripts/get-kernel.sh $$kernel); \
		! grep -qs '/blksnap\.ko$$' $$dir/lib/modules/*/modules.{order,builtin} || continue; \
		scripts/build-modules.sh $$dir/build $(O)/modules/$$(<$$dir/release); \
	done

series:
	@test -n '$(KERNEL)' || { echo 'Which kernel? make series KERNEL=DIR, where DIR has the source of one' >&2; exit 1; }
	@scripts/make-series.sh '$(KERNEL)' $(OUT)

check-series:
	@test -n '$(KERNEL)' || { echo 'For which kernel? make check-series KERNEL=DIR, where DIR has the source of one' >&2; exit 1; }
	@scripts/check-series.sh '$(KERNEL)'

test-programs: lib
	@$(MAKE) -C tests/vm/src O=$(O)

check: deps-check
	@scripts/check.sh $(KERNELS)

check-unit: deps-check
	@$(MAKE) -C tests/unit

check-tool: deps-check lib tool
	@$(MAKE) -C tests/tool O=$(O)

check-static: deps-check
	@scripts/check-static.sh $(KERNELS)

check-interface: test-modules test-programs
	@$(MAKE) -C tests/interface O=$(O)
	@scripts/check-interface.sh $(KERNELS)

check-vm: deps-check tool test-modules test-programs
	@set -e; for kernel in $(KERNELS); do tests/vm/run-tests --kernel $$kernel; done

check-kernels: deps-check tool test-programs
	@$(MAKE) --no-print-directory -C tests/interface O=$(O)
	@$(MAKE) --no-print-directory test-modules KERNELS='$(ALL_KERNELS)'
	@scripts/check-kernels.sh $(ALL_KERNELS)

check-races: deps-check test-programs
	@scripts/check-races.sh $(KERNELS)

check-debug: deps-check tool test-programs
	@$(MAKE) --no-print-directory -C tests/interface O=$(O)
	@$(MAKE) --no-print-directory test-modules KERNELS='$(DEBUG_KERNELS)'
	@scripts/check-debug.sh $(DEBUG_KERNELS)

coverage: deps-check tool test-programs
	@$(MAKE) --no-print-directory -C tests/interface O=$(O)
	@scripts/coverage.sh $(CASES)

demo: deps-demo
	@$(MAKE) --no-print-directory lib tool test-programs
	@$(MAKE) --no-print-directory test-modules KERNELS=6.1
	@tests/demo/demo

bench: deps-bench
	@$(MAKE) --no-print-directory lib test-programs
	@$(MAKE) --no-print-directory test-modules KERNELS=$${BLKSNAP_KERNEL:-6.1}
	@bench/bench

install: all
	@$(MAKE) -C lib O=$(O) install
	@$(MAKE) -C tool O=$(O) install
	@scripts/install-modules.sh install '$(O)' '$(KDIR)' '$(DESTDIR)'

uninstall:
	@$(MAKE) -C tool O=$(O) uninstall
	@$(MAKE) -C lib O=$(O) uninstall
	@scripts/install-modules.sh uninstall '$(O)' '$(KDIR)' '$(DESTDIR)'

clean:
	rm -rf '$(O)'

.PHONY: help all lib tool modules series test-modules test-programs check check-unit \
	check-tool check-static check-interface check-vm check-kernels check-races check-debug coverage \
	demo bench install uninstall clean
