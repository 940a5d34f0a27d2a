/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz.h: what a fuzz target is: one function, called with any bytes.
 */
#pragma once

#include <glib.h>

/* named by libFuzzer. Aborts where a promise is broken, else returns 0. */
int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);
