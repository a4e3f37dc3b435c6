/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library's files share and nobody else sees. */
#ifndef LIB_PRIVATE_H
#define LIB_PRIVATE_H

#include "libblksnap.h"

/* Everything is hidden but what carries this and stands in libblksnap.map. */
#define LIBEXPORT __attribute__((visibility("default")))

#endif /* LIB_PRIVATE_H */
