# SPDX-License-Identifier: LGPL-2.1-or-later
# What the library, the tool and their tests are compiled with.
# O is where everything that is built goes; nothing is written beside a source.

TOP     := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
O       ?= $(TOP)/build
VERSION ?= 2.0.0

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DESTDIR    ?=

CC         ?= cc
AR         ?= ar
PKG_CONFIG ?= pkg-config
INSTALL    ?= install

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes \
	    -Wstrict-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef
CFLAGS   ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	      -DBLKSNAP_VERSION='"$(VERSION)"' \
	      -I$(TOP)/include -I$(TOP)/include/uapi $(CFLAGS)
