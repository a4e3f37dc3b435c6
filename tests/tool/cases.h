/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka with the headers that it wants, for every unit test. */
#ifndef CASES_H
#define CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif /* CASES_H */
